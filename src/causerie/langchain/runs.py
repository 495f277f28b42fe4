"""Runs: which run is inside which, and what our handlers saw of a tree of them.

A handler is told of the runs that it is attached to, and of nothing between them. Therefore a
watcher, which LangChain asks to every run of the process, notes who is whose parent. So two
handlers in one run, or a model deep inside a chain, are known to belong together.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache, partial
from itertools import pairwise
from typing import Any, Protocol
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from causerie.langchain.parties import model_party
from causerie.langchain.trees import Tree, Turn

RUNS_MAX = 100_000
"""Of runs that never end, the oldest are forgotten; what was seen of them is kept."""
TREES_MAX = 5_000
CHARS_MAX = 256 * 1024 * 1024
"""Of the texts that open runs were given."""
LINGER_SECONDS_MAX = 10.0
"""So long after the end of a root it is waited for the ends of runs inside."""
PARALLEL_NAMES = ("RunnableParallel", "RunnableEach")
"""Runs whose parts go on side by side, though one may be over when the next begins."""


class Owner(Protocol):
    """Whose trees are."""

    def keep(self, turns: Sequence[Turn]) -> None:
        """Nothing will be added to these."""


Whole = tuple[Owner, list[Turn]]
Task = tuple[asyncio.Task[Any], Callable[[Any], None]]


class Runs:
    """All runs of this process that are going on, and what ended inside them. Safe in threads."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """In a child after a fork: what goes on is the parent's, and so may be the lock."""
        self.lock = threading.RLock()
        self._parents: OrderedDict[UUID, UUID | None] = OrderedDict()
        self._parallel: set[UUID] = set()
        self._inside: dict[UUID, list[UUID]] = {}
        """For each root: the runs inside. Some handlers hear of an end after the watcher."""
        self._trees: OrderedDict[UUID, dict[Owner, Tree]] = OrderedDict()
        self._lingering: OrderedDict[UUID, float] = OrderedDict()
        """Roots that have ended while runs inside have not, and since when."""
        self._tasks: dict[UUID, Task] = {}
        self._chars: dict[UUID, int] = {}
        self._chars_all = 0

    # ---- beginnings ------------------------------------------------------------------------------

    def start(self, run: UUID, parent: UUID | None, name: str | None) -> None:
        """A run begins. A parent that nobody knows is none of ours."""
        surplus: list[Whole] = []
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
            else:
                self._attend(run)
            if len(self._parents) > RUNS_MAX:
                surplus = self._drop(self.line(next(iter(self._parents)))[-1])
        _keep(surplus)

    def _attend(self, root: UUID) -> None:
        """LangChain tells no end of a model that is cancelled: its task does."""
        task = asyncio.current_task() if _in_loop() else None
        if task is not None:
            ended = partial(self._task_ended, root)
            task.add_done_callback(ended)
            self._tasks[root] = (task, ended)

    def line(self, run: UUID) -> list[UUID]:
        """The run, its parent, and so on; the root is the last."""
        line = [run]
        while (parent := self._parents.get(line[-1])) is not None:
            line.append(parent)
        return line

    def branches(self, line: Sequence[UUID]) -> dict[UUID, UUID]:
        """For each parallel run in a line: the part in which its first is."""
        return {parent: part for part, parent in pairwise(line) if parent in self._parallel}

    def tree(self, root: UUID, owner: Owner) -> Tree:
        """What that owner has of the root; it begins with the first that asks."""
        return self._trees.setdefault(root, {}).setdefault(owner, Tree())

    def find(self, run: UUID, owner: Owner) -> Tree | None:
        """The owner's tree in which the run is, if there is one."""
        return self._trees.get(self.line(run)[-1], {}).get(owner)

    def weigh(self, root: UUID, chars: int) -> None:
        """So many characters more wait for the end of that root; others may have to make room."""
        surplus: list[Whole] = []
        with self.lock:
            self._chars[root] = self._chars.get(root, 0) + chars
            self._chars_all += chars
            while len(self._trees) > 1 and (
                self._chars_all > CHARS_MAX or len(self._trees) > TREES_MAX
            ):
                surplus += self._drop(next(iter(self._trees)))
        _keep(surplus)

    def note_model(self, run: UUID, serialized: Any, told: dict[str, Any]) -> None:
        """A model inside runs that handlers are on, which may be on none of them itself."""
        with self.lock:
            line = self.line(run)
            for tree in self._trees.get(line[-1], {}).values():
                turn = tree.turn_of(line)
                if turn is not None:
                    turn.party.learn(model_party(serialized, told))

    # ---- ends ------------------------------------------------------------------------------------

    def end(self, run: UUID, error: BaseException | None = None) -> None:
        """A run has ended. If it is a root, its trees are whole as soon as all inside it is."""
        with self.lock:
            if self._parents.get(run) is not None:
                return
            trees = self._trees.get(run, {})
            for tree in trees.values():
                tree.over = True
                if error is not None:
                    _blame(tree, error)
                elif tree.is_left and not _in_loop():
                    # A stream that is thrown away ends as if it had come to its end.
                    _blame(tree, GeneratorExit())
            if any(tree.is_open for tree in trees.values()):
                self._lingering[run] = time.monotonic()
                ended = self._overdue(LINGER_SECONDS_MAX)
            else:
                ended = self._drop(run) + self._overdue(LINGER_SECONDS_MAX)
        _keep(ended)

    def settle(self, run: UUID) -> None:
        """A run that a handler is on has ended, perhaps after its root."""
        ended: list[Whole] = []
        with self.lock:
            root = self.line(run)[-1]
            trees = self._trees.get(root, {})
            if root in self._lingering and not any(tree.is_open for tree in trees.values()):
                ended = self._drop(root)
        _keep(ended)

    def settle_all(self) -> None:
        """Wait no longer for what goes on inside roots that have ended."""
        with self.lock:
            ended = self._overdue(0.0)
        _keep(ended)

    def _overdue(self, seconds: float) -> list[Whole]:
        until = time.monotonic() - seconds
        ended: list[Whole] = []
        while self._lingering and next(iter(self._lingering.values())) <= until:
            ended += self._drop(next(iter(self._lingering)))
        return ended

    def _task_ended(self, root: UUID, task: asyncio.Task[Any]) -> None:
        """The task in which a root began is over. If it was cancelled, so is the root."""
        if not task.cancelled():
            return
        with self.lock:
            for tree in self._trees.get(root, {}).values():
                _blame(tree, asyncio.CancelledError())
            ended = self._drop(root)
        _keep(ended)

    def _drop(self, root: UUID) -> list[Whole]:
        """Know nothing of it any more, but for the turns that came of it."""
        for run in (root, *self._inside.pop(root, ())):
            self._parents.pop(run, None)
            self._parallel.discard(run)
        self._lingering.pop(root, None)
        self._chars_all -= self._chars.pop(root, 0)
        task, ended = self._tasks.pop(root, (None, None))
        if task is not None and ended is not None:
            task.remove_done_callback(ended)
        return [(owner, tree.turns) for owner, tree in self._trees.pop(root, {}).items()]


def _blame(tree: Tree, error: BaseException) -> None:
    """The error of a root is that of all in it that goes on."""
    for turn in tree.turns:
        if turn.open:
            turn.fail(error)


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _keep(whole: Sequence[Whole]) -> None:
    for owner, turns in whole:
        owner.keep(turns)


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

    def _start_model(self, serialized: Any, *_: Any, run_id: UUID, **run: Any) -> None:
        self._runs.start(run_id, run.get("parent_run_id"), run.get("name"))
        self._runs.note_model(run_id, serialized, run)

    def _end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self._runs.end(run_id)

    def _fail(self, error: BaseException, *_: Any, run_id: UUID, **__: Any) -> None:
        self._runs.end(run_id, error)

    on_chain_start = on_tool_start = on_retriever_start = _start
    on_llm_start = on_chat_model_start = _start_model
    on_chain_end = on_llm_end = on_tool_end = on_retriever_end = _end
    on_chain_error = on_llm_error = on_tool_error = on_retriever_error = _fail


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
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=runs.forget)
    return runs
