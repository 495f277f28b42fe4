"""Runs: which run is inside which, and what our handlers saw of a tree of them.

A handler is told of the runs that it is attached to, and of nothing between them. Therefore a
watcher, which LangChain asks to every run of the process, notes who is whose parent. So two
handlers in one run, or a model deep inside a chain, are known to belong together.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextvars import ContextVar
from functools import cache
from itertools import pairwise
from typing import Any, Protocol
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from causerie.langchain.trees import Tree

RUNS_MAX = 100_000
"""Of runs that never end, the oldest are forgotten."""
PARALLEL_NAMES = ("RunnableParallel", "RunnableEach")
"""Runs whose parts go on side by side, though one may be over when the next begins."""


class Owner(Protocol):
    """Whose a tree is."""

    def keep(self, tree: Tree) -> None:
        """All that a tree will hold is in it."""


class Runs:
    """All runs of this process that are going on, and what ended inside them. Safe in threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._parents: OrderedDict[UUID, UUID | None] = OrderedDict()
        self._parallel: set[UUID] = set()
        self._inside: dict[UUID, list[UUID]] = {}
        """For each root: the runs inside. Some handlers hear of an end after the watcher."""
        self._trees: dict[UUID, dict[Owner, Tree]] = {}

    def start(self, run: UUID, parent: UUID | None, name: str | None) -> None:
        """A run begins. A parent that nobody knows is none of ours."""
        with self.lock:
            if run in self._parents:
                return
            parent = parent or _enclosing()
            self._parents[run] = parent if parent in self._parents else None
            if name and name.startswith(PARALLEL_NAMES):
                self._parallel.add(run)
            root = self.line(run)[-1]
            if root != run:
                self._inside.setdefault(root, []).append(run)
            if len(self._parents) > RUNS_MAX:
                self._forget(self.line(next(iter(self._parents)))[-1])

    def line(self, run: UUID) -> list[UUID]:
        """The run, its parent, and so on; the root is the last."""
        line = [run]
        while (parent := self._parents.get(line[-1])) is not None:
            line.append(parent)
        return line

    def branches(self, run: UUID) -> dict[UUID, UUID]:
        """For each parallel run around it: the part in which the run is."""
        line = self.line(run)
        return {parent: part for part, parent in pairwise(line) if parent in self._parallel}

    def tree(self, root: UUID, owner: Owner) -> Tree:
        """What that owner has of the root; it begins with the first that asks."""
        return self._trees.setdefault(root, {}).setdefault(owner, Tree())

    def find(self, run: UUID, owner: Owner) -> Tree | None:
        """The owner's tree in which the run is, if there is one."""
        return self._trees.get(self.line(run)[-1], {}).get(owner)

    def end(self, run: UUID) -> None:
        """A run has ended. If it is a root, what anybody has of its tree is whole."""
        with self.lock:
            if self._parents.get(run) is not None:
                return
            ended = self._forget(run)
        for owner, tree in ended.items():
            owner.keep(tree)

    def _forget(self, root: UUID) -> dict[Owner, Tree]:
        for run in (root, *self._inside.pop(root, ())):
            self._parents.pop(run, None)
            self._parallel.discard(run)
        return self._trees.pop(root, {})


def _enclosing() -> UUID | None:
    """The run whose code starts this one. A runnable that has callbacks of its own, and is called
    inside another without a config, is told no parent.
    """
    # Loaded by whatever runs; to import it with the handler takes half a second.
    from langchain_core.runnables.config import var_child_runnable_config

    callbacks = (var_child_runnable_config.get() or {}).get("callbacks")
    return getattr(callbacks, "parent_run_id", None)


class Watcher(BaseCallbackHandler):
    """Notes the beginning and the end of every run. Comes after all other handlers of a root."""

    run_inline = True

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def _start(self, *_: Any, run_id: UUID, **run: Any) -> None:
        self._runs.start(run_id, run.get("parent_run_id"), run.get("name"))

    def _end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self._runs.end(run_id)

    on_chain_start = on_llm_start = on_chat_model_start = _start
    on_tool_start = on_retriever_start = _start
    on_chain_end = on_llm_end = on_tool_end = on_retriever_end = _end
    on_chain_error = on_llm_error = on_tool_error = on_retriever_error = _end


@cache
def all_runs() -> Runs:
    """The runs of this process, watched from the first time that somebody asks for them."""
    # It takes most of a second, unless an app runs something, which has to load it anyway.
    from langchain_core.tracers.context import register_configure_hook

    runs = Runs()
    watcher = Watcher(runs)
    # The default is what LangChain finds in every thread and task: all are to share this one.
    everywhere = ContextVar[Any]("causerie_watcher", default=watcher)
    register_configure_hook(everywhere, inheritable=True)
    return runs
