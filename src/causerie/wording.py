"""Text for people: marked where it is written, said in the reader's language where it is shown.

    Invalid(say("choose a role"))
    say("The filter was cut at %(count)s characters.", count=200)
    say_many("%(num)s message was left out.", "%(num)s messages were left out.", left_out)

What comes back is the English text, for the API, logs and terminals. On a page it is said in the
language of whoever looks, numbers and dates in it too. Only constants can be found for translation,
so that a message is always whole and written in the call itself.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import date
from typing import Any, Protocol

import msgspec

Shape = Callable[[str], str]


class Speaker(Protocol):
    """A language that pages are in."""

    def tell(self, wording: Wording) -> str:
        """The text as plain text."""


speaker: ContextVar[Speaker | None] = ContextVar("speaker", default=None)
"""Who speaks now: set while a page is drawn, and nowhere else."""


class Escaped(str):
    """HTML that nobody needs to escape again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


class Wording(str):
    """A marked text. As a string it is English, on a page what `speaker` makes of it."""

    __slots__ = ("context", "many", "message", "num", "shape", "values")

    message: str
    many: str
    num: int | None
    context: str
    values: Mapping[str, Any]
    shape: Shape | None

    def __html__(self) -> str:
        return Escaped(html.escape(tell(self)))

    def shaped(self, shape: Shape) -> Wording:
        """The same, with the whole text changed once it is in its language."""
        made = Wording(shape(self))
        for name in ("message", "many", "num", "context", "values"):
            setattr(made, name, getattr(self, name))
        made.shape = shape
        return made


def say(message: str, /, **values: object) -> Wording:
    """A marked text; `%(name)s` in it are values, a percent sign is written `%%`."""
    return _made(message, "", None, "", values)


def say_in(context: str, message: str, /, **values: object) -> Wording:
    """A marked text whose English says too little: `context` tells the translator what it is."""
    return _made(message, "", None, context, values)


def say_many(one: str, many: str, num: int, /, **values: object) -> Wording:
    """A marked text that depends on a number, which is `%(num)s` in it."""
    return _made(one, many, num, "", {"num": num, **values})


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A marked text as it is stored, so that pages can say it again in any language."""

    message: str
    many: str = ""
    num: int | None = None
    context: str = ""
    values: dict[str, Kept | str | int] = {}


def kept(text: str) -> Kept:
    """A text to be stored; one that is not marked is the same in every language."""
    if not isinstance(text, Wording):
        return Kept("%(text)s", values={"text": text})
    values = {name: _kept_value(value) for name, value in text.values.items()}
    return Kept(text.message, text.many, text.num, text.context, values)


def _kept_value(value: object) -> Kept | str | int:
    if isinstance(value, Wording):
        return kept(value)
    return value if isinstance(value, int) else str(value)


def said_again(stored: Kept) -> Wording:
    """The marked text that was stored."""
    values = {
        name: said_again(value) if isinstance(value, Kept) else value
        for name, value in stored.values.items()
    }
    return _made(stored.message, stored.many, stored.num, stored.context, values)


def sentences_of(english: str, stored: Sequence[Kept]) -> tuple[str, ...]:
    """What was stored sentence by sentence, for a page; its English where nothing else was."""
    return tuple(map(said_again, stored)) or (english,)


def encodable(value: object) -> str:
    """What an encoder of JSON that does not know a marked text puts in its place: its English."""
    if isinstance(value, Wording):
        return str(value)
    # What the encoder asks of a hook that does not know a value either.
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded")


def tell(text: str) -> str:
    """A text as whoever looks at the page that is being drawn reads it, else in English."""
    now = speaker.get()
    if now is None or not isinstance(text, Wording):
        return str(text)
    told = now.tell(text)
    return told if text.shape is None else text.shape(told)


def _made(
    message: str, many: str, num: int | None, context: str, values: Mapping[str, object]
) -> Wording:
    english = message if num is None or num == 1 else many
    made = Wording(english % {name: _plain(value) for name, value in values.items()})
    made.message, made.many, made.num = message, many, num
    made.context, made.values, made.shape = context, values, None
    return made


def _plain(value: object) -> object:
    # Whole numbers stay plain here: programs read what the API says.
    return f"{value.day} {value:%B %Y}" if isinstance(value, date) else value
