"""The order of what waits, against a list that does the same slowly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from causerie.client.waiting import Parcel, Waiting

LANES = st.sampled_from([None, "a", "b"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), LANES),
        st.tuples(st.sampled_from(["take", "drop"]), st.none()),
        st.tuples(st.sampled_from(["back", "done"]), st.integers(0, 5)),
        st.tuples(st.just("older"), st.lists(LANES, max_size=4)),
    ),
    max_size=60,
)


class Model:
    """All that waits, by age, and what travels."""

    def __init__(self) -> None:
        self.all: list[Parcel] = []
        self.travels: list[Parcel] = []

    def next(self) -> Parcel | None:
        """The oldest that may travel."""
        seen: set[str] = set()
        for parcel in self.all:
            free = parcel.lane is None or parcel.lane not in seen
            if free and parcel not in self.travels:
                return parcel
            if parcel.lane is not None:
                seen.add(parcel.lane)
        return None


def parcel(lane: str | None) -> Parcel:
    return Parcel(lane, 10, b"", None)


@given(STEPS)
def test_the_oldest_of_a_free_lane_goes_first_whatever_happens(
    steps: list[tuple[str, object]],
) -> None:
    waiting, model = Waiting(), Model()
    for name, value in steps:
        step(waiting, model, name, value)
        assert len(waiting) == len(model.all)
        assert waiting.size == 10 * len(model.all)
        assert waiting.travelling == len(model.travels)
        assert waiting.ready == (model.next() is not None)
        assert all(waiting.holds(one) for one in model.all)


def step(waiting: Waiting, model: Model, name: str, value: object) -> None:
    """Do the same to both."""
    match name, value:
        case "add", lane:
            assert lane is None or isinstance(lane, str)
            model.all.append(parcel(lane))
            waiting.add(model.all[-1])
            assert not waiting.settled(waiting.last)
        case "older", list(lanes):
            if not model.travels:
                older = [parcel(lane) for lane in lanes]
                model.all[:0] = older
                waiting.add_older(older)
        case "take", _ if model.next():
            taken = waiting.take()
            assert taken is model.next()
            model.travels.append(taken)
        case "drop", _:
            left = [one for one in model.all if one not in model.travels]
            assert waiting.drop_oldest() is (left[0] if left else None)
            model.all = [one for one in model.all if one not in left[:1]]
        case (("back" | "done"), int(place)) if place < len(model.travels):
            one = model.travels.pop(place)
            if name == "back":
                waiting.put_back(one)
            else:
                waiting.remove(one)
                model.all.remove(one)
