"""Alarms: the worker that judges alerts, each period once it has settled.

A period is judged some time after its end, so that what comes late is in it. Which periods are next
is kept with the alert: after a kill it goes on where it was, and of many processes one judges.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import isinf

from causerie.alert_readings import AlertReadings
from causerie.alert_rules import WEEKS_BEFORE, Judged, Standing, judge
from causerie.alerts import Alert, Firing
from causerie.clock import Clock
from causerie.errors import CauserieError, Invalid, NotFound, Unavailable
from causerie.reports import Question
from causerie.store.alerts import Alerts, Watched
from causerie.store.inbox import Inbox
from causerie.topic_trees import TopicTree
from causerie.zones import day_of, midnight

WORKER = "alarms"
INTERVAL_S = 20
STOP_SECONDS_MAX = 5
SETTLED = {
    "hour": timedelta(minutes=10),
    "day": timedelta(minutes=30),
    "week": timedelta(minutes=30),
}
"""How long after its end a period is judged."""
PREVIEW_DAYS = 60
PREVIEW_WEEKS = 26
CATCH_UP = timedelta(days=28)
"""What is older is not told any more."""
Ask = Callable[[Alert, datetime], tuple[Question, TopicTree]]
"""The question that the filters of an alert ask; its span does not count. Raises NotFound."""
log = logging.getLogger(__name__)


class Alarms:
    """Judges in a thread of its own, or by the caller's hand (`step`). `wake` has what is to be
    told sent at once.
    """

    def __init__(
        self,
        alerts: Alerts,
        readings: AlertReadings,
        ask: Ask,
        inbox: Inbox,
        holder: str,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._alerts = alerts
        self._readings = readings
        self._ask = ask
        self._inbox = inbox
        self._holder = holder
        self._clock = clock
        self._wake = wake
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=WORKER, daemon=True)

    def start(self) -> None:
        """Begin to judge."""
        self._thread.start()

    def stop(self) -> None:
        """Judge nothing more; what is not judged is after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)

    def step(self) -> int:
        """Judge what has settled; how often something fired."""
        if self._inbox.lease(WORKER, self._holder, self._clock()) is None:
            return 0
        fired = 0
        for watched in self._alerts.all():
            if self._stopping.is_set():
                break
            fired += self._judge(watched)
        if fired:
            self._wake()
        return fired

    def _judge(self, watched: Watched) -> int:
        alert, now = watched.alert, self._clock()
        try:
            question, tree = self._ask(alert, now)
            until = settled(alert.period, now, question.zone)
            if until <= watched.judged_to:
                return 0
            since = max(watched.judged_to, begin(alert.period, now - CATCH_UP, question.zone))
            judged, standing = self._judged(watched, question, tree, since, until)
        except Unavailable:
            raise
        except (Invalid, NotFound) as error:
            self._alerts.trouble(watched, error.message)
            return 0
        fired = [firing_of(alert, each, question.zone) for each in judged if each.fires]
        kept = self._alerts.keep(watched, until, standing, fired, self._clock())
        return len(fired) if kept else 0

    def _judged(
        self,
        watched: Watched,
        question: Question,
        tree: TopicTree,
        since: datetime,
        until: datetime,
    ) -> tuple[Sequence[Judged], Standing]:
        begins = begin(watched.alert.period, since - timedelta(weeks=WEEKS_BEFORE), question.zone)
        kind, readings = self._readings.read(watched.alert, question, tree, begins, until)
        return judge(watched.alert, kind, readings, watched.standing, since)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.step()
            except CauserieError as error:
                log.warning("alerts wait: %s", error)
            except Exception:  # the edge of a thread: it must go on, whatever one round met
                log.exception("alerts wait")
            self._stopping.wait(INTERVAL_S)


def preview(
    readings: AlertReadings, alert: Alert, question: Question, tree: TopicTree, now: datetime
) -> list[Judged]:
    """What an alert would have made of the last 60 days, or of half a year of weeks. Raises
    Invalid, NotFound, Unavailable.
    """
    zone = question.zone
    weeks = alert.period == "week"
    length = timedelta(weeks=PREVIEW_WEEKS) if weeks else timedelta(days=PREVIEW_DAYS)
    since = begin(alert.period, now - length, zone)
    begins = begin(alert.period, since - timedelta(weeks=WEEKS_BEFORE), zone)
    until = settled(alert.period, now, zone)
    kind, found = readings.read(alert, question, tree, begins, until)
    return judge(alert, kind, found, Standing(), since)[0]


def begin(period: str, at: datetime, zone: str) -> datetime:
    """When the period began that a moment is in."""
    if period == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = day_of(at, zone)
    return midnight(day - timedelta(days=day.weekday()) if period == "week" else day, zone)


def end(period: str, start: datetime, zone: str) -> datetime:
    """When the period that begins then is over."""
    if period == "hour":
        return start + timedelta(hours=1)
    days = 7 if period == "week" else 1
    return midnight(day_of(start, zone) + timedelta(days=days), zone)


def settled(period: str, now: datetime, zone: str) -> datetime:
    """Until when periods have settled."""
    return begin(period, now - SETTLED[period], zone)


def firing_of(alert: Alert, judged: Judged, zone: str) -> Firing:
    """What is written down of a reading that fired."""
    reading, range = judged.reading, judged.range
    assert reading.value is not None and range is not None
    return Firing(
        alert=alert.id,
        start=reading.start,
        end=end(alert.period, reading.start, zone),
        value=reading.value,
        sample=reading.sample,
        low=None if isinf(range.low) else range.low,
        high=None if isinf(range.high) else range.high,
    )
