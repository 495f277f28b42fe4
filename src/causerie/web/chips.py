"""The active filters as the words of a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.online_evaluators import OUTCOME_WORDS
from causerie.web.filters import FIELD_WORDS, HOURS, WITHOUT_TENANT, unpack
from causerie.web.meaning_words import MOOD_WORDS, SIGNAL_WORDS, STANDING_WORDS, language
from causerie.wording import say, say_in

RATING_WORDS = {
    "up": say_in("filter", "rated up"),
    "down": say_in("filter", "rated down"),
    "none": say_in("filter", "not rated"),
}
LEADING = {
    "user": say_in("filter", "by"),
    "not_user": say_in("filter", "not by"),
    "model": say_in("filter", "answered by"),
    "not_model": say_in("filter", "not answered by"),
    "tenant": say_in("filter", "of tenant"),
    "language": say_in("filter by language", "in"),
    "not_language": say_in("filter by language", "not in"),
    "topic": say_in("filter", "about"),
    "not_topic": say_in("filter", "not about"),
    "not_signal": say_in("filter", "except where"),
    "event": say_in("filter", "with event"),
    "not_event": say_in("filter", "without event"),
    "source": say_in("filter", "logged by"),
    "endpoint": say_in("filter", "through endpoint"),
    "feedback_says": say_in("filter", "whose feedback says"),
    "text": say_in("filter", "saying"),
}
"""What stands before the value of a filter."""
WHOLE = {
    **{("people", standing): words for standing, words in STANDING_WORDS.items()},
    ("feedback", "any"): say_in("filter", "with feedback"),
    ("feedback", "none"): say_in("filter", "without feedback"),
    ("masked", "yes"): say_in("filter", "with masked personal data"),
    ("masked", "no"): say_in("filter", "without masked personal data"),
    ("failed", "yes"): say_in("filter", "with a call that failed"),
    ("failed", "no"): say_in("filter", "without a call that failed"),
    ("tenant", WITHOUT_TENANT): say_in("filter", "without a tenant"),
}
PACKED = ("meta", "not_meta", "event_meta")
RANGES = ("messages", "minutes", "cost")


def chip_words(name: str, value: str, titles: Mapping[str, str]) -> tuple[str, str]:
    """What stands before a filter and what is its value. `titles` are names of topics by id."""
    if (name, value) in WHOLE:
        return "", WHOLE[name, value]
    if name == "evaluation":
        evaluator, outcome = unpack(value)
        return say("with “%(name)s”", name=evaluator), OUTCOME_WORDS[outcome]
    if name in PACKED:
        key, text = unpack(value)
        return _packed(name, key), text
    if name == "hours":
        least, _, most = value.partition("-")
        words = say(
            "from %(first)s to %(last)s o’clock", first=least or "0", last=most or str(HOURS)
        )
        return say_in("filter", "begun"), words
    if name in RANGES:
        return FIELD_WORDS[name], _range(value)
    if name in ("rating", "mood", "signal"):
        told = {"rating": RATING_WORDS, "mood": MOOD_WORDS, "signal": SIGNAL_WORDS}[name]
        return "", told[value]
    return LEADING[name], _named(name.removeprefix("not_"), value, titles)


def _packed(name: str, key: str) -> str:
    if name == "not_meta":
        return say("without %(key)s", key=key)
    return (
        say("with an event whose %(key)s", key=key)
        if name == "event_meta"
        else say("with %(key)s", key=key)
    )


def _named(name: str, value: str, titles: Mapping[str, str]) -> str:
    if name == "language":
        return language(value)
    if name == "signal":
        return SIGNAL_WORDS[value]
    if name == "topic":
        return titles.get(value, value)
    return say("“%(text)s”", text=value) if name in ("text", "feedback_says") else value


def _range(value: str) -> str:
    least, _, most = value.partition("-")
    if least and most:
        return least if least == most else say("%(least)s to %(most)s", least=least, most=most)
    return say("at least %(least)s", least=least) if least else say("at most %(most)s", most=most)


def is_one_of(name: str, value: str, before: tuple[str, str] | None) -> bool:
    """Whether a filter is another value of the one before it, of which any will do."""
    if before is None or before[0] != name or name == "event_meta":
        return False
    if name in ("meta", "not_meta", "evaluation"):
        return unpack(before[1])[0] == unpack(value)[0]
    return True
