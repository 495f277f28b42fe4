"""Who calls `openai`: a model of LangChain's, which tells of the call itself, or the app."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

MODELS = "langchain_core.language_models."
GENERATING = frozenset(
    (
        *("_generate", "_agenerate", "_stream", "_astream", "_call", "_acall"),
        *("_stream_responses", "_astream_responses"),
    )
)
"""The methods in which LangChain's models make their calls."""


def is_langchains(base_url: str) -> bool:
    """Whether the call that is being made now is counted as a model's of LangChain's.

    The innermost frame of LangChain decides: the app's own calls in tools, chains and callbacks
    have another one nearer than the model's. A model's run is told `base_url`, where its call
    really goes.
    """
    base = sys.modules.get(f"{MODELS}base")
    if base is None:
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        run = _run(frame, base.BaseLanguageModel)
        if run is not None and _is_open(run, base_url):
            return True
        module = frame.f_globals.get("__name__") or ""
        if module.startswith("langchain_core."):
            return bool(module.startswith(MODELS))
        frame = frame.f_back
    return False


def _run(frame: FrameType, model_class: type) -> Any:
    """The run's id, if the frame is a method in which a model of LangChain's makes its calls."""
    if frame.f_code.co_name not in GENERATING:
        return None
    local = frame.f_locals
    if not isinstance(local.get("self"), model_class):
        return None
    return getattr(local.get("run_manager"), "run_id", None)


def _is_open(run: Any, base_url: str) -> bool:
    from causerie.usage.langchain_calls import HANDLER

    return HANDLER.goes_to(run, base_url)
