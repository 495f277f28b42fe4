"""What is behind findings: the value of an attribute in which most of one lies, and which findings
are of one cause, told as one incident. Values and rules alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from causerie.comparisons import chance_of_table
from causerie.evidence import WHOLE, Part
from causerie.findings import FALSE_RATE, Finding

CAUSE_SHARE_MIN = 0.6
"""So much of what moved lies in one value before it is told as the cause."""
CONVERSATIONS_MIN = 5
"""Of fewer conversations, now, nothing is the cause."""
REPLACED_SHARE = 1.25
"""Where a value has so much more of an amount than all together, it took the place of others, as a
new version does, and brought nobody."""
OF_METADATA = "meta:"
"""The dimension of a key of metadata begins so."""
ANCHORS = frozenset({"topic", "language", "model", "tenant"})
"""Parts that one finding is of and another can lie in."""
AMOUNTS = frozenset({"conversations", "people"})
MARKED = frozenset({"thumbs_down", "signal", "errors", "latency"})
Counts = Mapping[Part, tuple[int, int]]
"""Conversations now and before, by trait; `WHOLE` is all of them."""


class Sign(NamedTuple):
    """How a conversation shows a finding: a mark it has, a part it is of, "" for any."""

    mark: str
    mark_value: str
    part: Part


@dataclass(frozen=True)
class Cause:
    """The value of an attribute in which what moved lies."""

    part: Part
    share: float
    """Of what moved, from `CAUSE_SHARE_MIN` to 1."""
    conversations: int
    """That show the finding and have the value, now."""


@dataclass(frozen=True)
class Incident:
    """Findings of one cause: the one that tells it best, and those that go with it."""

    lead: Finding
    others: Sequence[Finding] = ()
    cause: Cause | None = None
    """Of the lead; None where it is not known, or the lead says it already."""


def sign_of(finding: Finding) -> Sign | None:
    """How conversations show it; None where they do not."""
    if finding.kind in AMOUNTS:
        return Sign("", "", WHOLE)
    if finding.kind == "mood":
        return Sign("mood", "more" if finding.rises else "less", finding.part)
    if not finding.rises:
        return None
    if finding.kind in ANCHORS:
        return Sign("", "", finding.part)
    if finding.kind == "signal":
        return Sign("signal", finding.part[1], WHOLE)
    if finding.kind in MARKED:
        part = finding.part if finding.part[0] == "topic" else WHOLE
        return Sign(finding.kind, "", part)
    return None


def cause_of(
    finding: Finding, shows: Counts, every: Counts, times: float, told: Set[Part] = frozenset()
) -> Cause | None:
    """Where most of it lies, beyond chance among all that is looked at; of several the surest.

    Args:
        shows: the conversations that show the finding.
        every: all conversations.
        times: how long now is, of what was before.
        told: parts that other findings are of: these moved beyond chance already, and are no guess
            among many.
    """
    (now, before), (all_now, all_before) = shows[WHOLE], every[WHOLE]
    is_amount = finding.kind in AMOUNTS
    usual = times if is_amount else all_now / all_before if all_before else 0.0
    moved = now - before * usual
    if not moved or (is_amount and (moved > 0) != finding.rises) or (not is_amount and moved < 0):
        return None
    found: list[tuple[float, Cause]] = []
    for part, (own, own_before) in shows.items():
        share = (own - own_before * usual) / moved
        if part in (WHOLE, finding.part) or own < CONVERSATIONS_MIN or share < CAUSE_SHARE_MIN:
            continue
        if is_amount and share > REPLACED_SHARE:
            continue
        with_it, _ = every.get(part, (own, 0))
        if is_amount:
            chance = chance_of_table(own, own_before, now, before)
            leans = (own * before > own_before * now) == finding.rises
        else:
            chance = chance_of_table(own, now - own, with_it, all_now - with_it)
            leans = own * all_now > now * with_it
        guesses = 1 if part in told else len(shows)
        if leans and chance * guesses <= FALSE_RATE:
            found.append((chance, Cause(part, min(share, 1.0), own)))
    return min(found, key=lambda each: (each[0], each[1].part))[1] if found else None


def without(causes: Mapping[int, Cause], dimensions: Collection[str]) -> dict[int, Cause]:
    """The causes that are of none of these dimensions."""
    return {place: cause for place, cause in causes.items() if cause.part[0] not in dimensions}


def anchors(findings: Sequence[Finding]) -> Set[Part]:
    """The parts that findings are of and others can lie in."""
    return {each.part for each in findings if each.part[0] in ANCHORS}


def incidents(findings: Sequence[Finding], causes: Mapping[int, Cause]) -> list[Incident]:
    """Findings put together by what they are of and what they lie in, in the order they came. The
    causes are by the place of their finding.
    """
    groups: list[tuple[set[Part], list[int]]] = []
    for place, finding in enumerate(findings):
        of = {*anchors([finding])}
        if place in causes:
            of.add(causes[place].part)
        places = [place]
        apart = []
        for group in groups:
            if group[0] & of:
                of |= group[0]
                places = sorted([*group[1], *places])
            else:
                apart.append(group)
        groups = [*apart, (of, places)]
    return [
        _incident(places, findings, causes)
        for _, places in sorted(groups, key=lambda group: group[1][0])
    ]


def _incident(
    places: Sequence[int], findings: Sequence[Finding], causes: Mapping[int, Cause]
) -> Incident:
    first, *rest = places
    cause = causes.get(first)
    # That a topic grew within its theme, or with another one, tells nobody why.
    if cause is not None and cause.part[0] == findings[first].part[0]:
        cause = None
    return Incident(findings[first], [findings[place] for place in rest], cause)
