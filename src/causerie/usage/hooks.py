"""watch(): has the libraries that call models tell us of their calls.

LangChain and `openai` are watched when they are there already, and else when the app imports them:
we import neither, nor need them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from causerie.usage.threads import watch_threads

if TYPE_CHECKING:
    from importlib.abc import Loader

Arrival = Callable[[ModuleType], None]


def _watch_langchain(module: ModuleType) -> None:
    from causerie.usage.langchain_hook import watch_langchain

    watch_langchain(module)


def _watch_openai(module: ModuleType) -> None:
    from causerie.usage.openai_calls import watch_openai

    watch_openai(module)


ARRIVALS: dict[str, Arrival] = {
    "langchain_core.tracers.context": _watch_langchain,
    "openai._base_client": _watch_openai,
}

_watching = Lock()
_is_watching = False


def watch() -> None:
    """Watches threads and libraries from now on. Does nothing when it has been called before."""
    global _is_watching
    with _watching:
        if _is_watching:
            return
        watch_threads()
        # First the finder: what is imported meanwhile is seen twice rather than never.
        sys.meta_path.insert(0, _Finder(ARRIVALS))
        for name, arrived in ARRIVALS.items():
            if name in sys.modules:
                arrived(import_module(name))  # Waits if it is only half there.
        _is_watching = True


class _Finder:
    """Finds what the other finders find, and has it tell us when it is loaded."""

    def __init__(self, arrivals: dict[str, Arrival]) -> None:
        self._arrivals = arrivals

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        arrived = self._arrivals.get(fullname)
        if arrived is None:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            # It has what importing asks of a loader, and passes on the rest.
            spec.loader = _Telling(spec.loader, arrived)  # type: ignore[assignment]
        return spec


class _Telling:
    """A module's own loader, which tells when it is done and then steps back."""

    def __init__(self, own: Loader, arrived: Arrival) -> None:
        self._own = own
        self._arrived = arrived

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        self._arrived(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)
