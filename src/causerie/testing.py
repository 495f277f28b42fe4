"""For tests, ours and those of apps: a clock that stands until it is moved."""

from __future__ import annotations

from datetime import datetime, timedelta


class Ticking:
    """A clock to pass where the time is asked for."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time it stands at."""
        return self.now

    def move(self, **by: float) -> None:
        """Go on, by the arguments of `timedelta`."""
        self.now += timedelta(**by)
