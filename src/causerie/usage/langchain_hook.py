"""LangChain asks here, whenever it starts a run, whether somebody wants to hear of it."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

from causerie.usage.scopes import SCOPES

log = logging.getLogger(__name__)


def watch_langchain(context: ModuleType) -> None:
    """`context` is `langchain_core.tracers.context`."""
    if not any(hook[0] is HOOK for hook in context._configure_hooks):
        context.register_configure_hook(HOOK, inheritable=True)


class _Hook:
    """Looks to LangChain like a ContextVar with a handler in it: there while a scope is open.

    So SCOPES stays the only variable that tasks and threads have to carry.
    """

    def get(self) -> Any:
        if not SCOPES.get():
            return None
        try:
            from causerie.usage.langchain_calls import HANDLER
        except (
            Exception
        ):  # a LangChain that cannot be imported is the app's to meet, not ours to raise
            log.exception("LangChain's calls are not counted")
            return None
        return HANDLER


HOOK = _Hook()
