"""The command `causerie`, also as `python -m causerie`: it can do what is installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec

SERVER = ("alembic", "sqlalchemy", "starlette", "typer", "uvicorn")
CHAT = ("langchain_openai", "langgraph", "rich", "typer")


def main() -> None:
    """Run a command. An app's install has `chat` alone, or none."""
    if all(map(find_spec, SERVER)):
        from causerie.cli import main as run
    elif sys.argv[1:2] == ["chat"] and all(map(find_spec, CHAT)):
        from causerie.chat_command import main as run
    elif sys.argv[1:2] == ["chat"]:
        raise SystemExit("the chat is an extra: pip install 'causerie[chat]'")
    else:
        raise SystemExit("the server is an extra: pip install 'causerie[server,embedded]'")
    run()


if __name__ == "__main__":
    main()
