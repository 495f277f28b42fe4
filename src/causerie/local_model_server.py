"""The child process of the local model: llama.cpp and its OpenAI-compatible HTTP server.

`python -m causerie.local_model_server` reads its setup, a line of JSON, from standard input, writes
a line to standard output, its address once it answers or why it cannot, and ends when its input
does: that is when whoever started it stops it, or is no more, however that came.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec

ERRORS_ONLY = 1


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What is served, and how."""

    file: str
    """The model, as GGUF."""
    model: str
    """What answers call it."""
    key: str
    """Callers send it as a bearer token: others on this machine could reach the port too."""
    window_tokens: int
    """Of each slot."""
    slots: int
    """Conversations that are worked on at the same time, and whose prefix is remembered."""
    output_tokens: int
    """When a caller sets no bound."""
    threads: int


def main() -> None:
    """Serve until standard input ends."""
    setup = msgspec.json.decode(sys.stdin.buffer.readline(), type=Setup)
    # Threads that wait for each other sleep: where they share the cores with other work, those that
    # spin keep back the very thread that they wait for.
    os.putenv("OMP_WAIT_POLICY", "PASSIVE")
    told = os.dup(1)
    os.dup2(2, 1)  # what the engine prints itself is for people
    try:
        server = make_server(setup)
    except ImportError as error:
        os.write(told, f"{reason(error)}\n".encode())
        sys.exit(1)
    os.write(told, f"{server.listening_address}\n".encode())
    os.close(told)
    while sys.stdin.buffer.read(1024):
        pass
    # Not the engine's own ending, which waits for answers that nobody is there to read.
    os._exit(0)


def make_server(setup: Setup) -> Any:
    """A server on a free port of the loopback address, with the model loaded."""
    import xllamacpp  # a hundred megabytes, which only this process is to hold

    params = xllamacpp.CommonParams()
    params.verbosity = ERRORS_ONLY
    params.model.path = setup.file
    params.model_alias = {setup.model}
    params.api_keys = [setup.key]
    params.ui = params.endpoint_slots = False
    params.n_parallel = setup.slots
    params.n_ctx = setup.window_tokens * setup.slots
    params.n_predict = setup.output_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = setup.threads
    # A cache of evicted prompts mixes conversations up when calls that name their slot run at the
    # same time, and one pool of cells for all slots forgets the slots that are idle.
    params.cache_ram_mib = 0
    params.kv_unified = params.cache_idle_slots = False
    return xllamacpp.Server(params)


def reason(error: ImportError) -> str:
    """Why the engine cannot be loaded, in one line."""
    # The wheel brings along everything but this.
    hint = ". On Debian: apt-get install libgomp1" if "libgomp" in str(error) else ""
    return f"its engine cannot be loaded: {' '.join(str(error).split())}{hint}"


if __name__ == "__main__":
    main()
