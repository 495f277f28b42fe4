"""The command `causerie`, also as `python -m causerie`: it can do what is installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec

SERVER = ("alembic", "sqlalchemy", "starlette", "typer", "uvicorn")
CHAT = ("langchain_openai", "langgraph", "rich", "typer")


def main() -> None:
    """Run a command. An app's install has `chat` alone, or none; nor does it load the server."""
    chats = sys.argv[1:2] == ["chat"]
    if not all(map(find_spec, CHAT if chats else SERVER)):
        kind, extra = ("chat", "chat") if chats else ("server", "server,embedded")
        raise SystemExit(f"the {kind} is an extra: pip install 'causerie[{extra}]'")
    if chats:
        from causerie.chat_command import main as run
    elif sys.argv[1:2] == ["key"]:
        # These two need accounts alone, and start in a third of the time without the rest.
        from causerie.key_commands import main as run
    elif sys.argv[1:2] == ["endpoint"]:
        from causerie.endpoint_commands import main as run
    else:
        from causerie.cli import main as run
    run()


if __name__ == "__main__":
    main()
