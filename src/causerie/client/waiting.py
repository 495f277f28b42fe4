"""The order of what waits: oldest first, within a lane one after the other, within bounds."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not every system has the locks that a spool is made of
    from causerie.client.spool import Place


class Parcel:
    """A packed letter: its bytes in memory, or its place in a spool."""

    __slots__ = ("data", "lane", "number", "place", "size", "travels", "tries")

    def __init__(self, lane: str | None, size: int, data: bytes | None, place: Place | None):
        self.number = 0
        self.lane = lane
        self.size = size
        self.data = data
        self.place = place
        self.tries = 0
        self.travels = False

    def __lt__(self, other: Parcel) -> bool:
        return self.number < other.number


class Waiting:
    """Parcels by age. Not safe in threads by itself."""

    def __init__(self) -> None:
        self._all: OrderedDict[int, Parcel] = OrderedDict()
        self._ready: list[Parcel] = []
        self._held: dict[str, deque[Parcel]] = {}
        """For each lane that has one ready or travelling: those behind it."""
        self._next = 0
        self.size = 0
        """Bytes of all that wait."""
        self.travelling = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def ready(self) -> bool:
        """Whether `take` would give one."""
        return bool(self._ready)

    @property
    def last(self) -> int:
        """The number of the parcel that was added last."""
        return self._next - 1

    def settled(self, number: int) -> bool:
        """Whether nothing waits that was added up to that number."""
        return not self._all or next(iter(self._all)) > number

    def holds(self, parcel: Parcel) -> bool:
        """Whether it waits here."""
        return self._all.get(parcel.number) is parcel

    def add(self, parcel: Parcel) -> None:
        """The youngest."""
        parcel.number = self._next
        self._next += 1
        self._place(parcel)

    def _place(self, parcel: Parcel) -> None:
        self._all[parcel.number] = parcel
        self.size += parcel.size
        if parcel.lane is None:
            heapq.heappush(self._ready, parcel)
        elif parcel.lane in self._held:
            self._held[parcel.lane].append(parcel)
        else:
            self._held[parcel.lane] = deque()
            heapq.heappush(self._ready, parcel)

    def add_older(self, parcels: Sequence[Parcel]) -> None:
        """Before all others, in their order. Only while none travels."""
        first = min(next(iter(self._all), 0), 0) - len(parcels)
        for number, parcel in enumerate(parcels, first):
            parcel.number = number
        everything = [*parcels, *self._all.values()]
        self._all.clear()
        self._ready.clear()
        self._held.clear()
        self.size = 0
        for parcel in everything:
            self._place(parcel)

    def take(self) -> Parcel:
        """The oldest whose lane is free; it travels until it is put back or removed."""
        parcel = heapq.heappop(self._ready)
        parcel.travels = True
        self.travelling += 1
        return parcel

    def put_back(self, parcel: Parcel) -> None:
        """It did not arrive."""
        self._arrive(parcel)
        heapq.heappush(self._ready, parcel)

    def remove(self, parcel: Parcel) -> None:
        """It travelled and is settled; the next of its lane is free."""
        self._arrive(parcel)
        self._forget(parcel)
        self._advance(parcel.lane)

    def _arrive(self, parcel: Parcel) -> None:
        parcel.travels = False
        self.travelling -= 1

    def _forget(self, parcel: Parcel) -> None:
        del self._all[parcel.number]
        self.size -= parcel.size

    def _advance(self, lane: str | None) -> None:
        if lane is None:
            return
        if self._held[lane]:
            heapq.heappush(self._ready, self._held[lane].popleft())
        else:
            del self._held[lane]

    def drop_oldest(self) -> Parcel | None:
        """The oldest that does not travel is gone; None when all travel."""
        oldest = next((one for one in self._all.values() if not one.travels), None)
        if oldest is None:
            return None
        self._forget(oldest)
        held = self._held.get(oldest.lane) if oldest.lane is not None else None
        if held and held[0] is oldest:
            held.popleft()
        else:
            # Of those that are ready it is the oldest as well.
            heapq.heappop(self._ready)
            self._advance(oldest.lane)
        return oldest
