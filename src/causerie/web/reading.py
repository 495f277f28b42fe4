"""A transcript as it is read: what was said becomes paragraphs, code and marks; pauses show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from markupsafe import Markup, escape

from causerie.conversations import Kind, Message
from causerie.privacy import (
    CREDENTIALS_REPLACEMENT,
    IPV6_REPLACEMENT,
    NAME,
    NAME_REPLACEMENT,
    REPLACEMENTS,
)
from causerie.search_words import wanted
from causerie.zones import DEFAULT_ZONE, day_of

PAUSE_SHOWN = timedelta(minutes=15)
TURNS_PER_PART = 400
TEXT_CHARS_SHOWN_MAX = 20_000
NO_TITLES: Mapping[str, str] = {}
_KINDS = {
    **{text: kind for kind, text in REPLACEMENTS.items()},
    IPV6_REPLACEMENT: "ip",
    CREDENTIALS_REPLACEMENT: "api_key",
    NAME_REPLACEMENT: NAME,
}
_MASKED = "|".join(re.escape(text) for text in sorted(_KINDS))
_FENCE = re.compile(r"^```[^\n`]*\n(.*?)(?:^```[^\S\n]*$\n?|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Turn:
    """One item of a transcript. `pause` is how long nothing had happened before it."""

    number: int
    message: Message
    html: Markup
    input: str
    pause: timedelta | None
    new_day: bool
    follows: bool
    """Whether the same side goes on talking, so that its name need not stand again."""
    cut: bool

    @property
    def side(self) -> str:
        """The class that places it: user, assistant or other."""
        return self.message.role if self.message.role in ("user", "assistant") else "other"


@dataclass(frozen=True)
class Part:
    """The turns of a transcript that one page shows."""

    turns: list[Turn]
    number: int
    parts: int
    total: int

    @property
    def left(self) -> int:
        """How many turns come after."""
        return max(0, self.total - self.number * TURNS_PER_PART)


def read(
    messages: Sequence[Message], part: int, sought: str = "", zone: str = DEFAULT_ZONE
) -> Part:
    """A part of a transcript, from 1; one that does not exist becomes the last."""
    parts = max(1, -(-len(messages) // TURNS_PER_PART))
    part = min(max(part, 1), parts)
    start = (part - 1) * TURNS_PER_PART
    marks = _marks(sought)
    turns = [
        _turn(index, messages[index], messages[index - 1] if index else None, marks, zone)
        for index in range(start, min(start + TURNS_PER_PART, len(messages)))
    ]
    return Part(turns, part, parts, len(messages))


def _turn(
    index: int, message: Message, before: Message | None, marks: re.Pattern[str], zone: str
) -> Turn:
    pause = message.at - before.at if before else None
    shown = message.text[:TEXT_CHARS_SHOWN_MAX]
    return Turn(
        number=index + 1,
        message=message,
        html=prose(shown, marks, titles_of(message)),
        input=_pretty(message.input),
        pause=pause if pause and pause >= PAUSE_SHOWN else None,
        new_day=before is None or day_of(message.at, zone) > day_of(before.at, zone),
        follows=_follows(message, before, pause),
        cut=len(message.text) > len(shown),
    )


def _follows(message: Message, before: Message | None, pause: timedelta | None) -> bool:
    if before is None or pause is None or pause >= PAUSE_SHOWN:
        return False
    same = before.kind is message.kind is Kind.MESSAGE and before.role == message.role
    return same and not message.rating and not message.metadata


def _marks(sought: str) -> re.Pattern[str]:
    """What stands out within a line: masked data, what was searched, code and bold."""
    words = wanted(sought).mark
    hit = f"|(?P<hit>{words})" if words else ""
    return re.compile(
        rf"(?P<masked>{_MASKED}){hit}|`(?P<code>[^`\n]+)`|\*\*(?P<bold>[^*\n]+)\*\*", re.IGNORECASE
    )


def titles_of(message: Message) -> dict[str, str]:
    """What to say of the dummies of a message, by the dummy: the kind that was masked, and the
    digest where it is certain whose it is, because all of that kind are the same value.
    """
    found: dict[str, set[str]] = {}
    for mark in message.masked:
        kind, _, digest = mark.partition(":")
        found.setdefault(kind, set()).add(digest)
    return {
        dummy: " ".join([f"Masked personal data: {kind.replace('_', ' ')}", *one_of(found[kind])])
        for dummy, kind in _KINDS.items()
        if kind in found
    }


def one_of(digests: set[str]) -> set[str]:
    """The digest, if there is one alone."""
    return digests if len(digests) == 1 else set()


def prose(text: str, marks: re.Pattern[str], titles: Mapping[str, str] = NO_TITLES) -> Markup:
    """Text as HTML, escaped, with the little markup that models write: code blocks, code, bold."""
    pieces: list[Markup] = []
    last = 0
    for block in _FENCE.finditer(text):
        pieces.append(_line(text[last : block.start()], marks, titles))
        pieces.append(
            Markup('<code class="block" tabindex="0">{}</code>').format(block[1].rstrip("\n"))
        )
        last = block.end()
    pieces.append(_line(text[last:], marks, titles))
    return Markup("").join(pieces)


def _line(text: str, marks: re.Pattern[str], titles: Mapping[str, str]) -> Markup:
    return Markup("").join(_pieces(text, marks, titles))


def _pieces(text: str, marks: re.Pattern[str], titles: Mapping[str, str]) -> Iterator[Markup]:
    last = 0
    for match in marks.finditer(text):
        yield escape(text[last : match.start()])
        kind = match.lastgroup
        if kind == "masked":
            title = titles.get(match[0], "Masked personal data")
            yield Markup('<mark class="masked" title="{}">{}</mark>').format(title, match[0])
        elif kind == "hit":
            yield Markup("<mark>{}</mark>").format(match[0])
        elif kind == "code":
            yield Markup("<code>{}</code>").format(match["code"])
        else:
            yield Markup("<b>{}</b>").format(_line(match["bold"], marks, titles))
        last = match.end()
    yield escape(text[last:])


def _pretty(json_text: str) -> str:
    try:
        return msgspec.json.format(json_text, indent=2) if json_text else ""
    except msgspec.DecodeError:
        return json_text
