"""A small world that can be counted by hand: sixty conversations of six people, in a table.

It is in Paris. The span that is asked about is the four weeks from Monday 16 March to Sunday
12 April 2026, in which clocks go on at 01:00 UTC on 29 March: c09 to c58 began in it, c02 to c08 in
the four weeks before, c01 earlier, c59 and c60 later. `ana` is two people: one of no tenant, one of
`acme`.

What stands in the table:

- when it began, in UTC; its tenant and user; its language
- the moods of the messages of its user: `?` while it is not understood, `none` where none has one
- its thumbs: one up, one down, or both
- its topic: `late` and `lost` are in `post`, `old-cards` was made a part of `cards`
- what was said outright, the model, how many messages the user and the assistant wrote

What follows from it, n being the number of the conversation:

- the plan in its metadata is `plus` at `acme`, else `free`; those of `large` came by the gateway
- each that has a model is one call, a second after it began: 100 tokens in and 20 out for each
  message of the user and the assistant, n * 100 ms; c03, c23 and c43 failed
- calls of `large` had half of their input from a cache, cost 0.01 USD for each message of the
  user, and streamed, with the first token after n * 10 ms
- calls of `small` cost 0.001 USD, c33 2 CNY, and nobody knows what those of two messages cost

How it came: c13 grew by an upsert, c20 was sent twice, of c29 the beginning arrived after the rest,
and a conversation that is not in the table was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from causerie.accounts import Project
from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.ingest import How, Ingest, Submission
from causerie.privacy import PersonalDataFilter
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.testing import Ticking
from causerie.topic_trees import TopicTree
from tests.metric_world import keep
from tests.plain_metrics import Call, Span, Talk, World
from tests.understood import found_topic, understand

ZONE = "Europe/Paris"
# Midnights there, before and after clocks went on.
SINCE, UNTIL = datetime(2026, 3, 15, 23, tzinfo=UTC), datetime(2026, 4, 12, 22, tzinfo=UTC)
SPAN = Span(SINCE, UNTIL, ZONE)
TREE = TopicTree(
    [
        found_topic("p", "post", "Post"),
        found_topic("p", "late", "Late parcels", "post"),
        found_topic("p", "lost", "Lost parcels", "post"),
        found_topic("p", "cards", "Cards"),
        found_topic("p", "old-cards", "Old cards", merged_into="cards"),
    ]
)
SENT = ("c13", "c20", "c29")
"""Those that go the whole way, from a request to the store."""
TABLE = """
c01 09 Feb 07:30 .    ana en -0.75       .    cards     .               small 1  1
c02 16 Feb 07:30 .    ana en -0.50       .    lost      .               large 1  1
c03 23 Feb 07:30 .    ana en +0.50,+0.50 .    old-cards complained      small 2  2
c04 24 Feb 18:00 .    ben fr +0.75       both late      reasked         .     1  1
c05 02 Mar 07:30 .    ana .  ?           up   .         .               small 1  1
c06 09 Mar 07:30 .    ana en 0.00        down late      .               large 1  0
c07 13 Mar 18:00 .    ben fr +0.50,-0.50 .    .         gave_up,reasked small 2  2
c08 15 Mar 22:30 acme cyd en -0.75,-0.75 .    cards     thanked         .     2  2
c09 16 Mar 07:30 .    ana en -0.50       .    lost      .               small 1  1
c10 16 Mar 15:00 .    .   en +0.50       .    old-cards .               large 1  1
c11 17 Mar 09:00 acme cyd en +0.75       both lost      .               small 1  1
c12 17 Mar 18:00 .    ben .  ?           up   .         .               .     1  0
c13 18 Mar 12:00 acme ana es 0.00,0.00   down late      reasked         small 2  2
c14 19 Mar 07:30 .    ana en none        .    .         .               large 2  2
c15 19 Mar 09:00 acme cyd en -0.75       .    cards     .               small 1  1
c16 20 Mar 15:00 .    .   en -0.50       .    .         gave_up,reasked .     1  1
c17 20 Mar 18:00 .    ben fr +0.50       .    cards     thanked         small 1  1
c18 22 Mar 22:59 .    .   en +0.75,+0.75 both lost      .               large 2  1
c19 22 Mar 23:00 .    .   .  ?           up   .         .               small 1  1
c20 23 Mar 07:30 .    ana en 0.00        down late      .               .     1  1
c21 24 Mar 10:00 .    dot zh +0.50,-0.50 .    old-cards complained      small 2  2
c22 24 Mar 18:00 .    ben fr -0.75       .    late      reasked         large 1  1
c23 25 Mar 12:00 acme ana es none        .    .         .               small 2  2
c24 25 Mar 13:00 acme ana es +0.50       .    cards     .               .     1  0
c25 26 Mar 07:30 .    ana en +0.75       both lost      gave_up,reasked small 1  1
c26 26 Mar 09:00 acme cyd .  ?           up   .         .               large 1  1
c27 27 Mar 15:00 .    .   en 0.00        down lost      .               small 1  1
c28 27 Mar 18:00 .    ben fr +0.50,-0.50 .    old-cards .               .     2  2
c29 28 Mar 23:30 .    dot zh -0.75       .    late      .               small 1  1
c30 29 Mar 00:59 .    dot zh -0.50       .    .         complained      large 1  0
c31 29 Mar 01:01 .    dot zh +0.50       .    late      reasked         small 1  1
c32 29 Mar 21:59 .    dot zh none        both .         .               .     1  1
c33 29 Mar 22:30 .    dot .  ?           up   .         .               small 2  2
c34 30 Mar 07:30 .    ana en 0.00        down lost      gave_up,reasked large 1  1
c35 30 Mar 15:00 .    .   en +0.50,-0.50 .    old-cards thanked         small 2  2
c36 31 Mar 18:00 .    ben fr -0.75       .    lost      .               .     1  0
c37 31 Mar 21:30 .    eve fr -0.50       .    old-cards .               small 1  1
c38 31 Mar 22:30 .    eve fr +0.50,+0.50 .    late      .               large 2  2
c39 01 Apr 12:00 acme ana es +0.75       both .         complained      small 1  1
c40 02 Apr 07:30 .    ana .  ?           up   .         .               .     1  1
c41 02 Apr 09:00 acme cyd en none        down .         .               small 1  1
c42 03 Apr 08:00 .    eve fr +0.50,-0.50 .    cards     .               large 2  1
c43 03 Apr 18:00 .    ben fr -0.75,-0.75 .    lost      gave_up,reasked small 2  2
c44 04 Apr 08:00 .    eve fr -0.50       .    old-cards thanked         .     1  1
c45 05 Apr 15:00 .    .   en +0.50       .    late      .               small 1  1
c46 06 Apr 07:30 .    ana en +0.75       both old-cards .               large 1  1
c47 06 Apr 10:00 .    dot .  ?           up   .         .               small 1  1
c48 07 Apr 08:00 .    eve fr 0.00,0.00   down .         complained      .     2  1
c49 07 Apr 18:00 .    ben fr +0.50,-0.50 .    cards     reasked         small 2  2
c50 08 Apr 08:00 .    eve fr none        .    lost      .               large 1  1
c51 08 Apr 12:00 acme ana es -0.50       .    cards     .               small 1  1
c52 09 Apr 07:30 .    ana en +0.50       .    lost      gave_up,reasked .     1  1
c53 09 Apr 09:00 acme cyd en +0.75,+0.75 both old-cards thanked         small 2  2
c54 10 Apr 09:00 acme cyd .  ?           up   .         .               large 1  0
c55 10 Apr 15:00 .    .   en 0.00        down .         .               small 1  1
c56 10 Apr 18:00 .    ben fr +0.50,-0.50 .    late      .               .     2  2
c57 11 Apr 12:00 acme ana es -0.75       .    .         complained      small 1  1
c58 12 Apr 21:59 .    dot zh -0.50,-0.50 .    cards     reasked         large 2  2
c59 12 Apr 22:00 .    ana en none        .    lost      .               small 1  1
c60 13 Apr 07:30 .    ana en +0.75       both old-cards .               .     1  0
"""


def talks() -> list[Talk]:
    """The conversations of the table."""
    return [_talk(line.split()) for line in TABLE.strip().splitlines()]


def _talk(cells: Sequence[str]) -> Talk:
    id, day, month, hour = cells[:4]
    tenant, user, language, moods, thumbs, topic, signals, model = (
        "" if cell == "." else cell for cell in cells[4:12]
    )
    known = () if moods in ("none", "?") else tuple(float(mood) for mood in moods.split(","))
    return Talk(
        id,
        datetime.strptime(f"{day} {month} 2026 {hour} +0000", "%d %b %Y %H:%M %z"),
        user,
        tenant,
        model,
        "gateway" if model == "large" else "api",
        {"plan": "plus" if tenant == "acme" else "free"},
        asked=int(cells[12]),
        answered=int(cells[13]),
        up=int(thumbs in ("up", "both")),
        down=int(thumbs in ("down", "both")),
        moods=None if moods == "?" else known,
        language=language,
        signals=tuple(signals.split(",")) if signals else (),
        topics=(topic,) if topic else (),
    )


def call_of(talk: Talk) -> Call:
    """The call that a conversation is."""
    n, large = int(talk.id[1:]), talk.model == "large"
    price = Decimal("0.01") * talk.asked if large else Decimal("0.001")
    unknown = talk.asked > 1 and not large
    call = Call(
        f"call-{talk.id}",
        talk.at + timedelta(seconds=1),
        talk.user,
        talk.tenant,
        talk.id,
        talk.model,
        "ep-fast" if large else "ep-cheap",
        "key_a",
        read=100 * talk.asked,
        cached=50 * talk.asked if large else None,
        written=20 * talk.answered,
        cost=None if unknown else price,
        currency="" if unknown else "USD",
        total_ms=100 * n,
        first_ms=10 * n if large else None,
        error="too slow" if talk.id in ("c03", "c23", "c43") else "",
    )
    return replace(call, cost=Decimal(2), currency="CNY") if talk.id == "c33" else call


def small_world() -> World:
    """All of it, as plain values."""
    said = talks()
    return World(
        said,
        [call_of(talk) for talk in said if talk.model],
        lambda topics: list(dict.fromkeys(one for topic in topics for one in TREE.lineage(topic))),
    )


def keep_small_world(events: EventStore, inbox: Inbox, project: str) -> None:
    """Puts it into the store."""
    world = small_world()
    rows = [talk for talk in world.talks if talk.id not in SENT]
    gone = replace(rows[30], id="gone", user="nobody")
    # The latest first: the order in which conversations arrive is not that in which they began.
    keep(events, project, World(rows[::-1], world.calls), [gone, replace(rows[20], up=9, asked=9)])
    sent = [talk for talk in world.talks if talk.id in SENT]
    delivery = Delivery(inbox, events, "test", Ticking(UNTIL), 1)
    for talk in sent:
        for uid, part in _requests(talk):
            inbox.take([Ingest(PersonalDataFilter()).prepare(_sent(project, uid, part))[0]], UNTIL)
            delivery.drain()
    for talk in sent:
        about = {"language": talk.language, "topics": talk.topics, "signals": talk.signals}
        told = _between([{**about, "sentiment": mood} for mood in talk.moods or ()])
        # The beginning of c29 stands after what came before it.
        order = told[::-1] if talk.id == "c29" else told
        understand(events, project, talk.id, *order, tenant=talk.tenant)


def _between(told: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Messages of users, with those of the assistant between them."""
    return [one for meaning in told for one in (meaning, {})]


def _requests(talk: Talk) -> list[tuple[str, Conversation]]:
    """What was sent of a conversation, and under which id of a request."""
    whole = _spoken(talk)
    if talk.id == "c13":
        return [("c13", _part(talk, whole[:2])), ("c13-more", _part(talk, whole[2:]))]
    if talk.id == "c20":
        return [("c20", _part(talk, whole))] * 2
    return [("c29", _part(talk, whole[1:])), ("c29-early", _part(talk, whole[:1]))]


def _part(talk: Talk, messages: Sequence[Message]) -> Conversation:
    about = {"user_id": talk.user, "model": talk.model, **talk.metadata}
    kept = {name: value for name, value in about.items() if value}
    return Conversation(id=talk.id, tenant=talk.tenant, metadata=kept, messages=list(messages))


def _spoken(talk: Talk) -> list[Message]:
    """Its messages; the thumb is on the last."""
    return [
        Message(
            id="",
            position=0,
            at=talk.at + timedelta(hours=5) * turn,
            role=("user", "assistant")[turn % 2],
            text=f"{talk.id} {turn}",
            rating=talk.up - talk.down if turn == talk.messages - 1 else 0,
        )
        for turn in range(talk.messages)
    ]


def _sent(project: str, uid: str, part: Conversation) -> Submission:
    about = Project(id=project, name="Small", created_at=UNTIL, salt=b"salt")
    request = uid.encode().ljust(16, b".") if uid == "c20" else None
    return Submission(about, How.THREAD, part, uid, UNTIL, request)
