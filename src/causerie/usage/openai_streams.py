"""Answers that the app reads later: streams, and responses that are still raw."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from inspect import isawaitable
from typing import Any

from causerie.token_usage import Usage
from causerie.usage.openai_words import answer_in, is_last, model_in, says_anything, usage_in
from causerie.usage.scopes import OpenCall, Overheard

log = logging.getLogger(__name__)


def watch_raw(call: OpenCall | Overheard, response: Any, *, streamed: bool) -> None:
    """Counts a raw response: at once when it has been read, else when the app parses it."""
    if not streamed and response.http_response.is_closed:
        try:
            answer = response.http_response.json()
        except ValueError:
            answer = None  # Sound, for one.
        call.answered(usage_in(answer), model_in(answer))
        return
    call.answering()
    parse = response.parse

    def parsed(*args: Any, **kwargs: Any) -> Any:
        answer = parse(*args, **kwargs)
        return _awaited(call, answer) if isawaitable(answer) else _seen(call, answer)

    response.parse = parsed


async def _awaited(call: OpenCall | Overheard, coming: Any) -> Any:
    return _seen(call, await coming)


def _seen(call: OpenCall | Overheard, answer: Any) -> Any:
    try:
        watch_parsed(call, answer)
    except Exception:
        # Counting is beside the app's call, and must not break it.
        log.exception("a call of openai's is not counted")
    return answer


def watch_parsed(call: OpenCall | Overheard, answer: Any) -> None:
    """Counts an answer: a stream as it is read, anything else at once."""
    iterator = getattr(answer, "_iterator", None)
    if iterator is None:
        call.answered(usage_in(answer), model_in(answer))
    elif not isinstance(iterator, _Watched):
        call.answering()
        kind = _AsyncPieces if hasattr(iterator, "__anext__") else _Pieces
        answer._iterator = kind(iterator, call)


class _Watched:
    """The pieces of a stream, on their way to the app."""

    def __init__(self, pieces: Any, call: OpenCall | Overheard) -> None:
        self._pieces = pieces
        self._call = call
        self._usage: Usage | None = None
        self._model = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pieces, name)

    def _see(self, piece: Any) -> None:
        try:
            if not says_anything(piece):
                return
            answer = answer_in(piece)
            usage = usage_in(answer)
            if usage is not None:
                self._usage, self._model = usage, model_in(answer)
                if is_last(piece):
                    self._end()
        except Exception:
            # The piece goes on to the app all the same.
            log.exception("a piece of an answer of openai's is not counted")

    def _end(self) -> None:
        self._call.answered(self._usage, self._model)


class _Pieces(_Watched, Iterator[Any]):
    def __next__(self) -> Any:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._end()
            raise
        except Exception:
            # Whatever it was is the app's to hear of; here it only ends the count.
            self._call.failed()
            raise
        self._see(piece)
        return piece


class _AsyncPieces(_Watched, AsyncIterator[Any]):
    async def __anext__(self) -> Any:
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            self._end()
            raise
        except Exception:
            # Whatever it was is the app's to hear of; here it only ends the count.
            self._call.failed()
            raise
        self._see(piece)
        return piece
