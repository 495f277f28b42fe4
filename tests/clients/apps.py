"""Starts the apps beside this file as their users would: a process, an environment, an answer.

Each app is written against a published client and sets nothing of it but its endpoint, or the
object that talks to the endpoint. Trust in our certificate authority comes from the variables that
operators set for these libraries, never from code.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.environments import ROOT, NodeEnvironment, PythonEnvironment

FOLDER = Path(__file__).resolve().parent
APP_SECONDS_MAX = 120


@dataclass(frozen=True)
class Service:
    """What an app is told: where Causerie is, with which key, and whose certificates to trust."""

    endpoint: str
    token: str
    authority: Path

    def variables(self) -> dict[str, str]:
        """The environment of an app of any of these languages and libraries."""
        return {
            "CAUSERIE_TEST_ENDPOINT": self.endpoint,
            "CAUSERIE_TEST_TOKEN": self.token,
            "REQUESTS_CA_BUNDLE": str(self.authority),  # azure-core's synchronous transport
            "SSL_CERT_FILE": str(self.authority),  # aiohttp, and all that asks OpenSSL
            "NODE_EXTRA_CA_CERTS": str(self.authority),
        }


@dataclass(frozen=True)
class Gateway:
    """What an app that talks to models is told: where, with which key, and to which endpoint."""

    root: str
    token: str
    endpoint: str

    def variables(self) -> dict[str, str]:
        """The environment of such an app: its key, where its client looks for it."""
        return {"ARK_API_KEY": self.token, "OPENAI_API_KEY": self.token}


@dataclass(frozen=True)
class Outcome:
    """How an app ended: its last line as JSON, its exit code, and all it said on stderr.

    The answer of an app that was refused is `{"refused": {"type", "status", "message"}}`, and its
    exit code is 3.
    """

    answer: dict[str, Any]
    code: int
    said: str


@contextmanager
def scripted_openai(delay_ms: int = 0) -> Iterator[str]:
    """Where scripted_openai.py answers, each time after so long."""
    command = [sys.executable, str(FOLDER / "scripted_openai.py"), "0", str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as model:
        assert model.stdout is not None
        try:
            yield f"http://127.0.0.1:{model.stdout.readline().strip()}/v1"
        finally:
            model.terminate()


def context_python(service: Service, mode: str, run: str) -> Outcome:
    """context-python 0.18.0; `mode` is `sync` or `async`, `run` marks all that it sends."""
    app = [sys.executable, str(FOLDER / "context_python_app.py"), mode, run]
    return start(app, service.variables())


def context_node(service: Service, run: str) -> Outcome:
    """@contextco/context-generated 14.0.0 under node."""
    app = NodeEnvironment().folder() / "app.mjs"
    return start(["node", str(app), run], service.variables())


def haystack(service: Service, openai_url: str, run: str) -> Outcome:
    """A Haystack pipeline with a ContextAIAnalytics before and behind its model."""
    python = PythonEnvironment("haystack").python()
    app = [str(python), str(FOLDER / "haystack_app.py"), run]
    return start(app, {**service.variables(), **_model_at(openai_url)})


def langchain(service: Service, openai_url: str, environment: str, mode: str, run: str) -> Outcome:
    """A ContextCallbackHandler; `environment` is `langchain03` or `langchain04`.

    `mode` is `chat` (two turns with one chat model), `stream`, or `chain` (an LLMChain that
    shares its handler with the model).
    """
    python = PythonEnvironment(environment).python()
    app = [str(python), str(FOLDER / "langchain_app.py"), mode, run]
    return start(app, {**service.variables(), **_model_at(openai_url)})


def handler(service: Service, openai_url: str, environment: str, *given: str) -> Outcome:
    """Our own ContextCallbackHandler; `environment` is `langgraph` or `langgraph06`. What is given
    goes to handler_app.py.
    """
    python = PythonEnvironment(environment).python()
    own = {
        "PYTHONPATH": str(ROOT / "src"),
        "CAUSERIE_URL": service.endpoint,
        "CONTEXT_API_TOKEN": service.token,
    }
    return start([str(python), str(FOLDER / "handler_app.py"), *given], own | _model_at(openai_url))


def langchain_costs(proxy: str, rows: Path) -> Outcome:
    """LangChain's own callback over the calls of tests/test_usage_costs.py."""
    python = PythonEnvironment("langchain04").python()
    return start([str(python), str(FOLDER / "usage_costs_app.py"), proxy, str(rows)], {})


def langchain_usage(environment: str, proxy: str) -> Outcome:
    """track() on another LangChain; `environment` is `langgraph06` or `langgraph`."""
    python = PythonEnvironment(environment).python()
    source = {"PYTHONPATH": str(ROOT / "src")}
    return start([str(python), str(FOLDER / "usage_app.py"), proxy], source)


def sessions(environment: str, model_url: str, server_url: str, key: str) -> Outcome:
    """Conversations of `causerie.sessions`; `environment` is `langgraph06` or `langgraph`."""
    python = PythonEnvironment(environment).python()
    own = {"PYTHONPATH": str(ROOT / "src"), "CAUSERIE_KEY": key, "OPENAI_API_KEY": "none"}
    app = [str(python), "-W", "ignore", str(FOLDER / "sessions_app.py")]
    return start([*app, model_url, server_url, "ep-test"], own)


def ark(gateway: Gateway, environment: str, mode: str) -> Outcome:
    """Ark's client; `environment` is `ark1` or `ark5`, `mode` is `sync` or `async`."""
    python = PythonEnvironment(environment).python()
    told = [mode, f"{gateway.root}/api/v3", gateway.endpoint]
    return start([str(python), str(FOLDER / "ark_app.py"), *told], gateway.variables())


def openai(gateway: Gateway, environment: str, context: str) -> Outcome:
    """OpenAI's client; `environment` is `openai1` or `langchain_openai`."""
    python = PythonEnvironment(environment).python()
    told = [f"{gateway.root}/v1", gateway.endpoint, context]
    return start([str(python), str(FOLDER / "openai_app.py"), *told], gateway.variables())


def langchain_openai(gateway: Gateway) -> Outcome:
    """LangChain's ChatOpenAI and OpenAIEmbeddings."""
    python = PythonEnvironment("langchain_openai").python()
    told = [f"{gateway.root}/v1", gateway.endpoint]
    return start([str(python), str(FOLDER / "langchain_openai_app.py"), *told], gateway.variables())


def example(name: str, variables: Mapping[str, str], environment: str = "", *given: str) -> str:
    """What an example prints; it runs in our own environment unless another is named.

    Raises:
        RuntimeError: it broke.
    """
    python = PythonEnvironment(environment).python() if environment else sys.executable
    done = subprocess.run(
        [str(python), str(ROOT / "examples" / name), *given],
        env={**_surroundings(), "PYTHONPATH": str(ROOT / "src"), **variables},
        capture_output=True,
        text=True,
        timeout=APP_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} broke:\n{done.stdout}{done.stderr}")
    return done.stdout


def start(command: list[str], variables: Mapping[str, str]) -> Outcome:
    """Runs an app to its end.

    Raises:
        RuntimeError: it broke, that is, ended with neither an answer nor a refusal.
    """
    done = subprocess.run(
        command,
        env={**_surroundings(), **variables},
        capture_output=True,
        text=True,
        timeout=APP_SECONDS_MAX,
        check=False,
    )
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{command} broke:\n{done.stdout}{done.stderr}")
    return Outcome(json.loads(done.stdout.splitlines()[-1]), done.returncode, done.stderr)


def _surroundings() -> dict[str, str]:
    """Our own environment without what would lead an app elsewhere."""
    clients = ("CONTEXT_", "GETCONTEXT_", "LANGCHAIN_", "LANGSMITH_", "OPENAI_", "ARK_", "VOLC_")
    leading = ("CAUSERIE_", *clients)
    strict = ("PYTHONPATH", "PYTHONWARNINGS", "HTTPS_PROXY", "https_proxy")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(leading) and k not in strict}
    return {**kept, "HAYSTACK_TELEMETRY_ENABLED": "False"}


def _model_at(url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "a-key-that-nobody-checks"}
