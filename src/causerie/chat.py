"""Chat: a conversation at a terminal, over sessions that remain when it ends.

Lines are what the user says, or commands that begin with a slash. Replies appear as they come;
below each stand its tokens and its cost, and those of the whole session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from langchain_core.messages import BaseMessage
from rich.console import Console

from causerie.prices import Prices
from causerie.sessions import Conversation, SessionError, Sessions
from causerie.sessions.replies import text_of
from causerie.usage import Scope, track
from causerie.usage.langchain_words import usage_of_metadata
from causerie.usage.tallies import Call, Tally

NEW_NAME = "chat"
PREVIEW_CHARS_MAX = 60
SPEAKERS = {"human": "user", "ai": "assistant", "system": "system"}


class Chat:
    """Answers lines until they end. `base_url` is where the model is, for its price; `prices` say
    what that is. `callbacks` are LangChain's, for each turn.
    """

    def __init__(
        self,
        sessions: Sessions,
        conversation: Conversation,
        console: Console,
        session: str,
        *,
        base_url: str = "",
        prices: Prices | None = None,
        callbacks: Iterable[Any] = (),
    ) -> None:
        self._sessions = sessions
        self._conversation = conversation
        self._console = console
        self._base_url = base_url
        self._prices = prices
        self._callbacks = list(callbacks)
        self.session = session
        """Where what is said now belongs."""

    def run(self, lines: Iterator[str]) -> None:
        """Answer every line; `/quit` ends it, as does the last line."""
        self._introduce()
        for line in lines:
            said = line.strip()
            if said in ("/quit", "/exit"):
                return
            if said:
                self.answer(said)

    def answer(self, said: str) -> None:
        """A line: a command, or a turn. What goes wrong is told, and the chat goes on."""
        try:
            if said.startswith("/"):
                self._obey(said)
            else:
                self._talk(said)
        except (SessionError, OSError) as error:
            self._tell(f"[red]{_plain(error)}[/]")
        except KeyboardInterrupt:
            self._console.print()
            self._tell("[yellow]stopped; this turn is forgotten[/]")

    # ---- turns -----------------------------------------------------------------------------------

    def _talk(self, said: str) -> None:
        config: Any = {
            "configurable": {"session_id": self.session},
            "metadata": {"session_id": self.session},
            "callbacks": self._callbacks,
        }
        with track(self._prices) as used:
            for piece in self._conversation.stream({"input": said}, config):
                self._console.print(text_of(piece), end="", markup=False, highlight=False)
            self._console.print()
        self._account(used)

    def _account(self, used: Scope) -> None:
        turn = self._bill(used)
        whole = self._bill(self._tally(self._history()))
        self._tell(f"[dim]{turn} · in all {whole}[/]")

    def _bill(self, used: Tally) -> str:
        tokens = f"{used.prompt_tokens} + {used.completion_tokens} tokens"
        if used.unreported_requests and not used.total_tokens:
            tokens = "tokens unknown"
        return f"{tokens}, {_cost(used)}"

    def _tally(self, messages: Iterable[BaseMessage]) -> Tally:
        """What the replies of a session took, at today's prices: each says its tokens itself."""
        tally = Tally(self._prices)
        for message in messages:
            if message.type == "ai":
                self._count(tally, message)
        return tally

    def _count(self, tally: Tally, message: BaseMessage) -> None:
        model = str(message.response_metadata.get("model_name") or "")
        usage = usage_of_metadata(getattr(message, "usage_metadata", None) or {})
        if usage is None:
            tally.count_unreported(model)
        else:
            tally.count(Call(model, self._base_url, datetime.now(UTC), usage))

    # ---- commands --------------------------------------------------------------------------------

    def _obey(self, said: str) -> None:
        name, _, given = said[1:].partition(" ")
        commands: dict[str, tuple[Callable[[str], None], str]] = {
            "sessions": (self._list, "all sessions"),
            "new": (self._begin, "[NAME]: another session"),
            "open": (self._open, "NAME: go on with a session"),
            "history": (self._recall, "what was said in this one"),
            "export": (self._export, "[FILE]: write it, as FILE.md or FILE.jsonl"),
            "forget": (self._forget, "forget it"),
        }
        if name in commands:
            commands[name][0](given.strip())
            return
        if name != "help":
            self._tell(f"there is no command /{_escaped(name)}")
        for known, (_, meaning) in commands.items():
            self._tell(f"/{known} {_escaped(meaning)}")
        self._tell("/quit, or Ctrl-D, ends; Ctrl-C stops a reply")

    def _introduce(self) -> None:
        count = len(self._history())
        said = f"{count} messages so far" if count else "nothing said yet"
        self._tell(f"[dim]session {_escaped(self.session)}: {said}. /help tells the commands[/]")

    def _list(self, _: str) -> None:
        for session in self._sessions.session_ids():
            messages = self._sessions.get_message_history(session).messages
            mark = "*" if session == self.session else " "
            preview = " ".join(text_of(messages[0]).split())[:PREVIEW_CHARS_MAX]
            self._tell(f"{mark} {_escaped(session)}  {len(messages)} messages  {_escaped(preview)}")

    def _begin(self, name: str) -> None:
        known = set(self._sessions.session_ids())
        numbered = (f"{NEW_NAME}-{number}" for number in range(1, len(known) + 2))
        fresh = name or next(one for one in numbered if one not in known)
        if fresh in known:
            self._tell(f"there is a session {_escaped(fresh)} already: /open {_escaped(fresh)}")
            return
        self._switch(fresh)

    def _open(self, name: str) -> None:
        if name not in self._sessions.session_ids():
            self._tell(f"there is no session {_escaped(name)}; /sessions lists them")
            return
        self._switch(name)

    def _switch(self, session: str) -> None:
        self.session = session
        self._introduce()

    def _recall(self, _: str) -> None:
        for message in self._history():
            speaker = SPEAKERS.get(message.type, message.type)
            self._console.print(f"{speaker}: {text_of(message)}", markup=False, highlight=False)

    def _export(self, name: str) -> None:
        file = Path(name or f"{self.session}.md").expanduser()
        written = _jsonl if file.suffix in (".json", ".jsonl") else _markdown
        # A name that the user did not give, such as that of the session, shall replace nothing.
        with file.open("w" if name else "x", encoding="utf-8") as out:
            out.write(written(self.session, self._history()))
        self._tell(f"written to {_escaped(str(file))}")

    def _forget(self, _: str) -> None:
        self._sessions.delete(self.session)
        self._introduce()

    def _history(self) -> list[BaseMessage]:
        return self._sessions.get_message_history(self.session).messages

    def _tell(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _cost(used: Tally) -> str:
    unknown = used.unpriced_models or used.unreported_models
    if unknown:
        return f"cost unknown (no price of {_escaped(', '.join(unknown))})"
    if not used.costs:
        return "USD 0"
    return ", ".join(f"{currency} {_amount(cost)}" for currency, cost in used.costs.items())


def _amount(cost: Decimal) -> str:
    """Without the zeros at its end."""
    return f"{cost.normalize():f}"


def _plain(error: BaseException) -> str:
    cause = error.__cause__
    return _escaped(f"{error}" + (f" ({cause})" if cause and str(cause) not in str(error) else ""))


def _escaped(text: str) -> str:
    """Square brackets of others are no markup of ours."""
    return text.replace("[", r"\[")


def _markdown(session: str, messages: Iterable[BaseMessage]) -> str:
    parts = [f"# {session}"]
    for message in messages:
        parts.append(f"**{SPEAKERS.get(message.type, message.type)}**\n\n{text_of(message)}")
    return "\n\n".join(parts) + "\n"


def _jsonl(session: str, messages: Iterable[BaseMessage]) -> str:
    """One line, as `causerie import` reads it."""
    said = [{"role": SPEAKERS.get(one.type, one.type), "content": text_of(one)} for one in messages]
    return msgspec.json.encode({"id": session, "messages": said}).decode() + "\n"
