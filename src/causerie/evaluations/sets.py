"""Test sets of a server, from an app's own code: given, run, waited for."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from causerie.client.calls import Calls, path_of
from causerie.client.connection import Connections, address_of
from causerie.client.environment import key_of, url_of
from causerie.evaluations.reports import Report
from causerie.wire.evaluations import RunAccepted, RunOut, RunRemoved, SetRemoved, TestSetOut

API = ("api", "v1")
TIMEOUT_SECONDS = 60.0
WAIT_SECONDS_MAX = 3_600.0
LOOK_SECONDS, LOOK_SECONDS_MAX = 0.2, 5.0
Messages = Sequence[Mapping[str, str]]
"""`{"role": "user", "message": "Hello"}`; `content` is taken for `message`."""
Cases = Sequence[Mapping[str, Any]]
Progress = Callable[[int, int], None]
"""Told how many answers there are, of how many."""


class Listed(msgspec.Struct):
    """A version of a set, without its cases."""

    name: str
    version: int
    cases: int


class _Sets(msgspec.Struct):
    test_sets: list[Listed]


class Evaluations:
    """Each call raises ClientError. Takes a key that may do everything (admin)."""

    def __init__(
        self,
        key: str | None = None,
        url: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        authority: str | Path | None = None,
        allow_http: bool = False,
    ) -> None:
        """As `Client`; key and address come from CAUSERIE_KEY and CAUSERIE_URL if not given."""
        address = address_of(url_of(url), allow_http=allow_http)
        connections = Connections(address, key_of(key), timeout, authority)
        self._calls = Calls(connections)
        self._close = weakref.finalize(self, connections.close)

    def close(self) -> None:
        """Close its connections."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(
        self,
        name: str,
        cases: Cases,
        evaluators: Cases = (),
        *,
        keeps_prior: bool = False,
    ) -> int:
        """Make the next version of a set; its number. With `keeps_prior` the cases before it stay
        that have no namesake here.
        """
        copy = "prior_version" if keeps_prior else "none"
        body = {
            "name": name,
            "test_cases": [_case(case) for case in cases],
            "evaluators": list(evaluators),
        }
        path = path_of(*API, "test_sets", copy_test_cases_from=copy)
        return self._calls.ask(TestSetOut, "POST", path, body).version

    def versions(self, name: str | None = None) -> list[Listed]:
        """Every version of every set, or of one, the newest first."""
        return self._calls.ask(_Sets, "GET", path_of(*API, "test_sets", name=name)).test_sets

    def latest(self, name: str) -> int:
        """The number of a set's last version. Raises LookupError where there is none."""
        found = self.versions(name)
        if not found:
            raise LookupError(f"there is no test set {name!r}")
        return max(one.version for one in found)

    def remove(self, name: str) -> SetRemoved:
        """Delete a set with its versions, runs and results; what that was."""
        return self._calls.ask(SetRemoved, "DELETE", path_of(*API, "test_sets", name))

    def remove_run(self, id: str) -> RunRemoved:
        """Delete a run with its results; one that is under way stops."""
        return self._calls.ask(RunRemoved, "DELETE", path_of(*API, "evaluations", "run", id))

    def run(
        self,
        name: str,
        version: int | None = None,
        *,
        iterations: int = 1,
        model: str = "",
        wait: float = WAIT_SECONDS_MAX,
        progress: Progress | None = None,
    ) -> Report:
        """Run a version, the last if none is given, and wait for it, at most so many seconds. A
        version that was run is not run again. `model` is an endpoint that answers instead of what
        the cases name. Raises TimeoutError.
        """
        body = {
            "test_set_name": name,
            "version": version or self.latest(name),
            "iterations": iterations,
            "model": model,
        }
        path = path_of(*API, "evaluations", "run")
        id = self._calls.ask(RunAccepted, "POST", path, body).data.run_id
        return Report(self._finished(id, wait, progress))

    def _finished(self, id: str, wait: float, progress: Progress | None) -> RunOut:
        until, pause = time.monotonic() + wait, LOOK_SECONDS
        while True:
            run = self._calls.ask(RunOut, "GET", path_of(*API, "evaluations", "run", id))
            if progress is not None:
                progress(run.progress.completed, run.progress.completed + run.progress.pending)
            if run.status not in ("pending", "running"):
                return run
            if time.monotonic() >= until:
                raise TimeoutError(f"the run {id} is {run.status} after {wait:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.2, LOOK_SECONDS_MAX)

    def judge(
        self,
        name: str,
        conversations: Mapping[str, Messages],
        answer: Callable[[list[dict[str, str]]], str],
        evaluators: Cases,
        **options: Any,
    ) -> Report:
        """Have an app answer some conversations, by their names, and its answers judged: they are
        the next version of a set, and are run at once. `options` are those of `run`.
        """
        cases = [
            {"name": case, "messages": messages, "pregenerated_response": answer(_lines(messages))}
            for case, messages in conversations.items()
        ]
        return self.run(name, self.add(name, cases, evaluators), **options)


def _case(case: Mapping[str, Any]) -> dict[str, Any]:
    return {**case, "messages": [*map(_line, case.get("messages", ()))]}


def _lines(messages: Messages) -> list[dict[str, str]]:
    return [*map(_line, messages)]


def _line(message: Mapping[str, str]) -> dict[str, str]:
    text = message["message"] if "message" in message else message["content"]
    return {"role": message["role"], "message": text}
