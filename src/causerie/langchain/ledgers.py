"""Ledger: where entries go. Handlers that write to the same project with the same key share one."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from causerie.client import Client
from causerie.client.environment import key_of, url_of
from causerie.client.items import Item
from causerie.langchain.entries import Entry, entry_of
from causerie.langchain.fitting import id_that_fits, readable_text
from causerie.langchain.trees import Party, Turn

CLIENTS_MAX = 64
"""Of more keys than that, those that were used last keep their connections."""
CONVERSATIONS_MAX = 10_000
log = logging.getLogger("causerie.langchain")


class Memory:
    """What the models of conversations were told to be, so that it is not logged with each turn.
    Safe in threads.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[str, str] = OrderedDict()
        self.forget()

    def forget(self) -> None:
        """In a child after a fork: a thread that is no more may have the lock. It may be taken
        twice, because a stream may be thrown away, and so end, wherever memory is asked for.
        """
        self._lock = threading.RLock()

    def is_new(self, conversation: str, told: list[Item]) -> bool:
        """Whether the model was told something else the last time, or nothing."""
        words = "\n\n".join(str(item["message"]) for item in told)
        with self._lock:
            known = self._told.pop(conversation, "")
            self._told[conversation] = words or known
            if len(self._told) > CONVERSATIONS_MAX:
                self._told.popitem(last=False)
        return bool(words) and words != known


class Ledger:
    """Logs what turns became; never raises into the app. Those of one destination are equal."""

    def __init__(self, client: Client, tenant: str, memory: Memory) -> None:
        self.client = client
        self._tenant = tenant
        self._memory = memory
        self._name = (client.destination, tenant)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def keep(self, turns: Sequence[Turn]) -> None:
        """Hand over what became of them, if anything was said."""
        for turn in turns:
            try:
                turn.party.learn(turn.defaults)
                entry = entry_of(turn)
                if entry is not None:
                    self._write(entry, turn.party)
            except Exception:  # the edge of an app's run: logging must never break it
                log.exception("a run could not be logged")

    def _write(self, entry: Entry, party: Party) -> None:
        given: dict[str, Any] = {
            "user": readable_text(party.user) or None,
            "metadata": party.metadata or None,
            "tenant": self._tenant or None,
        }
        if party.conversation:
            id = id_that_fits(party.conversation)
            items = [item for item in entry.new if item.get("role") != "system"]
            if self._memory.is_new(id, entry.told):
                items = [*entry.told, *items]
            if items:
                self.client.append(id, items, **given)
        elif entry.continues:
            self.client.upsert(entry.whole, line=entry.opening, **given)
        else:
            self.client.log(entry.whole, line=entry.opening, **given)


class Ledgers:
    """The ledgers of this process and their clients. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._clients: OrderedDict[tuple[Any, ...], Client] = OrderedDict()
        self._memories: OrderedDict[tuple[str, str], Memory] = OrderedDict()

    def forget(self) -> None:
        """In a child after a fork: a thread that is no more may have a lock."""
        self._lock = threading.RLock()
        for memory in self._memories.values():
            memory.forget()

    def client(self, token: str | None, url: str | None, options: Mapping[str, Any]) -> Client:
        """A client for that key and address; the same one for the same. Raises ValueError for a
        key or an address that cannot be one.
        """
        key, address = key_of(token), url_of(url)
        name = (key, address, *sorted(options.items(), key=str))
        with self._lock:
            if name not in self._clients or self._clients[name].closed:
                self._clients[name] = Client(key, address, **options)
            self._clients.move_to_end(name)
            if len(self._clients) > CLIENTS_MAX:
                self._clients.popitem(last=False)
            return self._clients[name]

    def ledger(self, client: Client, tenant: str | None) -> Ledger:
        """A ledger for entries of that tenant, or else of the client's own."""
        whose = tenant or client.tenant or ""
        name = (client.destination, whose)
        with self._lock:
            memory = self._memories.setdefault(name, Memory())
            self._memories.move_to_end(name)
            if len(self._memories) > CLIENTS_MAX:
                self._memories.popitem(last=False)
        return Ledger(client, whose, memory)


@cache
def all_ledgers() -> Ledgers:
    """Those of this process: two handlers in one run have to know of each other."""
    ledgers = Ledgers()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=ledgers.forget)
    return ledgers
