"""Alert: which number is watched, when it is too far off, and where that is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from causerie.errors import Invalid
from causerie.wording import say

ALERTS_MAX = 100
"""Of one project."""
NAME_CHARS_MAX = 100
QUERY_CHARS_MAX = 4_000
LASTING_MAX = 24
COOLDOWN_HOURS_MAX = 24 * 31
SAMPLE_MAX = 1_000_000
THRESHOLD_MAX = 1e12
DESTINATIONS_MAX = 20


class Rule(StrEnum):
    """What is too far off."""

    ABOVE = "above"
    BELOW = "below"
    CHANGE = "change"
    """Against the same hour or day a week before, or against the week before."""
    UNUSUAL = "unusual"
    """Against the same hours and weekdays of the weeks before."""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A number that is watched."""

    id: str
    project: str
    name: str
    metric: str
    query: str = ""
    """The filters, as pages have them in their address; no time."""
    period: str = "day"
    """Each `hour`, `day` or `week`."""
    rule: Rule = Rule.UNUSUAL
    threshold: float = 0.0
    """Of above and below in the metric's own unit, of a change as a part of what was."""
    direction: str = "both"
    """Of a change and of what is unusual: `up`, `down` or `both`."""
    sample_min: int = 10
    """What a value must be made of, at least, to count."""
    lasting: int = 1
    """So many periods in a row must be off."""
    cooldown_h: int = 24
    """Hours before it may fire again."""
    destinations: tuple[str, ...] = ()
    by: str = ""
    """The member who made it."""
    muted: bool = False
    """It is judged and written down, but not told."""
    snoozed_until: datetime | None = None
    created_at: datetime | None = None

    @property
    def cooldown(self) -> timedelta:
        return timedelta(hours=self.cooldown_h)

    def tells(self, now: datetime) -> bool:
        """Whether it is told when it fires."""
        return not self.muted and (self.snoozed_until is None or self.snoozed_until <= now)


def checked_alert(alert: Alert) -> Alert:
    """The same. Raises Invalid, naming the field."""
    if not alert.name or len(alert.name) > NAME_CHARS_MAX or not alert.name.isprintable():
        raise Invalid(say("give it a name"), field="name")
    if alert.period not in ("hour", "day", "week"):
        raise Invalid(say("choose hours, days or weeks"), field="period")
    if alert.direction not in ("up", "down", "both"):
        raise Invalid(say("choose a direction"), field="direction")
    if not abs(alert.threshold) <= THRESHOLD_MAX:
        raise Invalid(say("that is not a number"), field="threshold")
    if alert.rule is Rule.CHANGE and not 0 < alert.threshold <= 100:
        raise Invalid(say("a change is more than 0 %%"), field="threshold")
    if not 1 <= alert.lasting <= LASTING_MAX:
        raise Invalid(say("in a row: 1 to %(most)s", most=LASTING_MAX), field="lasting")
    if not 0 <= alert.cooldown_h <= COOLDOWN_HOURS_MAX:
        raise Invalid(say("hours: 0 to %(most)s", most=COOLDOWN_HOURS_MAX), field="cooldown_h")
    if not 0 <= alert.sample_min <= SAMPLE_MAX:
        raise Invalid(say("a sample: 0 to %(most)s", most=SAMPLE_MAX), field="sample_min")
    if len(alert.query) > QUERY_CHARS_MAX:
        raise Invalid(say("the filters are too long"), field="query")
    if len(alert.destinations) > DESTINATIONS_MAX:
        raise Invalid(say("too many places to send to"), field="destinations")
    return alert


class Firing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an alert fired for: one period, what was found there, and what was expected."""

    alert: str
    start: datetime
    end: datetime
    value: float
    sample: int
    low: float | None = None
    """Between these it should have been; None where that side is open."""
    high: float | None = None
    fired_at: datetime | None = None
    told: tuple[str, ...] = ()
    """The destinations that were to be told; none while it was muted or snoozed."""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
