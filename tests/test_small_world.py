"""The small world: every number of it is what a person counts who reads its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.costs import CallQuestion
from causerie.metric_catalogue import METRICS
from causerie.metric_reports import MetricReports, Part
from causerie.metrics import Split
from causerie.reports import Reports
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.uncertainty import Value
from tests.plain_metrics import Span, number
from tests.small_world import SENT, SINCE, SPAN, TREE, UNTIL, ZONE, keep_small_world, small_world

# The whole span, the four weeks before; its four weeks; its two months. Costs are in USD.
EVERYTHING = """
                                 all   before    16 Mar  23 Mar  30 Mar   6 Apr     March   April
conversations                     50        7        10      14      13      13        29      21
messages                         124       19        24      32      34      34        69      55
user_messages                     66       10        13      17      18      18        37      29
assistant_messages                58        9        11      15      16      16        32      26
messages_per_conversation       2.48   2.7143       2.4  2.2857  2.6154  2.6154    2.3793   2.619
users                              6        3         4       5       6       6         6       6
daily_active_users            1.3571     0.25         1  1.1429  1.5714  1.7143    1.1875  1.5833
weekly_active_users                6        3         4       5       6       6         6       6
monthly_active_users               6        3         4       5       6       6         6       6
new_users                          3        2         1       1       1       0         3       0
returning_users                    3        1         3       4       5       6         3       6
mood                          0.0147  -0.0278      0.15 -0.0208 -0.0714  0.0333         0  0.0312
positive_share                0.3421   0.3333       0.5     0.3     0.3     0.3    0.3182   0.375
negative_share                0.3421   0.3333     0.375     0.3     0.4     0.3    0.3636  0.3125
rating                             0        0         0       0       0       0         0       0
thumbs_up_share                  0.5      0.5       0.5     0.5     0.5     0.5       0.5     0.5
rated_messages                    28        4         6       8       6       8        16      12
languages                          4        2         3       4       3       4         4       4
reasked_share                 0.2326   0.3333    0.2222    0.25  0.1818  0.2727      0.24  0.2222
rejected_share                     0        0         0       0       0       0         0       0
gave_up_share                 0.1163   0.1667    0.1111  0.0833  0.1818  0.0909      0.12  0.1111
complained_share              0.1163   0.1667         0  0.1667  0.0909  0.1818      0.08  0.1667
thanked_share                  0.093   0.1667    0.1111       0  0.1818  0.0909      0.08  0.1111
apologised_share                   0        0         0       0       0       0         0       0
refused_share                      0        0         0       0       0       0         0       0
calls                             38        5         8      10      10      10        22      16
errors                             2        1         0       1       1       0         1       1
error_share                   0.0526      0.2         0     0.1     0.1       0    0.0455  0.0625
input_tokens                    5100      700      1100    1200    1500    1300      2900    2200
cached_tokens                    900      100       250     150     250     250       450     450
cached_share                     0.5      0.5       0.5     0.5     0.5     0.5       0.5     0.5
output_tokens                    940      120       200     220     280     240       540     400
tokens                          6040      820      1300    1420    1780    1540      3440    2600
cost                           0.197    0.021     0.054   0.035   0.054   0.054       0.1   0.097
latency_median                  3400      600      1400    2600    3800    5300      2200    4900
latency_p95                     5700      700      1800    3100    4500    5800      3500    5800
first_token_median               340       60       140     260     380     540       220     500
first_token_p95                  580       60       180     300     420     580       340     580
"""
# A conversation counts for its topic and for what that is in; `.` is about no topic.
BY_TOPIC = """
                                  post       late       lost      cards          .
conversations                       18          8         10         15         10
messages                            44         22         22         42         24
user_messages                       23         11         12         22         13
assistant_messages                  21         11         10         20         11
messages_per_conversation       2.4444       2.75        2.2        2.8        2.4
users                                6          5          4          6          5
daily_active_users                 0.5     0.2143     0.2857     0.4643       0.25
weekly_active_users                  3          1          2          5          2
monthly_active_users                 6          5          4          6          5
new_users                            3          3          1          3          3
returning_users                      3          2          3          3          2
mood                            0.0568     0.0455     0.0682     0.0227    -0.1429
positive_share                  0.4118      0.375     0.4444     0.3333     0.1667
negative_share                  0.2941       0.25     0.3333     0.3333        0.5
rating                            -0.4         -1      -0.25          0    -0.4286
thumbs_up_share                    0.3          0      0.375        0.5     0.2857
rated_messages                      10          2          8          4          7
languages                            4          4          2          4          4
reasked_share                   0.3889      0.375        0.4     0.1333        0.1
rejected_share                       0          0          0          0          0
gave_up_share                   0.2222          0        0.4          0        0.1
complained_share                     0          0          0     0.0667        0.4
thanked_share                        0          0          0     0.2667          0
apologised_share                     0          0          0          0          0
refused_share                        0          0          0          0          0
calls                               14          6          8         12          7
errors                               1          0          1          0          1
error_share                     0.0714          0      0.125          0     0.1429
input_tokens                      1800        800       1000       1800        900
cached_tokens                      350        150        200        300        150
cached_share                       0.5        0.5        0.5        0.5        0.5
output_tokens                      340        160        180        340        160
tokens                            2140        960       1180       2140       1060
cost                             0.077      0.033      0.044      0.064      0.034
latency_median                    2700       3100       2500       4200       4100
latency_p95                       5000       4500       5000       5800       5700
first_token_median                 340        380        340        460        300
first_token_p95                    500        380        500        580        300
"""
# Two people are called ana; `.` are those who did not say who they are.
BY_USER = """
                                  ana  ana@acme       ben  cyd@acme       dot       eve         .
conversations                       8         6         8         6         8         6         8
messages                           18        15        22        13        21        16        19
user_messages                       9         8        12         7        11         9        10
assistant_messages                  9         7        10         6        10         7         9
messages_per_conversation        2.25       2.5      2.75    2.1667     2.625    2.6667     2.375
users                               1         1         1         1         1         1         0
daily_active_users             0.2857    0.1786    0.2857    0.2143    0.1786    0.2143         0
weekly_active_users                 1         1         1         1         1         1         0
monthly_active_users                1         1         1         1         1         1         0
new_users                           0         1         0         0         1         1         0
returning_users                     1         0         1         1         0         0         0
mood                             0.25         0   -0.2273     0.375     -0.25         0    0.2222
positive_share                    0.5       0.4    0.1429    0.6667       0.2       0.2    0.4286
negative_share                 0.1667       0.4    0.4286    0.3333       0.6       0.4    0.1429
rating                        -0.1429   -0.3333         1    0.1429       0.5        -1      -0.2
thumbs_up_share                0.4286    0.3333         1    0.5714      0.75         0       0.4
rated_messages                      7         3         1         7         4         1         5
languages                           1         1         1         1         1         1         1
reasked_share                  0.4286    0.1667    0.4286         0    0.3333         0    0.1429
rejected_share                      0         0         0         0         0         0         0
gave_up_share                  0.4286         0    0.1429         0         0         0    0.1429
complained_share                    0    0.3333         0         0    0.3333    0.1667         0
thanked_share                       0         0    0.1429      0.25         0    0.1667    0.1429
apologised_share                    0         0         0         0         0         0         0
refused_share                       0         0         0         0         0         0         0
calls                               5         5         4         6         7         4         7
errors                              0         1         1         0         0         0         0
error_share                         0       0.2      0.25         0         0         0         0
input_tokens                      600       700       600       700      1000       600       900
cached_tokens                     200         –        50       100       150       250       150
cached_share                      0.5         –       0.5       0.5       0.5       0.5       0.5
output_tokens                     120       140       120       120       180       100       160
tokens                            720       840       720       820      1180       700      1060
cost                            0.042     0.003     0.011     0.023     0.033     0.051     0.034
latency_median                   2500      5100      2200      4100      3100      4200      2700
latency_p95                      4600      5700      4900      5400      5800      5000      5500
first_token_median                340         –       220       540       580       420       180
first_token_p95                   460         –       220       540       580       500       180
"""
# From 16 March to 12 April, a week in a line. Clocks went on in the last day of the second.
BY_DAY = {
    "conversations": """
               2       2       1       2       2       0       1
               2       2       2       2       2       0       4
               3       2       2       2       2       1       1
               2       2       2       2       3       1       1
    """,
    "users": """
               1       2       1       2       1       0       0
               1       2       1       2       1       0       1
               2       2       2       2       2       1       0
               2       2       2       2       2       1       1
    """,
    "new_users": """
               0       0       1       0       0       0       0
               0       1       0       0       0       0       0
               0       1       0       0       0       0       0
               0       0       0       0       0       0       0
    """,
    "mood": """
               0    0.75       0   -0.75       0       –    0.75
               0   -0.25     0.5    0.75       0       –   -0.25
               0  -0.625  0.5833       –  -0.375    -0.5     0.5
            0.75       0    -0.5  0.6667       0   -0.75    -0.5
    """,
}


class Remembering(EventStore):
    """A store that is asked the same only once: most metrics are of the same rows."""

    def __init__(self, events: EventStore) -> None:
        self._asked = events
        self._told: dict[str, list[dict[str, Any]]] = {}

    def select(
        self, name: str, parameters: Mapping[str, Any], binary: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        said = f"{name} {sorted(parameters.items())!r}"
        if said not in self._told:
            self._told[said] = self._asked.select(name, parameters, binary)
        return self._told[said]


@pytest.fixture(scope="module")
def kept() -> dict[int, tuple[str, MetricReports]]:
    """The project of the world in each store, and what reports on it."""
    return {}


@pytest.fixture
def reports(
    events: EventStore, sqlite_engine: Engine, kept: dict[int, tuple[str, MetricReports]]
) -> MetricReports:
    if id(events) not in kept:
        project = f"small-{id(events)}"
        keep_small_world(events, Inbox(sqlite_engine), project)
        kept[id(events)] = project, MetricReports(Remembering(events))
    return kept[id(events)][1]


@pytest.fixture
def question(
    events: EventStore, reports: MetricReports, kept: dict[int, tuple[str, MetricReports]]
) -> CallQuestion:
    """The four weeks, of every tenant."""
    return CallQuestion(kept[id(events)][0], SINCE, UNTIL, tenant=None, zone=ZONE, currency="USD")


def table(text: str) -> dict[str, list[str]]:
    """The lines of a table by their first word."""
    lines = [line.split() for line in text.strip().splitlines()]
    return {line[0]: line[1:] for line in lines if line[0] in METRICS}


def told(value: Value) -> str:
    """A number as the tables have it: four places, a dash for what is not known."""
    if value.value is None:
        return "–"
    if isinstance(value.value, int):
        return str(value.value)
    return f"{value.value:.4f}".rstrip("0").rstrip(".").replace("-0.0000", "0")


def test_the_tables_have_every_metric() -> None:
    assert list(table(EVERYTHING)) == list(METRICS)
    assert list(table(BY_TOPIC)) == list(table(BY_USER)) == list(METRICS)


def test_everything_by_week_and_month(reports: MetricReports, question: CallQuestion) -> None:
    for name, expected in table(EVERYTHING).items():
        weeks = reports.series(replace(question, period="week"), METRICS[name])
        months = reports.series(replace(question, period="month"), METRICS[name], compares=False)
        assert weeks.whole.before is not None
        totals = (weeks.whole.now.total, weeks.whole.before.total)
        values = (*totals, *weeks.whole.now.buckets, *months.whole.now.buckets)
        assert [told(value) for value in values] == expected, name


@pytest.mark.parametrize("name", BY_DAY)
def test_everything_by_day(reports: MetricReports, question: CallQuestion, name: str) -> None:
    series = reports.series(replace(question, period="day"), METRICS[name], compares=False)
    assert [told(value) for value in series.whole.now.buckets] == BY_DAY[name].split()


def named(parts: Sequence[Part]) -> dict[str, str]:
    """The total of each part, by its name and tenant as the tables have them."""
    found = {}
    for part in parts:
        within = f"@{part.within}" if part.within else ""
        found[f"{part.name or '.'}{within}"] = told(part.now.total)
    return found


@pytest.mark.parametrize(("split", "text"), [("topic", BY_TOPIC), ("user", BY_USER)])
def test_each_topic_and_each_user(
    reports: MetricReports, question: CallQuestion, split: str, text: str
) -> None:
    names = text.split("\n")[1].split()
    for name, expected in table(text).items():
        metric = METRICS[name]
        found = named(reports.series(question, metric, Split(split), TREE, compares=False).parts)
        # Whoever is nobody is no active user.
        shown = dict(zip(names, expected, strict=True))
        lacking = {part for part in shown if part not in found}
        assert all(shown[part] in ("0", "–") for part in lacking), (name, lacking)
        assert found == {part: shown[part] for part in found}, name


def test_each_conversation_is_a_line_of_the_table(
    reports: MetricReports, question: CallQuestion
) -> None:
    world = small_world()
    ever = replace(question, since=world.talks[0].at, until=world.talks[-1].at.replace(day=14))
    for talk in [*world.talks[::7], *(talk for talk in world.talks if talk.id in SENT)]:
        one = replace(ever, conversation=talk.id, tenant=talk.tenant)
        for name, expected in (
            ("conversations", "1"),
            ("messages", str(talk.asked + talk.answered)),
            ("user_messages", str(talk.asked)),
            ("rated_messages", str(talk.up + talk.down)),
            ("mood", "–" if talk.mood is None else told(Value(talk.mood))),
            ("calls", "1" if talk.model else "0"),
            ("input_tokens", str(100 * talk.asked if talk.model else 0)),
        ):
            found = reports.series(one, METRICS[name], compares=False).whole.now.total
            assert told(found) == expected, (talk.id, name)


def test_what_a_person_counted_is_what_a_plain_count_finds() -> None:
    """The tables themselves, against the same world in plain Python."""
    world = small_world()
    for name, expected in table(EVERYTHING).items():
        within: Sequence[Any] = world.calls if METRICS[name].source == "calls" else world.talks
        spans: list[Span] = [SPAN]
        spans += [span for _, span in (*SPAN.buckets("week"), *SPAN.buckets("month"))]
        plain = [number(world, name, span, within, "USD") for span in spans]
        assert [told(Value(value)) for value in plain] == [expected[0], *expected[2:]], name


def test_the_pages_reports_say_the_same(
    events: EventStore, reports: MetricReports, question: CallQuestion
) -> None:
    totals = Reports(events).totals(question)
    lines = {name: cells[0] for name, cells in table(EVERYTHING).items()}
    assert (totals.conversations, totals.messages, totals.users) == (
        int(lines["conversations"]),
        int(lines["messages"]),
        int(lines["users"]),
    )
    assert told(Value(totals.sentiment)) == lines["mood"]


def test_what_was_deleted_or_sent_twice_does_not_count(
    events: EventStore, reports: MetricReports, question: CallQuestion
) -> None:
    def count(**changed: Any) -> int:
        return Reports(events).totals(replace(question, **changed)).conversations

    assert count(user="nobody") == 0
    assert (count(conversation="c20"), count(conversation="c13")) == (1, 1)
    # Its beginning arrived last, and is of the day before the rest.
    days = reports.series(
        replace(question, conversation="c29"), METRICS["conversations"], compares=False
    )
    found = dict(zip(days.starts, days.whole.now.buckets, strict=True))
    assert [start.isoformat() for start, value in found.items() if value.value] == ["2026-03-29"]
