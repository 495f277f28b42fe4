"""Findings in words: each as one sentence, in the language of the page or message that is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from causerie.causes import OF_METADATA, Cause
from causerie.findings import Finding
from causerie.topic_trees import TopicTree
from causerie.web.amounts import latency, money
from causerie.web.meaning_words import SIGNAL_WORDS, language
from causerie.web.pages import number, percent, signed
from causerie.wording import Wording, say

NEARLY_ALL = 0.9
LEAP_TIMES = 3
"""From so many times as much on, a percentage says less than the number before."""
Values = Mapping[str, object]
KINDS_OF_DATA: Mapping[str, Wording] = {
    "email": say("e-mail addresses"),
    "phone": say("phone numbers"),
    "card": say("card numbers"),
    "iban": say("bank accounts"),
    "ip": say("IP addresses"),
    "ssn": say("social security numbers"),
    "api_key": say("secret keys"),
    "name": say("names"),
}
# By what moved and how: `new` where it was not there before, `gone` where it is not any more. An
# amount is said with how much more or less that is than usual.
SAID: Mapping[str, Callable[[Values], Wording]] = {
    "conversations": lambda v: say("%(now)s conversations began, %(than)s.", **v),
    "people": lambda v: say("%(now)s people came, %(than)s.", **v),
    "new": lambda v: say("%(now)s people came for the first time, %(than)s.", **v),
    "returning": lambda v: say("%(now)s people came back, %(than)s.", **v),
    "mood more": lambda v: say(
        "The mood rose to %(now)s; before, it was %(before)s (%(num)s messages).", **v
    ),
    "mood less": lambda v: say(
        "The mood fell to %(now)s; before, it was %(before)s (%(num)s messages).", **v
    ),
    "mood of topic more": lambda v: say(
        "The mood about %(about)s rose to %(now)s; before, it was %(before)s (%(num)s messages).",
        **v,
    ),
    "mood of topic less": lambda v: say(
        "The mood about %(about)s fell to %(now)s; before, it was %(before)s (%(num)s messages).",
        **v,
    ),
    "mood of language more": lambda v: say(
        "The mood in %(about)s rose to %(now)s; before, it was %(before)s (%(num)s messages).", **v
    ),
    "mood of language less": lambda v: say(
        "The mood in %(about)s fell to %(now)s; before, it was %(before)s (%(num)s messages).", **v
    ),
    "mood of model more": lambda v: say(
        "The mood with the model %(about)s rose to %(now)s; before, it was %(before)s "
        "(%(num)s messages).",
        **v,
    ),
    "mood of model less": lambda v: say(
        "The mood with the model %(about)s fell to %(now)s; before, it was %(before)s "
        "(%(num)s messages).",
        **v,
    ),
    "thumbs_down more": lambda v: say(
        "More people gave a thumb down: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "thumbs_down less": lambda v: say(
        "Fewer people gave a thumb down: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "thumbs_down of topic more": lambda v: say(
        "Thumbs down gather in %(about)s: %(hits)s of %(of)s people gave one (%(now)s); before, "
        "%(before)s did.",
        **v,
    ),
    "thumbs_down of topic less": lambda v: say(
        "Fewer thumbs down in %(about)s: %(hits)s of %(of)s people gave one (%(now)s); before, "
        "%(before)s did.",
        **v,
    ),
    "topic new": lambda v: say("%(about)s is new: %(hits)s of %(of)s people talked about it.", **v),
    "topic gone": lambda v: say(
        "Nobody of %(of)s people talked about %(about)s; before, %(before)s did.", **v
    ),
    "topic more": lambda v: say(
        "%(about)s grew: %(hits)s of %(of)s people talked about it (%(now)s); before, %(before)s "
        "did.",
        **v,
    ),
    "topic less": lambda v: say(
        "%(about)s shrank: %(hits)s of %(of)s people talked about it (%(now)s); before, %(before)s "
        "did.",
        **v,
    ),
    "language new": lambda v: say("%(about)s appeared: %(hits)s of %(of)s people wrote it.", **v),
    "language gone": lambda v: say(
        "Nobody of %(of)s people wrote %(about)s; before, %(before)s did.", **v
    ),
    "language more": lambda v: say(
        "More people wrote %(about)s: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "language less": lambda v: say(
        "Fewer people wrote %(about)s: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "model new": lambda v: say(
        "The model %(about)s is new: it answered %(hits)s of %(of)s people.", **v
    ),
    "model gone": lambda v: say(
        "The model %(about)s went quiet; before, it answered %(before)s of people.", **v
    ),
    "model more": lambda v: say(
        "The model %(about)s answered more people: %(hits)s of %(of)s (%(now)s); before, "
        "%(before)s.",
        **v,
    ),
    "model less": lambda v: say(
        "The model %(about)s answered fewer people: %(hits)s of %(of)s (%(now)s); before, "
        "%(before)s.",
        **v,
    ),
    "tenant new": lambda v: say(
        "The tenant %(about)s is new: %(hits)s of %(of)s people are of it.", **v
    ),
    "tenant gone": lambda v: say(
        "The tenant %(about)s went quiet; before, %(before)s of people were of it.", **v
    ),
    "tenant more": lambda v: say(
        "More people of the tenant %(about)s: %(hits)s of %(of)s (%(now)s); before, %(before)s.",
        **v,
    ),
    "tenant less": lambda v: say(
        "Fewer people of the tenant %(about)s: %(hits)s of %(of)s (%(now)s); before, %(before)s.",
        **v,
    ),
    "reasked more": lambda v: say(
        "More people had to ask again: %(hits)s of %(of)s (%(now)s); before, %(before)s had.", **v
    ),
    "reasked less": lambda v: say(
        "Fewer people had to ask again: %(hits)s of %(of)s (%(now)s); before, %(before)s had.", **v
    ),
    "rejected more": lambda v: say(
        "More people rejected an answer: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "rejected less": lambda v: say(
        "Fewer people rejected an answer: %(hits)s of %(of)s (%(now)s); before, %(before)s did.",
        **v,
    ),
    "gave_up more": lambda v: say(
        "More people gave up: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "gave_up less": lambda v: say(
        "Fewer people gave up: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "complained more": lambda v: say(
        "More people complained: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "complained less": lambda v: say(
        "Fewer people complained: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "thanked more": lambda v: say(
        "More people said thanks: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "thanked less": lambda v: say(
        "Fewer people said thanks: %(hits)s of %(of)s (%(now)s); before, %(before)s did.", **v
    ),
    "apologised more": lambda v: say(
        "The assistant apologised to more people: %(hits)s of %(of)s (%(now)s); before, to "
        "%(before)s.",
        **v,
    ),
    "apologised less": lambda v: say(
        "The assistant apologised to fewer people: %(hits)s of %(of)s (%(now)s); before, to "
        "%(before)s.",
        **v,
    ),
    "refused more": lambda v: say(
        "The assistant refused more people: %(hits)s of %(of)s (%(now)s); before, %(before)s.", **v
    ),
    "refused less": lambda v: say(
        "The assistant refused fewer people: %(hits)s of %(of)s (%(now)s); before, %(before)s.", **v
    ),
    "event new": lambda v: say(
        "The event %(about)s is new: %(hits)s of %(of)s people came to it.", **v
    ),
    "event gone": lambda v: say(
        "Nobody of %(of)s people came to the event %(about)s; before, %(before)s did.", **v
    ),
    "event more": lambda v: say(
        "More people came to the event %(about)s: %(hits)s of %(of)s (%(now)s); before, %(before)s "
        "did.",
        **v,
    ),
    "event less": lambda v: say(
        "Fewer people came to the event %(about)s: %(hits)s of %(of)s (%(now)s); before, "
        "%(before)s did.",
        **v,
    ),
    "masked more": lambda v: say(
        "Personal data was masked more often (%(about)s): with %(hits)s of %(of)s people "
        "(%(now)s); before, with %(before)s.",
        **v,
    ),
    "masked less": lambda v: say(
        "Personal data was masked less often (%(about)s): with %(hits)s of %(of)s people "
        "(%(now)s); before, with %(before)s.",
        **v,
    ),
    "latency more": lambda v: say(
        "%(about)s became slower: half of %(num)s answers took longer than %(now)s; before, than "
        "%(before)s.",
        **v,
    ),
    "latency less": lambda v: say(
        "%(about)s became faster: half of %(num)s answers took longer than %(now)s; before, than "
        "%(before)s.",
        **v,
    ),
    "cost more": lambda v: say(
        "A call of %(about)s became dearer: %(now)s on average (%(num)s calls); before, "
        "%(before)s.",
        **v,
    ),
    "cost less": lambda v: say(
        "A call of %(about)s became cheaper: %(now)s on average (%(num)s calls); before, "
        "%(before)s.",
        **v,
    ),
    "errors more": lambda v: say(
        "%(about)s failed more often: %(hits)s of %(of)s calls (%(now)s); before, %(before)s.", **v
    ),
    "errors less": lambda v: say(
        "%(about)s failed less often: %(hits)s of %(of)s calls (%(now)s); before, %(before)s.", **v
    ),
    "budget": lambda v: say(
        "The key %(about)s has spent %(share)s of its budget of this month.", **v
    ),
    "silence": lambda v: say(
        "No conversation has begun for %(now)s hours; in the weeks before, never for more than "
        "%(before)s.",
        **v,
    ),
}
AMOUNTS = frozenset({"conversations", "people", "new", "returning"})


def sentence_of(
    finding: Finding, tree: TopicTree, keys: Mapping[str, str], currency: str = ""
) -> Wording:
    """What changed, with its numbers. `keys` are names of keys by id; costs are in `currency`."""
    values = {
        "about": name_of(finding, tree, keys),
        "hits": number(finding.hits),
        "of": number(finding.sample),
        "num": number(finding.sample),
        "share": percent(finding.now / finding.before if finding.before else None),
        "than": _than_usual(finding),
        "now": _written(finding.kind, finding.now, currency),
        "before": _written(finding.kind, finding.before, currency),
    }
    return SAID[_key(finding)](values)


def caused_sentence(
    finding: Finding,
    cause: Cause | None,
    tree: TopicTree,
    keys: Mapping[str, str],
    currency: str = "",
) -> Wording:
    """The same, with what is behind it, where that is known."""
    told = sentence_of(finding, tree, keys, currency)
    if cause is None:
        return told
    values = {
        "told": told,
        "where": _where(cause.part, tree),
        "share": percent(cause.share),
    }
    if cause.share >= NEARLY_ALL:
        return say("%(told)s Nearly all of the change is %(where)s (%(share)s).", **values)
    return say("%(told)s Most of the change is %(where)s (%(share)s).", **values)


def _where(part: tuple[str, str], tree: TopicTree) -> Wording:
    """The conversations of a part, to follow upon "it is"."""
    dimension, value = part
    if dimension == "topic":
        return say("in the topic “%(name)s”", name=tree.title(value))
    if dimension == "language":
        return say("in the language %(name)s", name=language(value))
    if dimension == "model":
        return say("with the model %(name)s", name=value)
    if dimension == "tenant":
        return say("of the tenant %(name)s", name=value)
    return say("in %(key)s = %(value)s", key=dimension.removeprefix(OF_METADATA), value=value)


SHORT: Mapping[str, Wording] = {
    "thumbs_down": say("thumbs down"),
    "mood": say("mood"),
    "latency": say("time to answer"),
    "cost": say("cost of a call"),
    "errors": say("failed calls"),
    "conversations": say("conversations"),
    "people": say("people"),
}


def short_of(finding: Finding, tree: TopicTree, keys: Mapping[str, str]) -> str:
    """What moved, in a word or two."""
    if finding.kind == "signal":
        return SIGNAL_WORDS[finding.part[1]]
    return SHORT.get(finding.kind) or name_of(finding, tree, keys)


def _key(finding: Finding) -> str:
    kind, dimension = finding.kind, finding.part[0]
    if kind in AMOUNTS or kind in ("budget", "silence"):
        return kind
    way = "more" if finding.rises else "less"
    if kind in ("mood", "thumbs_down"):
        return f"{kind} of {dimension} {way}" if dimension else f"{kind} {way}"
    if kind == "signal":
        return f"{finding.part[1]} {way}"
    if kind in ("topic", "language", "model", "tenant", "event"):
        way = "new" if not finding.before else "gone" if not finding.hits else way
    return f"{kind} {way}"


def name_of(finding: Finding, tree: TopicTree, keys: Mapping[str, str]) -> str:
    """What a finding is about, as it is called."""
    kind, value = finding.part
    if kind == "topic":
        return say("“%(name)s”", name=tree.title(value))
    if kind == "language":
        return language(value)
    if kind == "key":
        return keys.get(value, value)
    return KINDS_OF_DATA.get(value, value) if kind == "masked" else value


def _written(kind: str, value: float, currency: str) -> str:
    if kind == "mood":
        return signed(value)
    if kind == "latency":
        return latency(round(value))
    if kind == "cost":
        return money(Decimal(repr(value)), currency)
    return number(value) if kind in AMOUNTS or kind in ("silence", "budget") else percent(value)


def _than_usual(finding: Finding) -> Wording:
    """How an amount stands to what is usual."""
    now, usual = finding.now, finding.before
    if usual < 1 or now >= LEAP_TIMES * usual:
        return say("where %(usual)s are usual", usual=number(usual))
    share = percent(abs(now / usual - 1))
    if now > usual:
        return say("%(share)s more than the usual %(usual)s", share=share, usual=number(usual))
    return say("%(share)s fewer than the usual %(usual)s", share=share, usual=number(usual))
