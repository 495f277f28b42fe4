"""What an app tells the server of its conversations. It returns at once and never raises."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from causerie.client.desk import Stats
from causerie.client.items import event
from causerie.client.letters import Letter, Way
from causerie.client.outbox import Outbox

Metadata = Mapping[str, Any]


class Writing:
    """Each call goes into the outbox; messages are those of `causerie.client.items`."""

    def __init__(self, outbox: Outbox, tenant: str | None) -> None:
        self._outbox = outbox
        self._tenant = tenant

    @property
    def tenant(self) -> str | None:
        """Of all that is written and read, unless a call names another."""
        return self._tenant

    def log(
        self,
        messages: Any,
        *,
        user: str | None = None,
        metadata: Metadata | None = None,
        tenant: str | None = None,
        id: str | None = None,
        feedback: str | None = None,
        line: str | None = None,
    ) -> None:
        """A whole conversation. With an `id` more can be appended to it later. What has the same
        `line` is sent one after the other.
        """
        given = {"messages": messages, "metadata": metadata, "feedback": feedback}
        given["line"] = line or ""
        self._put(Way.LOG, id, tenant, user, **given)

    def upsert(
        self,
        messages: Any,
        *,
        user: str | None = None,
        metadata: Metadata | None = None,
        tenant: str | None = None,
        id: str | None = None,
        feedback: str | None = None,
        line: str | None = None,
    ) -> None:
        """A whole conversation, again and again as it grows. The server tells by its first two
        messages and its metadata which one it is; an `id` makes that certain. What has the same
        `line` is sent one after the other.
        """
        given = {"messages": messages, "metadata": metadata, "feedback": feedback}
        given["line"] = line or ""
        self._put(Way.UPSERT, id, tenant, user, **given)

    def append(
        self,
        thread_id: str,
        messages: Any,
        *,
        user: str | None = None,
        metadata: Metadata | None = None,
        tenant: str | None = None,
        feedback: str | None = None,
    ) -> None:
        """What is new in the conversation of that id, or its beginning."""
        given = {"messages": messages, "metadata": metadata, "feedback": feedback}
        self._put(Way.THREAD, thread_id, tenant, user, **given)

    def rate(
        self,
        thread_id: str,
        rating: int,
        *,
        message_id: str | None = None,
        tenant: str | None = None,
    ) -> None:
        """Thumbs: -1, 0 or 1, for a message or, without its id, the last that the model said."""
        given = {"rating": rating, "message_id": message_id or ""}
        self._put(Way.RATING, thread_id, tenant, None, **given)

    def event(
        self,
        thread_id: str,
        name: str,
        *,
        metadata: Metadata | None = None,
        tenant: str | None = None,
    ) -> None:
        """Something that happened in a conversation."""
        given = {"messages": event(name, metadata=metadata)}
        self._put(Way.THREAD, thread_id, tenant, None, **given)

    def feedback(self, thread_id: str, text: str, *, tenant: str | None = None) -> None:
        """What a person says of a conversation; the last such text counts."""
        self._put(Way.THREAD, thread_id, tenant, None, feedback=text)

    def _put(
        self, way: Way, id: str | None, tenant: str | None, user: str | None, **given: Any
    ) -> None:
        try:
            letter = Letter(
                way=way,
                key=self._outbox.new_key(),
                at=time.time(),
                id="" if id is None else str(id),
                tenant=str(tenant or self._tenant or ""),
                user="" if user is None else str(user),
                **given,
            )
        except Exception as error:  # noqa: BLE001 - whatever the app hands over must not break the app
            self._outbox.fail(error)
            return
        self._outbox.put(letter)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was written before has been taken by the server or refused, at most
        `timeout` seconds (default `FLUSH_SECONDS_MAX`). Returns whether it has.
        """
        return self._outbox.flush(timeout)

    @property
    def stats(self) -> Stats:
        """How many requests were sent, wait, were dropped, or failed, in this process."""
        return self._outbox.stats
