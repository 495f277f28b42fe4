"""When an alert fires: readings, one after the other, through a rule that does not flap.

What is unusual is told by the same hours and weekdays of up to eight weeks before: their median,
and how far values of all hours lie from what the other weeks would have said of them. Counts are
looked at as roots and shares as angles, on which they scatter alike wherever they are; and never
less than chance alone makes them scatter.

An alert fires when enough readings in a row are off, it has recovered since it fired last, and its
time of rest is over. It recovers when as many readings, two at least, are well within bounds again.
Readings of too small a sample are neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import asin, inf, pi, sin, sqrt
from statistics import median

import msgspec

from causerie.alerts import Alert, Rule

WEEKS_BEFORE = 8
WEEKS_MIN = 4
"""Fewer weeks say nothing of what is usual."""
STEPS = {"hour": 4.5, "day": 3.5, "week": 3.5}
"""Standard deviations beyond which a reading is unusual: there are many hours."""
EASE = 1.0
"""Within so many fewer it has recovered."""
HYSTERESIS = 0.1
"""A threshold is recovered from by a tenth of it."""
RECOVERY_MIN = 2
MAD_SCALE = 1.4826
"""From the median of deviations to the standard deviation of what is normal."""
MEAN_FLOOR = 0.02
"""What is no count and no share scatters by a fiftieth at least."""
WEEK_PERIODS = {"hour": 168, "day": 7, "week": 1}


@dataclass(frozen=True)
class Reading:
    """What a metric was in one period."""

    start: datetime
    value: float | None
    """None where nothing is known."""
    sample: int
    """What it is made of."""


@dataclass(frozen=True)
class Range:
    """Between what a reading should be, and between what it has recovered."""

    low: float = -inf
    high: float = inf
    calm_low: float = -inf
    calm_high: float = inf

    def is_off(self, value: float) -> bool:
        return not self.low <= value <= self.high

    def is_calm(self, value: float) -> bool:
        return self.calm_low <= value <= self.calm_high


@dataclass(frozen=True)
class Judged:
    """A reading with what was expected of it; None where nothing could be."""

    reading: Reading
    range: Range | None
    fires: bool


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an alert remembers between readings."""

    off: int = 0
    """How many in a row were off."""
    calm: int = 0
    """How many in a row were well within bounds, since it fired."""
    fired_at: datetime | None = None
    """The start of the period for which it fired last."""
    is_open: bool = False
    """Whether it has fired and not recovered."""


def judge(
    alert: Alert, kind: str, readings: Sequence[Reading], standing: Standing, since: datetime
) -> tuple[list[Judged], Standing]:
    """Each reading from `since` on, in order, and what the alert remembers then. The readings
    before are what is usual; none is left out. `kind` of the metric: `count`, `share` or another.
    """
    bounds = Bounds(alert, kind, readings)
    judged = []
    for at, reading in enumerate(readings):
        if reading.start >= since:
            range = bounds.of(at)
            fires, standing = _step(alert, standing, reading, range)
            judged.append(Judged(reading, range, fires))
    return judged, standing


def _step(
    alert: Alert, standing: Standing, reading: Reading, range: Range | None
) -> tuple[bool, Standing]:
    """Whether it fires, and what it remembers after a reading; no range where that says nothing."""
    if reading.value is None or range is None:
        return False, standing
    if range.is_off(reading.value):
        off = standing.off + 1
        if off >= alert.lasting and not standing.is_open and _has_rested(alert, standing, reading):
            return True, Standing(off=off, fired_at=reading.start, is_open=True)
        return False, msgspec.structs.replace(standing, off=off, calm=0)
    if not range.is_calm(reading.value):
        return False, msgspec.structs.replace(standing, off=0, calm=0)
    calm = standing.calm + 1
    is_open = standing.is_open and calm < max(alert.lasting, RECOVERY_MIN)
    return False, msgspec.structs.replace(standing, off=0, calm=calm, is_open=is_open)


def _has_rested(alert: Alert, standing: Standing, reading: Reading) -> bool:
    fired = standing.fired_at
    return fired is None or reading.start - fired >= alert.cooldown


class Bounds:
    """What was to be expected of each of some readings, by those before it."""

    def __init__(self, alert: Alert, kind: str, readings: Sequence[Reading]) -> None:
        self._alert = alert
        self._counts = kind == "count"
        self._scale = SCALES.get(kind, PLAIN)
        self._readings = readings
        self._week = WEEK_PERIODS[alert.period]
        self._scatters: dict[object, float] = {}

    def of(self, at: int) -> Range | None:
        """None where the reading, or what is known before it, says too little."""
        alert = self._alert
        if not self._says(self._readings[at]):
            return None
        margin = HYSTERESIS * abs(alert.threshold)
        if alert.rule is Rule.ABOVE:
            return Range(high=alert.threshold, calm_high=alert.threshold - margin)
        if alert.rule is Rule.BELOW:
            return Range(low=alert.threshold, calm_low=alert.threshold + margin)
        found = self._changed(at) if alert.rule is Rule.CHANGE else self._usual(at)
        if found is None or alert.direction == "both":
            return found
        if alert.direction == "up":
            return Range(high=found.high, calm_high=found.calm_high)
        return Range(low=found.low, calm_low=found.calm_low)

    def _says(self, reading: Reading) -> bool:
        # A count is its own sample: that there are few is what it says.
        enough = self._counts or reading.sample >= self._alert.sample_min
        return reading.value is not None and enough

    def _changed(self, at: int) -> Range | None:
        before = self._week_before(at, 1)
        if not before:
            return None
        size = abs(before[0]) * self._alert.threshold
        calm = size * (1 - HYSTERESIS)
        return Range(before[0] - size, before[0] + size, before[0] - calm, before[0] + calm)

    def _usual(self, at: int) -> Range | None:
        scale, like = self._scale, self._week_before(at, WEEKS_BEFORE)
        if len(like) < WEEKS_MIN:
            return None
        middle = median(map(scale.up, like))
        scatter = max(self._scatter(at), scale.floor(self._readings[at], middle))
        far = STEPS[self._alert.period] * scatter
        near = far - EASE * scatter
        bounds = (middle - far, middle + far, middle - near, middle + near)
        return Range(*map(scale.down, bounds))

    def _week_before(self, at: int, weeks: int) -> list[float]:
        """What was known of the same place in each of the weeks before, the latest first."""
        places = (at - self._week * week for week in range(1, weeks + 1))
        found = (self._readings[place] for place in places if place >= 0)
        return [each.value for each in found if each.value is not None and self._says(each)]

    def _scatter(self, at: int) -> float:
        """How far readings of the weeks before lie from the median of the others of their place in
        the week. Once a day is enough.
        """
        day = self._readings[at].start.date()
        if day not in self._scatters:
            self._scatters[day] = self._scatter_before(at)
        return self._scatters[day]

    def _scatter_before(self, at: int) -> float:
        places: dict[int, list[float]] = {}
        for place in range(max(0, at - self._week * WEEKS_BEFORE), at):
            reading = self._readings[place]
            if reading.value is not None and self._says(reading):
                value = self._scale.up(reading.value)
                places.setdefault(place % self._week, []).append(value)
        away = [
            abs(value - median(values[:index] + values[index + 1 :]))
            for values in places.values()
            if len(values) > 1
            for index, value in enumerate(values)
        ]
        return MAD_SCALE * median(away) if away else inf


class Scale:
    """On which values of all sizes scatter alike."""

    def up(self, value: float) -> float:
        return value

    def down(self, place: float) -> float:
        return place

    def floor(self, reading: Reading, middle: float) -> float:
        """What chance alone makes of it."""
        return MEAN_FLOOR * abs(middle)


class Counts(Scale):
    """Roots: their standard deviation is a half (Anscombe)."""

    def up(self, value: float) -> float:
        return sqrt(max(value, 0.0) + 3 / 8)

    def down(self, place: float) -> float:
        return max(0.0, place * abs(place) - 3 / 8)

    def floor(self, reading: Reading, middle: float) -> float:
        return 0.5


class Shares(Scale):
    """Angles: their standard deviation is that of the sample alone."""

    def up(self, value: float) -> float:
        return asin(sqrt(min(max(value, 0.0), 1.0)))

    def down(self, place: float) -> float:
        if place >= pi / 2:
            return inf
        return sin(place) ** 2 if place > 0 else -inf

    def floor(self, reading: Reading, middle: float) -> float:
        return 0.5 / sqrt(max(reading.sample, 1))


PLAIN = Scale()
SCALES = {"count": Counts(), "share": Shares()}
