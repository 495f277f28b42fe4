"""What is understood of a message and of a conversation, beside what was said.

`generation` stands for all that it was computed under: models, settings, topics. What has another
one than the project has now is computed anew.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

UNKNOWN_TREND = ""
TRENDS = ("up", "flat", "down")
MESSAGE_MARGIN = 0.4
"""A message whose sentiment is at least so far from 0 is positive or negative."""
MOOD_MARGIN = 0.25
"""The same for a mean over messages, in which what one was wrongly taken for weighs less."""
MOODS = ("positive", "neutral", "negative")


class Said(msgspec.Struct, frozen=True):
    """A message of a user or an assistant, as far as its meaning needs it."""

    position: int
    id: str
    at: datetime
    role: str
    text: str


class MessageMeaning(msgspec.Struct, frozen=True, kw_only=True):
    """One message, understood."""

    position: int
    message: str
    """Its id."""
    at: datetime
    role: str
    language: str = ""
    """A code such as `fr`, or `und`."""
    sentiment: float | None = None
    """-1 to 1, of messages of users."""
    signals: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    """Ids of kept topics."""
    suggested: str = ""
    """Id of the suggested topic, the finest; empty while it is unsorted."""
    translation: str = ""
    model: str = ""
    """What made the vector; empty where there is none."""
    vector: bytes = b""
    """Whole numbers -127 to 127, as bytes: as long as the model's dimensions, up to a factor."""
    revision: int = 0
    """Of the code and models that language, sentiment, signals and vector are from."""


class ConversationMeaning(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation, understood: what its messages come to."""

    language: str = ""
    """Of its users' messages: the one of most."""
    sentiment: float | None = None
    """Mean over the users' messages."""
    scored: int = 0
    """How many messages that mean is over."""
    trend: str = UNKNOWN_TREND
    signals: tuple[str, ...] = ()
    """Every signal that occurs in it."""
    topics: tuple[str, ...] = ()
    """Ids of kept topics, the most frequent first."""
    suggested: tuple[str, ...] = ()
    """Ids of suggested topics, the most frequent first."""
    generation: int = 0
    """0 while it was never understood, or has grown since."""
    judged: int = 0
    """The same for what a model was asked."""


NOT_UNDERSTOOD = ConversationMeaning()


def mood_of(sentiment: float | None) -> str:
    """A word for the mean of messages' sentiments, of `MOODS`; empty where it is not known."""
    if sentiment is None:
        return ""
    return _mood(sentiment, MOOD_MARGIN)


def message_mood(sentiment: float | None) -> str:
    """The same for one message."""
    return "" if sentiment is None else _mood(sentiment, MESSAGE_MARGIN)


def _mood(sentiment: float, margin: float) -> str:
    if abs(sentiment) <= margin:
        return "neutral"
    return "positive" if sentiment > 0 else "negative"
