"""ContextCallbackHandler: logs what runs through LangChain, one conversation entry for each run.

It takes the place of the handler of that name for the Context service. The outermost run that it is
attached to is the entry: what that was given and what came of it, with the tools that were called
meanwhile. It may be attached to a model, a chain, both, or by `config={"callbacks": [handler]}`;
several of them in one run log it once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from causerie.client import Client
from causerie.client.items import Item
from causerie.langchain.ledgers import all_ledgers
from causerie.langchain.parties import party_of
from causerie.langchain.runs import all_runs
from causerie.langchain.trees import Kind, Party, Step, Tree, Turn
from causerie.langchain.words import (
    Talk,
    arguments_of,
    items_of_messages,
    plain,
    reply_of,
    talk_of,
    text_of,
)
from causerie.langchain.words import talk_of_messages as talk_of_chat

NO_TALK = ("prompt", "parser")
"""Types of chains that say nothing themselves."""
log = logging.getLogger("causerie.langchain")


class ContextCallbackHandler(BaseCallbackHandler):
    """Logs conversations. Never raises into a run, and never waits for the network.

    User and conversation are, in this order: `user_id` and `conversation_id`, `thread_id` or
    `session_id` of the run's metadata or of its `configurable`; the model's
    `default_headers={"user_id": …}`; what the constructor was given. With a conversation each run
    adds what is new to it; without one a run is a conversation, or goes on with the one that its
    messages begin with.
    """

    # In the thread and the task of the run, not in one of a pool: it takes a fraction of a
    # millisecond, and what it notes stays in order.
    run_inline = True

    def __init__(
        self,
        token: str = "",
        verbose: bool = False,
        *,
        url: str | None = None,
        user: str | None = None,
        conversation: str | None = None,
        tenant: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        steps: bool = False,
        client: Client | None = None,
        **options: Any,
    ) -> None:
        """`token` and `url` default to the environment's, as the client's do; `options` are those
        of `causerie.Client`, unless a `client` is given. With `steps` models, chains and
        retrievers inside the outermost run are told as well. `verbose` is understood and does
        nothing. Raises ValueError for a key or an address that cannot be one.
        """
        given: dict[str, Any] = {
            "url": url,
            "user": user,
            "conversation": conversation,
            "tenant": tenant,
        }
        given |= {"metadata": metadata, "steps": steps, **options}
        self._given = given if client is None else None
        ledgers = all_ledgers()
        self.client = client or ledgers.client(token, url, options)
        """What sends; `handler.client.flush()` waits until all has been taken."""
        self._ledger = ledgers.ledger(self.client, tenant)
        self._runs = all_runs()
        self._steps = steps
        self._party = Party(user or "", conversation or "", dict(metadata or {}))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was logged has been taken by the server or refused, at most
        `timeout` seconds. Returns whether it has.
        """
        self._runs.settle_all()
        return self.client.flush(timeout)

    def __deepcopy__(self, memo: Any) -> Self:
        """Models and configs are copied with what they hold; its client is one for all."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Without its key, which no file shall have: that comes from the environment again."""
        if self._given is None:
            raise TypeError("a handler with a client of its own cannot be pickled")
        return _rebuilt, (type(self), self._given)

    # ---- beginnings ------------------------------------------------------------------------------

    def on_chain_start(self, serialized: Any, inputs: Any, **run: Any) -> None:
        """A chain, a graph, an agent, or a part of one."""
        self._begin(Kind.CHAIN, serialized, run, inputs, lambda: talk_of(inputs))

    def on_chat_model_start(
        self, serialized: Any, messages: Sequence[Sequence[Any]], **run: Any
    ) -> None:
        """A chat model."""
        given = messages[0] if messages else ()
        self._begin(Kind.MODEL, serialized, run, given, lambda: talk_of_chat(given))

    def on_llm_start(self, serialized: Any, prompts: Sequence[str], **run: Any) -> None:
        """A model that continues a text."""
        given = prompts[0] if prompts else ""
        self._begin(Kind.MODEL, serialized, run, given, lambda: talk_of(given))

    def on_tool_start(self, serialized: Any, input_str: str, **run: Any) -> None:
        """A tool."""
        given = run.get("inputs") or input_str
        self._begin(Kind.TOOL, serialized, run, given, Talk)

    def on_retriever_start(self, serialized: Any, query: str, **run: Any) -> None:
        """A retriever."""
        self._begin(Kind.RETRIEVER, serialized, run, query, Talk)

    def _begin(
        self,
        kind: Kind,
        serialized: Any,
        run: Mapping[str, Any],
        given: Any,
        talk: Callable[[], Talk],
    ) -> None:
        try:
            if run.get("run_type") not in NO_TALK:
                self._note(Beginning(kind, serialized, run, given, talk))
        except Exception:  # whatever a run is made of, it goes on without us
            log.exception("the beginning of a run could not be noted")

    def _note(self, began: Beginning) -> None:
        id, runs = began.id, self._runs
        runs.start(id, began.run.get("parent_run_id"), began.run.get("name"))
        with runs.lock:
            line = runs.line(id)
            tree = runs.tree(line[-1], self._ledger)
            known = tree.find(id)
            turn = tree.turn_of(line)
        if known is not None:  # another of our handlers is on it as well
            known[0].defaults.learn(self._party)
        elif turn is None and began.kind.speaks:
            self._open(tree, line, began)
        elif turn is not None:
            self._enter(tree, turn, began)

    def _open(self, tree: Tree, line: list[UUID], began: Beginning) -> None:
        # Before the lock is taken: a long history takes a while.
        step, party = began.step(), began.party(asks=True)
        with self._runs.lock:
            step.branches = self._runs.branches(line)
            turn = tree.begin(began.id, step, party, self._party)
            turn.defaults.learn(self._party)
            surplus = tree.surplus()
        self._runs.weigh(line[-1], step.talk.chars)
        self._ledger.keep(surplus)

    def _enter(self, tree: Tree, turn: Turn, began: Beginning) -> None:
        step = began.inner() if self._steps or began.kind is Kind.TOOL else None
        party = began.party(asks=False)
        with self._runs.lock:
            turn.party.learn(party)
            tree.hear(began.id, turn, step)
            if step is not None:
                turn.add(step)

    # ---- ends ------------------------------------------------------------------------------------

    def on_chain_end(self, outputs: Any, **run: Any) -> None:
        """What came of a chain."""
        self._end(run, lambda step: reply_of(outputs, step.given))

    def on_llm_end(self, response: Any, **run: Any) -> None:
        """What a model said."""
        self._end(run, lambda step: _generated(response))

    def on_tool_end(self, output: Any, **run: Any) -> None:
        """What a tool gave back."""
        self._end(run, lambda step: [{"role": "assistant", "message": text_of(output)}])

    def on_retriever_end(self, documents: Sequence[Any], **run: Any) -> None:
        """What was found."""
        self.on_tool_end("\n\n".join(map(text_of, documents)), **run)

    def _end(self, run: Mapping[str, Any], said: Callable[[Step], list[Item]]) -> None:
        try:
            self._close(run["run_id"], said, run.get("inputs"))
        except Exception:  # whatever a run is made of, it goes on without us
            log.exception("the end of a run could not be noted")

    def _close(
        self, id: UUID, said: Callable[[Step], list[Item]], inputs: Any, *, partial: bool = False
    ) -> None:
        turn, step = self._find(id)
        if turn is None or id not in turn.open:
            return
        items: list[Item] = []
        talk = None
        try:
            items = said(step or Step(Kind.MODEL, "")) if step is not None or partial else []
            talk = talk_of(inputs) if step is turn.first and inputs is not None else None
        except Exception:  # an app's own objects may raise when they are read
            log.exception("what a run gave cannot be read")
        with self._runs.lock:
            if step is not None and step.ended_at is None:
                # A stream knows only at its end what it was given.
                step.talk = talk or step.talk
                step.said = items
                step.ended_at = time.time()
            if partial and items and step not in turn.heads:
                turn.partial = items
            turn.open.discard(id)
        self._runs.settle(id)

    def _find(self, id: UUID) -> tuple[Turn | None, Step | None]:
        with self._runs.lock:
            tree = self._runs.find(id, self._ledger)
            return (tree.find(id) if tree is not None else None) or (None, None)

    # ---- errors ----------------------------------------------------------------------------------

    def on_chain_error(self, error: BaseException, **run: Any) -> None:
        """A chain did not come to its end."""
        self._fail(error, run, None)

    def on_llm_error(self, error: BaseException, **run: Any) -> None:
        """A model failed, perhaps after it had said something."""
        self._fail(error, run, run.get("response"))

    def on_tool_error(self, error: BaseException, **run: Any) -> None:
        """A tool failed."""
        self._fail(error, run, None)

    def on_retriever_error(self, error: BaseException, **run: Any) -> None:
        """A retriever failed."""
        self._fail(error, run, None)

    def _fail(self, error: BaseException, run: Mapping[str, Any], response: Any) -> None:
        try:
            turn, _ = self._find(run["run_id"])
            with self._runs.lock:
                if turn is not None:
                    turn.fail(error)
            said = _generated(response)
            self._close(run["run_id"], lambda _: said, run.get("inputs"), partial=True)
        except Exception:  # the app is to see its own error, not ours
            log.exception("the error of a run could not be noted")


class Beginning(NamedTuple):
    """A run that begins, as LangChain tells it."""

    kind: Kind
    serialized: Any
    run: Mapping[str, Any]
    given: Any
    talk: Callable[[], Talk]

    @property
    def id(self) -> UUID:
        """The run's."""
        id: UUID = self.run["run_id"]
        return id

    @property
    def name(self) -> str:
        """What LangChain calls it."""
        given = self.run.get("name") or (self.serialized or {}).get("name")
        return str(given or self.kind.value)

    def step(self) -> Step:
        """The run as it is kept when it is outermost."""
        return Step(self.kind, self.name, self.given, self.talk())

    def inner(self) -> Step:
        """The run as it is kept when it is inside another."""
        given = arguments_of(self.given) if self.kind is Kind.TOOL else plain(self.given)
        return Step(self.kind, self.name, given)

    def party(self, *, asks: bool) -> Party:
        """Who talks; one that `asks` is the outermost."""
        return party_of(self.kind, self.serialized, self.run, asks=asks)


def _rebuilt(kind: type[ContextCallbackHandler], given: dict[str, Any]) -> ContextCallbackHandler:
    return kind(**given)


def _generated(response: Any) -> list[Item]:
    """The first choice of what a model said."""
    generations = getattr(response, "generations", None)
    if not generations or not generations[0]:
        return []
    generation = generations[0][0]
    message = getattr(generation, "message", None)
    if message is not None:
        return items_of_messages([message])
    return [{"role": "assistant", "message": generation.text}] if generation.text else []
