"""The filters of an address: what of them is understood, and the conditions that they are.

Each is a pair of a name and a value. Names may be repeated, which means any of the values; those
that begin with `not_` leave out. Fields that only forms have (`key` and `value`, `add`, `is` and
`add_value`, `…_from` and `…_to`) become such pairs, so that links have one form of each.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import QueryParams

from causerie.conditions import ANY, NO_LIMIT, Conditions, Range
from causerie.online_evaluators import OUTCOME_WORDS
from causerie.reports import MOOD_FILTERS, RATINGS
from causerie.topic_trees import TopicTree
from causerie.visits import Standing
from causerie.web.meaning_words import LANGUAGES, SIGNAL_WORDS, language
from causerie.web.speech import OFFERED, speaking
from causerie.wording import say, tell

WITHOUT_TENANT = "(none)"
"""Asks for what was logged without a tenant: an empty field in a form means any tenant."""
WITHOUT_TOPIC = "(none)"
"""Asks for what was understood and is about no topic."""
FILTER_CHARS_MAX = 200
FILTERS_MAX = 40
METADATA_FILTERS_MAX = 10
ADDED = (
    *("user", "model", "language", "topic", "signal", "event", "meta", "event_meta"),
    *("source", "endpoint"),
)
"""What the form adds one value of at a time; all but the last three can be left out instead."""
LEFT_OUT = ("user", "model", "language", "topic", "signal", "event", "meta")
RANGES = ("messages", "minutes", "hours", "cost")
HOURS = 24
CHOICES = {
    "people": tuple(Standing),
    "feedback": ("any", "none"),
    "masked": ("yes", "no"),
    "failed": ("yes", "no"),
}
ALIASES = {"rating": {"positive": "up", "negative": "down", "neutral": "none"}}
"""What the Context service calls them."""
ORDER = (
    *("user", "not_user", "model", "not_model", "tenant", "meta", "not_meta", "rating"),
    *("language", "not_language", "mood", "topic", "not_topic", "signal", "not_signal"),
    *("people", "evaluation"),
    *("event", "event_meta", "not_event", "feedback", "feedback_says", "masked", "failed"),
    *("source", "endpoint", *RANGES, "text"),
)
"""In which they stand in a link and in the sentence of the filter bar."""
PACKED = ("meta", "not_meta", "event_meta", "evaluation")
FIELD_WORDS = {
    "user": say("User"),
    "model": say("Model"),
    "tenant": say("Tenant"),
    "text": say("Words"),
    "rating": say("Rating"),
    "language": say("Language"),
    "mood": say("Mood"),
    "topic": say("Topic"),
    "signal": say("What happened"),
    "people": say("People"),
    "feedback": say("Feedback"),
    "feedback_says": say("Feedback says"),
    "masked": say("Personal data"),
    "failed": say("A call failed"),
    "event": say("Event"),
    "evaluation": say("Evaluation"),
    "source": say("Logged by"),
    "endpoint": say("Endpoint"),
    "messages": say("Messages"),
    "minutes": say("Minutes long"),
    "hours": say("Hour of day"),
    "cost": say("Cost"),
    "order": say("Order"),
    "period": say("Period"),
}
"""What filters are called on pages."""
Pairs = tuple[tuple[str, str], ...]
Notices = list[str]


def read_filters(given: QueryParams, tree: TopicTree, notices: Notices) -> Pairs:
    """The filters that are understood, in `ORDER`; what is not is said in `notices`."""
    added = _added(given)
    found: list[tuple[str, str]] = []
    for name in ORDER:
        # An empty field of a form asks for nothing.
        values = [value for value in given.getlist(name) if value] + added.get(name, [])
        found += [(name, value) for value in _reader(name)(name, values, tree, notices)]
    if len(found) > FILTERS_MAX:
        notices.append(say("Only the first %(count)s filters were used.", count=FILTERS_MAX))
    return tuple(found[:FILTERS_MAX])


def _added(given: QueryParams) -> dict[str, list[str]]:
    """What fields that only forms have come to, by name."""
    found: dict[str, list[str]] = {}
    if given.get("key"):
        found["meta"] = [pack(given["key"].strip(), given.get("value", "").strip())]
    name, value = given.get("add") or "event", given.get("add_value", "").strip()
    if name in ADDED and value:
        if name in ("meta", "event_meta") and ":" not in value:
            value = value.replace("=", ":", 1)
        leaves = given.get("is") == "not" and name in LEFT_OUT
        found.setdefault(f"not_{name}" if leaves else name, []).append(value)
    for name in RANGES:
        least, most = (given.get(f"{name}_{end}", "").strip() for end in ("from", "to"))
        if least or most:
            found[name] = [f"{least}-{most}"]
    return found


Reader = Callable[[str, list[str], TopicTree, Notices], list[str]]


def _reader(name: str) -> Reader:
    bare = name.removeprefix("not_")
    if name == "evaluation":
        return _evaluations
    if bare in PACKED:
        return _metadata
    if bare in RANGES:
        return _ranges
    if bare in ("rating", "language", "mood", "topic", "signal", *CHOICES):
        return _chosen
    return _texts


def _texts(name: str, values: list[str], tree: TopicTree, notices: Notices) -> list[str]:
    found: dict[str, None] = {}
    field = FIELD_WORDS[name.removeprefix("not_")]
    for value in values:
        if "\0" in value:
            notices.append(
                say("%(field)s: the filter held a character that no text has.", field=field)
            )
            continue
        if len(value) > FILTER_CHARS_MAX:
            notices.append(
                say(
                    "%(field)s: the filter was cut at %(count)s characters.",
                    field=field,
                    count=FILTER_CHARS_MAX,
                )
            )
        cut = value[:FILTER_CHARS_MAX]
        found[cut.strip() if name in ("text", "feedback_says") else cut] = None
    kept = [value for value in found if value]
    # Of these one value alone makes sense.
    return kept[:1] if name in ("tenant", "text", "feedback_says") else kept


def _metadata(name: str, values: list[str], tree: TopicTree, notices: Notices) -> list[str]:
    found: dict[str, None] = {}
    for value in values:
        key, colon, _ = value.partition(":")
        if not key or not colon or "\x00" in value or len(value) > FILTER_CHARS_MAX:
            notices.append(
                say(
                    "“%(given)s” is not metadata as key:value; it was left out.", given=short(value)
                )
            )
        else:
            found[value] = None
    if len(found) > METADATA_FILTERS_MAX:
        notices.append(
            say(
                "Only the first %(count)s filters by metadata were used.",
                count=METADATA_FILTERS_MAX,
            )
        )
    return list(found)[:METADATA_FILTERS_MAX]


def _evaluations(name: str, values: list[str], tree: TopicTree, notices: Notices) -> list[str]:
    found: dict[str, None] = {}
    for value in values:
        evaluator, outcome = unpack(value)
        if outcome in OUTCOME_WORDS and evaluator and "\0" not in value:
            found[pack(evaluator, outcome)[:FILTER_CHARS_MAX]] = None
        else:
            notices.append(
                say(
                    "“%(given)s” is not an evaluator with pass, fail or inconclusive; it was left "
                    "out.",
                    given=short(value),
                )
            )
    return list(found)


def _chosen(name: str, values: list[str], tree: TopicTree, notices: Notices) -> list[str]:
    bare = name.removeprefix("not_")
    allowed, words = _allowed(bare, tree)
    found: dict[str, None] = {}
    for value in values:
        known = value if value in allowed else words.get(value.strip().casefold(), value)
        known = one_of(known, allowed, bare, notices)
        found |= {known: None} if known else {}
    return list(found)[:1] if bare in CHOICES else list(found)


def _allowed(name: str, tree: TopicTree) -> tuple[Container[str], Mapping[str, str]]:
    """The values of a filter, and what else they may be called."""
    if name == "language":
        return LANGUAGES, _called(LANGUAGES)
    if name == "signal":
        return SIGNAL_WORDS, _called(SIGNAL_WORDS)
    if name == "topic":
        named = [topic for topic in tree.topics.values() if topic.is_named]
        titles = {topic.title.casefold(): topic.id for topic in named}
        return {WITHOUT_TOPIC, *tree.topics}, titles
    if name in CHOICES:
        return CHOICES[name], {}
    return {"rating": RATINGS, "mood": MOOD_FILTERS}[name], ALIASES.get(name, {})


def _called(words: Mapping[str, str]) -> dict[str, str]:
    """What the form offers them as, in whatever language it was."""
    found: dict[str, str] = {}
    for tongue in OFFERED:
        with speaking(tongue):
            shown = {id: language(id) if words is LANGUAGES else tell(words[id]) for id in words}
        found |= {told.casefold(): id for id, told in shown.items()}
    return found


def _ranges(name: str, values: list[str], tree: TopicTree, notices: Notices) -> list[str]:
    found = []
    for value in values[:1]:
        least, dash, most = value.replace(" ", "").partition("-")
        whole = name in ("messages", "hours")
        ends = [_number(least, whole=whole), _number(most, whole=whole)]
        late = name == "hours" and any(float(end or 0) > HOURS for end in ends)
        if not dash or None in ends or ends == ["", ""] or late:
            notices.append(
                say(
                    "%(field)s: “%(given)s” is not a range such as 3-10 or 3-.",
                    field=FIELD_WORDS[name],
                    given=short(value),
                )
            )
            continue
        # From 22 to 6 is the night.
        if name != "hours" and ends[0] and ends[1] and float(ends[0]) > float(ends[1]):
            ends.reverse()
        found.append(f"{ends[0]}-{ends[1]}")
    return found


def _number(text: str, *, whole: bool) -> str | None:
    """A number of no sign as it stands in a link, or None where it is none."""
    text = text.replace(",", ".")
    digits = text.replace(".", "", 0 if whole else 1)
    if not text:
        return ""
    if not (digits.isascii() and digits.isdigit()) or float(text) > NO_LIMIT:
        return None
    return f"{float(text):.9f}".rstrip("0").rstrip(".")


def conditions_of(filters: Pairs, tree: TopicTree) -> Conditions:
    """What the filters ask of conversations besides what a `Question` has by itself."""
    values: dict[str, Any] = {}
    for field, name in (
        *(("users", "user"), ("models", "model"), ("languages", "language"), ("moods", "mood")),
        *(("ratings", "rating"), ("signals", "signal"), ("sources", "source")),
        *(("endpoints", "endpoint"), ("events", "event"), ("without_users", "not_user")),
        *(("without_models", "not_model"), ("without_languages", "not_language")),
        *(("without_signals", "not_signal"), ("without_events", "not_event")),
    ):
        values[field] = of_name(filters, name)
    says = "".join(of_name(filters, "feedback_says"))
    return Conditions(
        **values,
        without_topics=members(of_name(filters, "not_topic"), tree),
        event_metadata=tuple(map(unpack, of_name(filters, "event_meta"))),
        evaluations=tuple(map(unpack, of_name(filters, "evaluation"))),
        without_metadata=tuple(map(unpack, of_name(filters, "not_meta"))),
        feedback="says" if says else "".join(of_name(filters, "feedback")),
        feedback_text=says,
        masked="".join(of_name(filters, "masked")),
        failed="".join(of_name(filters, "failed")),
        messages=_range(filters, "messages"),
        seconds=_range(filters, "minutes", 60),
        hours=_range(filters, "hours"),
        cost=_range(filters, "cost"),
    )


def _range(filters: Pairs, name: str, unit: int = 1) -> Range:
    for value in of_name(filters, name):
        least, _, most = value.partition("-")
        return Range(float(least) * unit if least else None, float(most) * unit if most else None)
    return ANY


def of_name(filters: Pairs, name: str) -> tuple[str, ...]:
    """The values of one filter."""
    return tuple(value for other, value in filters if other == name)


def members(topics: tuple[str, ...], tree: TopicTree) -> tuple[str, ...]:
    """The ids that count for some topics, as conversations carry them."""
    found: dict[str, None] = {}
    for topic in topics:
        found |= dict.fromkeys(("",) if topic == WITHOUT_TOPIC else tree.members(topic))
    return tuple(found)


def pack(key: str, value: str) -> str:
    """Metadata as one parameter; a colon in the key is escaped."""
    return f"{key.replace('%', '%25').replace(':', '%3A')}:{value}"


def unpack(packed: str) -> tuple[str, str]:
    """The key and value of a metadata parameter."""
    key, _, value = packed.partition(":")
    return unquote(key), value


def one_of(value: str, allowed: Container[str], what: str, notices: Notices) -> str:
    """The value if it is allowed, else nothing, with a sentence."""
    if not value or value in allowed:
        return value
    notices.append(
        say(
            "%(field)s: “%(given)s” is not known here; it was left out.",
            field=FIELD_WORDS.get(what, what),
            given=short(value),
        )
    )
    return ""


def short(text: str) -> str:
    """The beginning of what somebody gave, to be quoted."""
    return text if len(text) <= 40 else f"{text[:40]}…"
