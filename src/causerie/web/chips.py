"""The active filters as the words of a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.web.filters import HOURS, WITHOUT_TENANT, unpack
from causerie.web.meaning_words import LANGUAGES, MOOD_WORDS, SIGNAL_WORDS, STANDING_WORDS

RATING_WORDS = {"up": "rated up", "down": "rated down", "none": "not rated"}
LEADING = {
    "user": "by",
    "not_user": "not by",
    "model": "answered by",
    "not_model": "not answered by",
    "tenant": "of tenant",
    "language": "in",
    "not_language": "not in",
    "topic": "about",
    "not_topic": "not about",
    "not_signal": "except where",
    "event": "with event",
    "not_event": "without event",
    "source": "logged by",
    "endpoint": "through endpoint",
    "feedback_says": "whose feedback says",
    "text": "saying",
}
"""What stands before the value of a filter."""
WHOLE = {
    **{("people", standing): words for standing, words in STANDING_WORDS.items()},
    ("feedback", "any"): "with feedback",
    ("feedback", "none"): "without feedback",
    ("masked", "yes"): "with masked personal data",
    ("masked", "no"): "without masked personal data",
    ("failed", "yes"): "with a call that failed",
    ("failed", "no"): "without a call that failed",
    ("tenant", WITHOUT_TENANT): "without a tenant",
}
PACKED_WORDS = {"meta": "with", "not_meta": "without", "event_meta": "with an event whose"}
RANGE_WORDS = {"messages": "messages", "minutes": "minutes long", "cost": "in cost"}


def chip_words(name: str, value: str, titles: Mapping[str, str]) -> tuple[str, str]:
    """What stands before a filter and what is its value. `titles` are names of topics by id."""
    if (name, value) in WHOLE:
        return "", WHOLE[name, value]
    if name in PACKED_WORDS:
        key, text = unpack(value)
        return f"{PACKED_WORDS[name]} {key}", text
    if name == "hours":
        least, _, most = value.partition("-")
        return "begun", f"from {least or 0} to {most or HOURS} o’clock"
    if name in RANGE_WORDS:
        return "of", f"{_range(value)} {RANGE_WORDS[name]}"
    if name in ("rating", "mood", "signal"):
        told = {"rating": RATING_WORDS, "mood": MOOD_WORDS, "signal": SIGNAL_WORDS}[name]
        return "", told[value]
    return LEADING[name], _named(name.removeprefix("not_"), value, titles)


def _named(name: str, value: str, titles: Mapping[str, str]) -> str:
    if name == "language":
        return LANGUAGES[value]
    if name == "signal":
        return SIGNAL_WORDS[value]
    if name == "topic":
        return titles.get(value, value)
    return f"“{value}”" if name in ("text", "feedback_says") else value


def _range(value: str) -> str:
    least, _, most = value.partition("-")
    if least and most:
        return least if least == most else f"{least} to {most}"
    return f"at least {least}" if least else f"at most {most}"


def is_one_of(name: str, value: str, before: tuple[str, str] | None) -> bool:
    """Whether a filter is another value of the one before it, of which any will do."""
    if before is None or before[0] != name or name == "event_meta":
        return False
    if name in ("meta", "not_meta"):
        return unpack(before[1])[0] == unpack(value)[0]
    return True
