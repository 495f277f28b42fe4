"""Who calls `openai`: a model of LangChain's, which tells of the call itself, or the app."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from causerie.usage.scopes import OpenCall, Overheard

MODELS = "langchain_core.language_models."
EXECUTOR = "langchain_core.runnables.config"
"""Where LangChain hands work to a thread."""
GENERATING = frozenset(("_generate", "_agenerate", "_stream", "_astream", "_call", "_acall"))
"""The methods in which LangChain's models make their calls."""


def langchains(base_url: str) -> Overheard | None:
    """The call that is being made now, if it is counted as a model's of LangChain's.

    The innermost frame of LangChain decides: the app's own calls in tools, chains and callbacks
    have another one nearer than the model's. A model's call is told `base_url`, where it really
    goes.
    """
    base = sys.modules.get(f"{MODELS}base")
    if base is None:
        return None
    generating = False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith("langchain_core."):
            # A model that cannot be awaited runs in a thread, where its frame is the outermost.
            own = module.startswith(MODELS) or (generating and module == EXECUTOR)
            return _overheard(_call(frame), base_url) if own else None
        if frame.f_code.co_name in GENERATING:
            generating = isinstance(frame.f_locals.get("self"), base.BaseLanguageModel)
            call = _call(frame) if generating else None
            if call is not None:
                return _overheard(call, base_url)
        frame = frame.f_back
    return None


def _call(frame: FrameType) -> OpenCall | None:
    """The call that is being counted of the run in that frame."""
    from causerie.usage.langchain_calls import HANDLER

    run_id: Any = getattr(frame.f_locals.get("run_manager"), "run_id", None)
    return None if run_id is None else HANDLER.call_of(run_id)


def _overheard(call: OpenCall | None, base_url: str) -> Overheard:
    if call is not None:
        call.base_url = base_url
    return Overheard(call)
