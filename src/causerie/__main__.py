"""The command `causerie`, also as `python -m causerie`: it can do what is installed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

SERVER = ("alembic", "sqlalchemy", "starlette", "typer", "uvicorn")
CHAT = ("langchain_openai", "langgraph", "rich", "typer")
MODULES = {
    **dict.fromkeys(("serve", "demo", "enrich"), "serve_commands"),
    **dict.fromkeys(("import", "export"), "transfer_commands"),
    **{word: f"{word}_command" for word in ("audit", "chat", "doctor", "sql")},
    **{word: f"{word}_commands" for word in ("endpoint", "key", "member", "privacy")},
    "eval": "evaluation_commands",
}
"""What a command is read from. All other words are read with all commands, which takes up to five
times as long.
"""


def main() -> None:
    """Run a command. An app's install has `chat` alone, or none; nor does it load the server."""
    word = "".join(sys.argv[1:2])
    if not all(map(find_spec, CHAT if word == "chat" else SERVER)):
        kind, extra = ("chat", "chat") if word == "chat" else ("server", "server,embedded")
        raise SystemExit(f"the {kind} is an extra: pip install 'causerie[{extra}]'")
    load(MODULES.get(word, "cli"))()


def load(module: str) -> Callable[[], None]:
    """What runs the commands of a module."""
    # Nothing of what is loaded is garbage, and to look for some takes a sixth of the time.
    gc.disable()
    run: Callable[[], None] = import_module(f"causerie.{module}").main
    gc.freeze()
    gc.enable()
    return run


if __name__ == "__main__":
    main()
