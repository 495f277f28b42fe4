"""The `openai` client's calls: one wrapper around what all of its resources end in."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from causerie.usage.callers import langchains
from causerie.usage.openai_streams import watch_parsed, watch_raw
from causerie.usage.openai_words import model_in, usage_in
from causerie.usage.scopes import SCOPES, OpenCall, Overheard

Heard = OpenCall | Overheard
BY_TOKEN = frozenset(
    ("/chat/completions", "/completions", "/embeddings", "/responses", "/responses/compact")
)
OTHERWISE = frozenset(
    (
        *("/images/generations", "/images/edits", "/images/variations"),
        *("/audio/speech", "/audio/transcriptions", "/audio/translations"),
    )
)
"""Calls of models whose price has more in it than tokens of text."""

log = logging.getLogger(__name__)


def watch_openai(base_client: ModuleType) -> None:
    """`base_client` is `openai._base_client`."""
    # Resources keep bound post methods of their client: those are there already, while each looks
    # up request when it is called.
    for client, wrap in (
        (base_client.SyncAPIClient, _wrap),
        (base_client.AsyncAPIClient, _wrap_async),
    ):
        if not hasattr(client.request, "counts_usage"):
            client.request = wrap(client.request)
            client.request.counts_usage = True


def _wrap(original: Any) -> Any:
    @functools.wraps(original)
    def request(client: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(client, options) if SCOPES.get() else None
        if call is None:
            return original(client, cast_to, options, *args, **kwargs)
        try:
            answer = original(client, cast_to, options, *args, **kwargs)
        except BaseException as error:  # noted, and goes on to the app as it is
            _fail(call, error)
            raise
        _count(call, answer, streamed=kwargs.get("stream") is True)
        return answer

    return request


def _wrap_async(original: Any) -> Any:
    @functools.wraps(original)
    async def request(client: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(client, options) if SCOPES.get() else None
        if call is None:
            return await original(client, cast_to, options, *args, **kwargs)
        try:
            answer = await original(client, cast_to, options, *args, **kwargs)
        except BaseException as error:  # noted, and goes on to the app as it is
            _fail(call, error)
            raise
        _count(call, answer, streamed=kwargs.get("stream") is True)
        return answer

    return request


def _begin(client: Any, options: Any) -> Heard | None:
    """The call, if it is one of a model."""
    try:
        path = _path(options)
        if options.method.lower() != "post" or path not in BY_TOKEN | OTHERWISE:
            return None
        base_url = str(client.base_url)
        if (overheard := langchains(base_url)) is not None:
            return overheard
        asked = options.json_data if isinstance(options.json_data, Mapping) else {}
        model = asked.get("model")
        name = model if isinstance(model, str) else ""
        return OpenCall(SCOPES.get(), name, base_url, by_token=path in BY_TOKEN)
    except Exception:
        # Counting is beside the app's call, and must not break it.
        log.exception("a call of openai's is not counted")
        return None


def _count(call: Heard, answer: Any, *, streamed: bool) -> None:
    try:
        if isinstance(call, Overheard) and not streamed:
            return  # LangChain tells all of it.
        if hasattr(answer, "http_response"):
            watch_raw(call, answer, streamed=streamed)
        elif hasattr(answer, "_iterator"):
            watch_parsed(call, answer)
        else:
            call.answered(usage_in(answer), model_in(answer))
    except Exception:
        # The app has its answer; that it took something is still told.
        log.exception("what a call of openai's took is not understood")
        call.answered(None)


def _fail(call: Heard, error: BaseException) -> None:
    completion = getattr(error, "completion", None)
    if completion is not None:
        # It was answered, only not by what the app wanted to parse.
        call.answered(usage_in(completion), model_in(completion))
    elif isinstance(error, Exception):
        call.failed()
    else:
        call.answered(None)  # Cancelled: nobody knows how far the provider came.


def _path(options: Any) -> str:
    return str(options.url).partition("?")[0]
