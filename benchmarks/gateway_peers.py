"""The gateways that `gateway.py` measures: each installed, started and ended.

The peers are pinned here and live in `.venvs/bench-*`, outside of git. Each is given the set-up in
which it is quickest: one process, no database, no log of conversations, at most one key to check.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from causerie.testing import ServerProcess

ROOT = Path(__file__).parents[1]
HOMES = ROOT / ".venvs"
LITELLM = "litellm[proxy,proxy-runtime,extra_proxy]==1.106.2"
LITELLM_SERVER = "httptools==0.9.0"
"""With `[proxy]` alone it is slower by half: it looks for the packages of the other two in each
call, in vain, and uvicorn parses HTTP in Python."""

PORTKEY = "@portkey-ai/gateway@1.15.2"
PORTKEY_SERVER = "1.14.1"
"""The newest @hono/node-server under which Portkey streams: it asks for any 1.x from 1.3.3 on, and
under later ones answers each stream with 500."""

MODEL = "mock-model"
PATH = "/v1/chat/completions"
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 20
SETTLE_SECONDS_MAX = 60
POLL_INTERVAL_S = 0.02
PER_PAGE = 1_000

LITELLM_SETTINGS = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: http://127.0.0.1:{port}/v1
      api_key: sk-upstream
general_settings:
  master_key: {key}
"""
LOOPBACK = """\
// The gateway has no option for its address and would listen on all of them.
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, host ?? "127.0.0.1", ...rest);
};
"""


def nothing() -> None:
    """What a gateway that keeps nothing has to finish."""


@dataclass
class Gateway:
    """One that runs: where it listens, how it is called, which process it is."""

    name: str
    port: int
    pid: int
    headers: dict[str, str] = field(default_factory=dict)
    model: str = MODEL
    settle: Callable[[], None] = nothing
    """Returns once all that it owes to earlier calls is done."""
    logged: Callable[[], int] | None = None
    """How many calls are in its log, for one that keeps a log."""


@contextmanager
def mock() -> Iterator[Gateway]:
    """The provider itself: the direct call."""
    command = [sys.executable, "-m", "benchmarks.gateway_mock"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with ended(process):
        assert process.stdout is not None
        yield Gateway("direct", int(process.stdout.readline()), process.pid)


@contextmanager
def litellm(folder: Path, upstream: int) -> Iterator[Gateway]:
    """LiteLLM's proxy: one worker, its usual log level."""
    home = HOMES / "bench-litellm"
    what = f"{LITELLM} {LITELLM_SERVER}"
    if not installed(home, what):
        uv, python = str(ROOT / "scripts" / "uv"), str(home / "bin/python")
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)])
        run([uv, "pip", "install", "--quiet", "--python", python, *what.split()])
        (home / "installed").write_text(what)
    settings = folder / "litellm.yaml"
    key = f"sk-{secrets.token_hex(32)}"
    settings.write_text(LITELLM_SETTINGS.format(model=MODEL, port=upstream, key=key))
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    command = [str(home / "bin/litellm"), "--config", str(settings), "--telemetry", "False"]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with serving("LiteLLM", [*command, *options], quiet, port, folder) as gateway:
        gateway.headers = {"Authorization": f"Bearer {key}"}
        yield gateway


@contextmanager
def portkey(folder: Path, upstream: int) -> Iterator[Gateway]:
    """Portkey's gateway under Node, without its console."""
    home = HOMES / "bench-portkey"
    what = json.dumps(
        {
            "dependencies": dict([PORTKEY.rsplit("@", 1)]),
            "overrides": {"@hono/node-server": PORTKEY_SERVER},
        }
    )
    if not installed(home, what):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text(what)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        run(["npm", "install", "--prefix", str(home), *quiet])
        (home / "installed").write_text(what)
    loopback = folder / "loopback.cjs"
    loopback.write_text(LOOPBACK)
    port = free_port()
    script = home / "node_modules/@portkey-ai/gateway/build/start-server.js"
    command = ["node", "--require", str(loopback), str(script), f"--port={port}", "--headless"]
    quick = {"NODE_ENV": "production"}
    with serving("Portkey", command, quick, port, folder) as gateway:
        gateway.headers = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
            "Authorization": "Bearer sk-upstream",
        }
        yield gateway


@contextmanager
def causerie(folder: Path, upstream: int) -> Iterator[Gateway]:
    """Ours, as it comes: keys checked, every exchange logged, the personal-data filter on."""
    data = folder / "causerie"
    server = ServerProcess(data)
    server.start()
    try:
        secret = folder / "upstream.key"
        secret.write_text("sk-upstream")
        where = ("--upstream", f"http://127.0.0.1:{upstream}/v1", "--key-file", str(secret))
        server.command("endpoint", "add", "mock", "--id", "ep-mock", "--model", MODEL, *where)
        reader = server.key("read")
        yield Gateway(
            "Causerie",
            int(server.endpoint.rsplit(":", 1)[1]),
            server.pid,
            headers={"Authorization": f"Bearer {server.key('gateway')}"},
            model="ep-mock",
            settle=lambda: settle(server, data),
            logged=lambda: logged(server, reader),
        )
    finally:
        server.stop()


def settle(server: ServerProcess, data: Path) -> None:
    """Wait until every exchange has gone from the journal to the inbox, and on to the analytics.

    Not for ever: what never gets there is missing in the log, and the table says so.
    """
    end = time.monotonic() + SETTLE_SECONDS_MAX
    while any(file.stat().st_size for file in data.rglob("*.journal")):
        if time.monotonic() > end:
            return
        time.sleep(POLL_INTERVAL_S)
    server.settle()


def logged(server: ServerProcess, key: str) -> int:
    """How many calls the analytics know."""
    count = 0
    for page in itertools.count(1):
        url = f"{server.endpoint}/api/v1/exchanges?per_page={PER_PAGE}&page={page}"
        with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"})) as answer:
            rows = len(json.load(answer)["exchanges"])
        count += rows
        if rows < PER_PAGE:
            break
    return count


def installed(home: Path, what: str) -> bool:
    """Whether exactly this was installed there to its end."""
    mark = home / "installed"
    return mark.exists() and mark.read_text() == what


def run(command: list[str]) -> None:
    """Run to the end. Raises RuntimeError with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")


@contextmanager
def serving(
    name: str, command: list[str], environ: Mapping[str, str], port: int, folder: Path
) -> Iterator[Gateway]:
    """A gateway from its first accepted connection on; what it prints goes to a file."""
    said = folder / f"{name}.log"
    with said.open("wb") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environ}, cwd=folder, stdout=out, stderr=out
        )
    with ended(process):
        end = time.monotonic() + START_SECONDS_MAX
        while not listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{name} does not start: {said.read_text()[-2000:]}")
            time.sleep(POLL_INTERVAL_S)
        yield Gateway(name, port, process.pid)


@contextmanager
def ended(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Iterator[None]:
    """The process does not outlive the block."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether connections are accepted there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
