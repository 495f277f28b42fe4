"""What somebody searches for, as vectors: computed in a process beside, kept, and never waited for
longer than a page may take.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from causerie.errors import CauserieError, Unavailable
from causerie.meaning_settings import MeaningSettings
from causerie.model_processes import ModelProcesses
from causerie.understanding import embedded

WAIT_SECONDS_MAX = 1.5
KEPT_MAX = 500
IDLE_SECONDS = 300
"""The process ends when nobody has searched for so long: it takes 280 MB."""
Key = tuple[str, str, str]
"""A model, where it is, and a text."""
Numbers = tuple[str, tuple[float, ...]]
"""The name of the model and what it says."""
log = logging.getLogger(__name__)


class QueryVectors:
    """Safe in threads. `lock` is held while the processes are in use."""

    def __init__(
        self,
        settings: Callable[[str], MeaningSettings],
        processes: ModelProcesses,
        lock: threading.Lock,
    ) -> None:
        self._settings = settings
        self._processes = processes
        self._lock = lock
        self._kept: OrderedDict[Key, Numbers] = OrderedDict()
        self._pending: dict[Key, Future[None]] = {}
        self._guard = threading.Lock()
        """Of what is kept and what is on its way."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="query-vectors")
        self._rest: threading.Timer | None = None

    def of(self, project: str, texts: Sequence[str]) -> list[Numbers] | None:
        """Each text as a vector; None while that takes longer than a page may: asked again a
        little later, it is there. Raises Unavailable when no model answers.
        """
        settings = self._settings(project)
        keys = [(settings.model, settings.embeddings.url, text) for text in texts]
        for waited in [future for key in keys if (future := self._begun(settings, key))]:
            try:
                waited.result(WAIT_SECONDS_MAX)
            except NotYet:
                return None
            except CauserieError as error:
                raise Unavailable(f"no model of meaning answers: {error}") from error
        with self._guard:
            found = [self._kept.get(key) for key in keys]
        return [one for one in found if one is not None] if all(found) else None

    def _begun(self, settings: MeaningSettings, key: Key) -> Future[None] | None:
        """What to wait for; None where the vector is there."""
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return None
            if key not in self._pending:
                self._pending[key] = self._pool.submit(self._compute, settings, key)
            return self._pending[key]

    def _compute(self, settings: MeaningSettings, key: Key) -> None:
        try:
            with self._lock:
                name, rows = self._processes.run(embedded, settings, [key[2]])
            with self._guard:
                self._kept[key] = (name, rows[0])
                while len(self._kept) > KEPT_MAX:
                    self._kept.popitem(last=False)
        finally:
            with self._guard:
                del self._pending[key]
            self._rest_later()

    def _rest_later(self) -> None:
        with self._guard:
            if self._rest is not None:
                self._rest.cancel()
            self._rest = threading.Timer(IDLE_SECONDS, self._rest_now)
            self._rest.daemon = True
            self._rest.start()

    def _rest_now(self) -> None:
        with self._lock:
            self._processes.renew()
        log.debug("nobody searches: the process of the model ended")

    def stop(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._guard:
            if self._rest is not None:
                self._rest.cancel()
