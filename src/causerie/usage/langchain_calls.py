"""HANDLER hears of every run of LangChain's models and counts the calls."""

from __future__ import annotations

import functools
import logging
from asyncio import CancelledError
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, ParamSpec
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from causerie.usage.langchain_words import (
    address_of,
    fuller,
    is_from_cache,
    is_whole,
    model_asked,
    model_of,
    usage_of_result,
)
from causerie.usage.scopes import SCOPES, OpenCall

RUNS_MAX = 10_000
"""Runs of which no end has come. The oldest is forgotten for one more."""

log = logging.getLogger(__name__)
Given = ParamSpec("Given")


def _harmless(hear: Callable[Given, None]) -> Callable[Given, None]:
    """Whatever goes wrong with counting is logged and never reaches the app."""

    @functools.wraps(hear)
    def heard(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            hear(*args, **kwargs)
        except Exception:  # the edge to the app: its call goes on uncounted
            log.exception("a call of LangChain's is not counted")

    return heard


class _Run:
    """A call and how many more its provider answers together with it."""

    __slots__ = ("batch", "call")

    def __init__(self, call: OpenCall, batch: int) -> None:
        self.call = call
        self.batch = batch


class CountingHandler(BaseCallbackHandler):
    """One run of a model is one call, in the scopes that were open when it began."""

    # In the caller's own thread and Context, so that the scopes are the caller's.
    run_inline = True
    ignore_chain = True
    ignore_agent = True
    ignore_retriever = True
    ignore_retry = True
    ignore_custom_event = True

    def __init__(self) -> None:
        self._runs: OrderedDict[UUID, _Run] = OrderedDict()
        self._changing = Lock()

    # LangChain tells one handler from another by identity: copies would count twice.
    def __copy__(self) -> CountingHandler:
        return self

    def __deepcopy__(self, _memo: Any) -> CountingHandler:
        return self

    def call_of(self, run_id: UUID) -> OpenCall | None:
        """The call of that run, if it is being counted."""
        run = self._runs.get(run_id)
        return None if run is None else run.call

    @_harmless
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: Any, *, run_id: UUID, **kwargs: Any
    ) -> None:
        self._begin(serialized, run_id, kwargs, batch=1)

    @_harmless
    def on_llm_start(
        self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **kwargs: Any
    ) -> None:
        self._begin(serialized, run_id, kwargs, batch=kwargs.get("batch_size") or 1)

    @_harmless
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        run = self._take(run_id)
        if run is not None:
            self._end(run, response)

    @_harmless
    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        run = self._take(run_id)
        if run is None:
            return
        partial = kwargs.get("response")
        if is_whole(partial):
            self._end(run, partial)
        elif isinstance(error, GeneratorExit | CancelledError | KeyboardInterrupt):
            # Nobody read it to its end; the provider bills it nevertheless.
            run.call.answered(None)
        else:
            if _had_begun(partial):
                run.call.answering()
            run.call.failed()

    def _begin(
        self,
        serialized: Mapping[str, Any] | None,
        run_id: UUID,
        told: Mapping[str, Any],
        batch: int,
    ) -> None:
        scopes = SCOPES.get()
        if not scopes:
            return  # The handler is inherited by runs that go on after the block.
        run = _Run(OpenCall(scopes, model_asked(told), address_of(serialized, told)), batch)
        with self._changing:
            self._runs[run_id] = run
            if len(self._runs) > RUNS_MAX:
                self._runs.popitem(last=False)

    def _end(self, run: _Run, result: Any) -> None:
        try:
            if is_from_cache(result):
                return
            usage = usage_of_result(result, shared=run.batch > 1)
            run.call.answered(fuller(usage, run.call.overheard), model_of(result))
        except (
            Exception
        ):  # a provider's answer may be anything: the call counts, its cost is unknown
            log.exception("what a call of LangChain's took is not understood")
            run.call.answered(None)

    def _take(self, run_id: UUID) -> _Run | None:
        with self._changing:
            return self._runs.pop(run_id, None)


def _had_begun(partial: LLMResult | None) -> bool:
    """A stream that had begun has its pieces before what is known of the error."""
    return partial is not None and len(partial.generations) > 1


HANDLER = CountingHandler()
"""The only one, in every run of every scope."""
