"""Environments of clients whose dependencies clash with ours: made at first use, then kept.

An environment lies in `.venvs/<name>` and holds what `locks/<name>.txt` pins. It is made anew when
its lock file changes. A file lock keeps test workers from making one twice at once.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLASHING = (
    "haystack",
    "langchain03",
    "langchain04",
    "ark1",
    "ark5",
    "openai1",
    "langchain_openai",
    "langgraph",
    "langgraph06",
)


@dataclass(frozen=True)
class PythonEnvironment:
    """One of CLASHING: `python()` is the interpreter that can import the client."""

    name: str

    @property
    def folder(self) -> Path:
        """Where it is, whether made yet or not."""
        return ROOT / ".venvs" / self.name

    def python(self) -> Path:
        """The path of its interpreter; makes the environment when that is still to do.

        Raises:
            RuntimeError: it could not be made; the message holds what the installer said.
        """
        with locked("uv"):
            _do([ROOT / "scripts" / "uv", "--version"], ROOT)
        with locked(self.name):
            _do([ROOT / "scripts" / "environment", self.folder, self.name], ROOT)
        return self.folder / "bin" / "python"


@dataclass(frozen=True)
class NodeEnvironment:
    """The JavaScript client: `folder()` holds app.mjs beside the packages that it imports."""

    source: Path = ROOT / "tests" / "clients" / "node"

    def folder(self) -> Path:
        """The app's folder with its packages in it; installs them when that is still to do.

        Raises:
            RuntimeError: npm failed; the message holds what it said.
        """
        with locked("node"):
            lock = self.source / "package-lock.json"
            installed = self.source / "node_modules" / "installed.json"
            if not installed.exists() or installed.read_bytes() != lock.read_bytes():
                _do(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], self.source)
                shutil.copyfile(lock, installed)
        return self.source


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Lets one process at a time into what `name` stands for; the others wait."""
    folder = ROOT / ".venvs"
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _do(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed in {folder}:\n{done.stdout}{done.stderr}")
