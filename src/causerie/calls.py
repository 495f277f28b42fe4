"""Call: one request for a completion, whichever API it came by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec
from msgspec import Raw

from causerie.accounts import Key, Logging, Project
from causerie.completions import Answer
from causerie.dialects import Prefix
from causerie.endpoints import Endpoint, Upstream
from causerie.errors import CauserieError
from causerie.exchanges import API, Exchange
from causerie.recordings import Recording
from causerie.token_usage import Usage

encode_json = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Caller:
    """Whose key the call came with."""

    project: Project
    key: Key


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked, with the id and the time that it got."""

    caller: Caller
    endpoint: Endpoint
    api: API
    id: str
    at: datetime
    began: float
    """On the clock of `perf_counter`."""
    messages: bytes
    """JSON array of everything that the model reads."""
    asked: bytes = b""
    """JSON array of what is new, where that is less."""
    opening: bytes = b""
    """JSON array of what a transcript begins with before `asked`, each time the same."""
    parameters: Mapping[str, Raw] = field(default_factory=dict)
    """The rest of the body, as it came."""
    stream: bool = False
    wants_usage: bool = False
    """Whether a stream is to end with the usage."""
    user: str = ""
    tenant: str = ""
    conversation: str = ""
    """Where its words go; empty to find out by the history."""
    named: bool = False
    """The caller chose that name, and may resend the history all the same."""
    context: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    prefix: Prefix = field(default_factory=Prefix)

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        usual = self.endpoint.defaults.get("n")
        try:
            given = msgspec.json.decode(self.parameters["n"], type=int)
        except (KeyError, msgspec.DecodeError):
            given = usual if isinstance(usual, int) else 1
        return max(given, 1)

    @property
    def words(self) -> bool:
        """Whether what is said is kept, not only what it took."""
        if self.api is API.EMBEDDINGS:
            return False
        return self.caller.key.allowance.logging is Logging.EVERYTHING


@dataclass
class Progress:
    """What became of a call so far."""

    call: Call
    upstream: Upstream
    answer: Answer = field(default_factory=Answer)
    first_token: float | None = None
    words: bool = True
    """Whether any of it is worth reading."""
    whole: bool = False
    """The whole answer has come."""

    def told(self) -> None:
        """The first token is about to go to the caller."""
        if self.first_token is None:
            self.first_token = perf_counter()

    def recording(self, error: CauserieError | None, *, status: int, gone: bool) -> Recording:
        """The exchange as it would be if it ended now; `gone` says that the caller hung up."""
        call, answer = self.call, self.answer
        usage = answer.usage or Usage()
        words = call.words and self.words
        messages = answer.messages() if answer.begun or answer.finished() else []
        exchange = Exchange(
            id=call.id,
            at=call.at,
            api=call.api,
            key=call.caller.key.id,
            endpoint=call.endpoint.id,
            model=answer.model or self.upstream.model,
            upstream=self.upstream.host,
            user=call.user,
            tenant=call.tenant,
            conversation=call.conversation,
            context=call.context,
            first_token_ms=self._since_start(self.first_token),
            total_ms=self._since_start(perf_counter()) or 0,
            usage=usage,
            finish_reason=answer.finish_reason,
            status=status,
            error="the caller hung up" if gone else error.message if error else "",
            streamed=call.stream,
            partial=gone or (error is not None and answer.begun),
        )
        return Recording(
            project=call.caller.project.id,
            exchange=exchange,
            words=words,
            # Without words of its own an estimate still needs those that were said.
            asked=(call.asked or call.messages) if words or answer.usage is None else b"[]",
            opening=call.opening if words else b"",
            answered=tuple(map(encode_json, messages)) if words or answer.usage is None else (),
            thoughts=tuple(answer.thoughts) if words or answer.usage is None else (),
            counted=answer.usage is not None,
            sent=call.messages if call.asked and answer.usage is None else b"",
            metadata=dict(call.metadata),
            named=call.named,
            base_url=self.upstream.base_url,
            price=call.endpoint.price,
        )

    def _since_start(self, moment: float | None) -> int | None:
        return None if moment is None else round((moment - self.call.began) * 1000)


def body_of(call: Call, upstream: Upstream) -> dict[str, Any]:
    """The parameters for the provider: the endpoint's defaults, the caller's own over them."""
    body: dict[str, Any] = {**call.endpoint.defaults, **call.parameters, "model": upstream.model}
    if call.stream:
        body["stream"] = True
        # Asked for in any case: the provider's count is better than ours.
        body["stream_options"] = {"include_usage": True}
    return body
