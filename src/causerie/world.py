"""A made-up world to try everything on: Brume, a digital bank, and 90 days of its assistant.

The same seed and end give the same world. What there is to find in it:

- the carrier of the cards is on strike in the last two weeks, and people are unhappy;
- yesterday nobody could sign in for hours, and people say so;
- after two thirds of the time a new model takes over: it handles refunds better, rates worse;
- people who write Spanish come back more than others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from causerie.conversations import Conversation, Kind, Message, message_id
from causerie.world_talk import Said, Subject, Talk, Voice, phrases, subjects

CONVERSATIONS_PER_PERSON = 6.7
CUSTOMERS_SHARE = 0.2
"""People who were there before the world began."""
LANGUAGES = {"en": 0.45, "fr": 0.20, "es": 0.20, "zh": 0.15}
TENANTS = ("acme", "globex", "initech")
TENANT_SHARE = 0.1
PLANS = {"free": 0.62, "plus": 0.26, "business": 0.12}
CHANNELS = {"ios": 0.38, "android": 0.34, "web": 0.18, "whatsapp": 0.1}

ONCE_SHARE = 0.3
"""People who come once and never again, except for Spanish."""
STAY_DAYS = {"es": 75.0}
STAY_DAYS_OTHERWISE = 38.0
"""How long people go on coming, on average."""

MODEL_BEFORE, MODEL_AFTER, MODEL_SMALL = "gpt-4o-mini", "claude-haiku-4-5", "mistral-small"
ROLLOUT = 2 / 3
"""When the new model comes, as a share of the time."""
SMALL_MODEL_PENALTY = 0.08
STRIKE_DAYS = 14
STRIKE_GROWTH = 1.8
"""How many more deliveries are talked about during the strike."""
STRIKE_SHARE = 0.8
OUTAGE_GROWTH = 7
"""How many more people cannot sign in, all day yesterday."""
OUTAGE_QUALITY = 0.1

RATED_SHARE = {True: 0.16, False: 0.24}
"""How often an answer that helps, or does not, gets a thumb."""
RATED_SHARE_OTHERWISE = 0.03
RATED_FITTINGLY = 0.94
FEEDBACK_SHARE = {True: 0.025, False: 0.05}
FORM_SHARE = 0.02
"""Feedback forms that are opened and left empty."""

AWAKE = (1, 1, 1, 1, 1, 2, 5, 10, 14, 13, 12, 13, 15, 13, 11, 11, 12, 15, 18, 20, 19, 15, 8, 3)
"""How many come in each hour of their day."""
AT_WORK = (0, 0, 0, 0, 0, 1, 2, 8, 18, 22, 22, 20, 12, 18, 22, 21, 18, 10, 4, 2, 1, 1, 0, 0)
WEEK = (1.1, 1.05, 1.0, 1.0, 1.1, 0.8, 0.7)
WORKING_WEEK = (1.3, 1.2, 1.2, 1.1, 1.0, 0.15, 0.1)


@dataclass(frozen=True)
class Person:
    """Somebody who talks to the assistant. Days count from the first day of the world."""

    id: str
    language: str
    locale: str
    zone: timedelta
    tenant: str
    plan: str
    channel: str
    rank: float
    """Between 0 and 1, decides which model the person gets."""
    careless: bool
    """Types without capitals and full stops."""
    first_day: int
    last_day: int
    habit: float
    """How often they come, against others."""


@dataclass(frozen=True)
class Visit:
    """Somebody begins to write."""

    at: datetime
    day: int
    person: Person
    first: bool


def make_world(
    seed: int, until: datetime, conversations: int = 6000, days: int = 90
) -> Iterator[Conversation]:
    """`conversations` in order of time, within the `days` before `until`."""
    random = Random(seed)
    since = until - timedelta(days=days)
    count = max(1, round(conversations / CONVERSATIONS_PER_PERSON))
    people = [_person(random, index, days) for index in range(count)]
    topics = subjects()
    visits = _visits(random, people, since, conversations)
    for index, visit in enumerate(sorted(visits, key=lambda visit: visit.at)):
        yield _conversation(random, f"brume-{seed}-{index:05}", visit, topics, until, days)


# ---- who comes, and when -----------------------------------------------------------------------


def _person(random: Random, index: int, days: int) -> Person:
    language = _pick(random, LANGUAGES)
    locale, hours = random.choice(phrases(language)["homes"])
    first = _first_day(random, days)
    once = random.random() < ONCE_SHARE / (2 if language == "es" else 1)
    stay = 0.0 if once else random.expovariate(1 / STAY_DAYS.get(language, STAY_DAYS_OTHERWISE))
    return Person(
        id=f"{random.choice(phrases(language)['slots']['handle'])}.{100 + index}",
        language=language,
        locale=locale,
        zone=timedelta(hours=hours),
        tenant=random.choice(TENANTS) if random.random() < TENANT_SHARE else "",
        plan=_pick(random, PLANS),
        channel=_pick(random, CHANNELS),
        rank=random.random(),
        careless=random.random() < 0.25,
        first_day=first,
        last_day=min(days - 1, first + round(stay)),
        habit=0.0 if once else random.lognormvariate(0, 0.55),
    )


def _first_day(random: Random, days: int) -> int:
    """Of those who are new, more come every week."""
    if random.random() < CUSTOMERS_SHARE:
        return random.randrange(min(10, days))
    return int(days * random.random() ** 0.6)


def _visits(random: Random, people: Sequence[Person], since: datetime, count: int) -> list[Visit]:
    """Everybody comes once; the rest of the visits go to those who have the habit."""
    welcome = people[:count]
    found = [_visit(random, person, person.first_day, since, True) for person in welcome]
    habits = [person.habit * (person.last_day - person.first_day + 1) for person in people]
    if sum(habits) == 0:
        habits = [1.0] * len(people)
    for person in random.choices(people, habits, k=count - len(welcome)):
        found.append(_visit(random, person, _habitual_day(random, person, since), since, False))
    return found


def _habitual_day(random: Random, person: Person, since: datetime) -> int:
    week = WORKING_WEEK if person.plan == "business" else WEEK
    for _ in range(8):
        day = random.randint(person.first_day, person.last_day)
        if random.random() * max(week) < week[(since + timedelta(days=day)).weekday()]:
            break
    return day


def _visit(random: Random, person: Person, day: int, since: datetime, first: bool) -> Visit:
    begin = since + timedelta(days=day)
    curve = AT_WORK if person.plan == "business" else AWAKE
    hours = [begin + timedelta(hours=hour) for hour in range(24)]
    [hour] = random.choices(hours, [curve[(hour + person.zone).hour] for hour in hours])
    return Visit(hour + timedelta(seconds=random.randrange(3600)), day, person, first)


# ---- what happens then -------------------------------------------------------------------------


def _conversation(
    random: Random,
    id: str,
    visit: Visit,
    topics: Sequence[Subject],
    until: datetime,
    days: int,
) -> Conversation:
    person = visit.person
    model = _model(person, visit.day, days)
    outage = visit.at.date() == until.date() - timedelta(days=1)
    subject = _subject(random, visit, topics, days, outage)
    version = f"4.{visit.day // 14 + 1}.{visit.day % 14 // 7}"
    voice = Voice(random, person.language, visit.at + person.zone, version)
    said = list(Talk(random, voice, subject, _quality(subject, model)).run())
    feedback = _feedback(random, voice, said)
    return Conversation(
        id=id,
        tenant=person.tenant,
        metadata={
            "user_id": person.id,
            "model": model,
            "plan": person.plan,
            "channel": person.channel,
            "locale": person.locale,
            "app_version": version,
        },
        feedback=feedback,
        source="demo",
        messages=_messages(random, id, visit, said, until),
    )


def _model(person: Person, day: int, days: int) -> str:
    if person.rank < 0.15:
        return MODEL_SMALL
    return MODEL_AFTER if day >= days * ROLLOUT and person.rank < 0.9 else MODEL_BEFORE


def _quality(subject: Subject, model: str) -> float:
    if model == MODEL_AFTER:
        return subject.quality + subject.drift
    return subject.quality - (SMALL_MODEL_PENALTY if model == MODEL_SMALL else 0)


def _subject(
    random: Random, visit: Visit, topics: Sequence[Subject], days: int, outage: bool
) -> Subject:
    strike = visit.day >= days - STRIKE_DAYS
    shares = [topic.share * _interest(topic.name, visit, strike, outage) for topic in topics]
    [chosen] = random.choices(topics, shares)
    if chosen.name == "login" and outage:
        return replace(chosen, quality=OUTAGE_QUALITY, drift=0)
    if chosen.name == "delivery" and strike and random.random() < STRIKE_SHARE:
        return next(topic for topic in topics if topic.name == "strike")
    buys_again = chosen.event == "Checkout" and visit.person.plan != "free"
    return replace(chosen, event="") if buys_again else chosen


def _interest(name: str, visit: Visit, strike: bool, outage: bool) -> float:
    """How much more than others this person has to do with a subject now."""
    match name:
        case "delivery":
            return (2.5 if visit.first else 0.8) * (STRIKE_GROWTH if strike else 1)
        case "login":
            return (1.5 if visit.first else 1) * (OUTAGE_GROWTH if outage else 1)
        case "export" | "statement":
            return 4 if visit.person.plan == "business" else 0.6
        case "fees":
            return 1.3 if visit.person.plan == "free" else 0.7
    return 1


def _feedback(random: Random, voice: Voice, said: list[Said]) -> str:
    """What the person writes into the form at the end, mostly nothing. Notes the form in `said`."""
    answers = [item.helps for item in said if item.helps is not None]
    if not answers:
        return ""
    form = Said(Kind.EVENT, name="feedback_opened", metadata={"from": "end_of_chat"})
    if random.random() < FEEDBACK_SHARE[answers[-1]]:
        said.append(form)
        return voice.common("liked" if all(answers) else "disliked")
    if random.random() < FORM_SHARE:
        said.append(form)
    return ""


def _messages(
    random: Random, id: str, visit: Visit, said: Sequence[Said], until: datetime
) -> list[Message]:
    times = _times(random, visit.at, said, until)
    return [
        _message(random, message_id(id, index), at, visit.person, item)
        for index, (item, at) in enumerate(zip(said, times, strict=True))
    ]


def _times(
    random: Random, start: datetime, said: Sequence[Said], until: datetime
) -> list[datetime]:
    """When each item is said; the whole is moved forward where it would end after the world."""
    times = [start]
    for item in said[1:]:
        times.append(times[-1] + _pause(random, item))
    late = max(timedelta(), times[-1] - until)
    return [time - late for time in times]


def _pause(random: Random, item: Said) -> timedelta:
    if item.role == "user":
        return timedelta(seconds=round(random.lognormvariate(3.6, 0.7)) + 4)
    return timedelta(seconds=random.randint(1, 2 if item.kind is Kind.TOOL else 7))


def _message(random: Random, id: str, at: datetime, person: Person, item: Said) -> Message:
    careless = item.role == "user" and person.careless
    return Message(
        id=id,
        position=0,
        at=at,
        kind=item.kind,
        role=item.role,
        text=_careless(item.text) if careless else item.text,
        rating=_rating(random, item),
        name=item.name,
        input=item.input,
        observation=item.observation,
        metadata=item.metadata,
    )


def _careless(text: str) -> str:
    """Without a capital in front, but `OK` stays, and without the last full stop."""
    lower = text[1:2].islower() or text[1:2] in (" ", "'")
    return ((text[:1].lower() + text[1:]) if lower else text).rstrip(" .。") or text


def _rating(random: Random, item: Said) -> int:
    if item.helps is None:
        return 0
    if random.random() >= (RATED_SHARE[item.helps] if item.decides else RATED_SHARE_OTHERWISE):
        return 0
    return 1 if item.helps is (random.random() < RATED_FITTINGLY) else -1


def _pick(random: Random, shares: dict[str, float]) -> str:
    return random.choices(list(shares), list(shares.values()))[0]
