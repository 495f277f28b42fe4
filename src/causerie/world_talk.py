"""What is said in the sample world: phrases, filled for one conversation, and how it runs.

The phrases stand in phrases/*.toml, one file for each language, with the same places in each.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from causerie.conversations import Kind

CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{(\w+)\}")

SYSTEM_SHARE = 0.15
SILENCE_SHARE = 0.012
"""Conversations that nobody answers."""
LOOKUP_SHARE = 0.7
THANKS_SHARE = 0.5
SAME_AGAIN_SHARE = 0.6
EVENT_SHARE = 0.35


@dataclass(frozen=True)
class Subject:
    """What people talk about; the shares are between 0 and 1."""

    name: str
    share: float
    quality: float
    drift: float = 0.0
    upset: float = 0.03
    tool: str = ""
    input: str = ""
    observation: str = ""
    plain: bool = False
    """Said without the usual words before and after."""
    event: str = ""
    event_metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """One item of a conversation; `helps` is known of what the assistant says only."""

    kind: Kind = Kind.MESSAGE
    role: str = ""
    text: str = ""
    helps: bool | None = None
    decides: bool = False
    """Whether it answers what the person came for."""
    name: str = ""
    input: str = ""
    observation: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@cache
def phrases(name: str) -> dict[str, Any]:
    """One file of phrases/, by its name without the ending."""
    text = files("causerie").joinpath("phrases", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def subjects() -> list[Subject]:
    """All subjects, in the order of their file."""
    return [Subject(name, **fields) for name, fields in phrases("subjects")["subjects"].items()]


class Voice:
    """Fills phrases for one conversation, in which a slot means the same thing throughout.

    `at` is the time where the person lives.
    """

    def __init__(self, random: Random, language: str, at: datetime, version: str) -> None:
        self.phrases = phrases(language)
        self._random = random
        self._at = at
        self._slots = {"version": version}
        self._choices: dict[str, str] = {}

    def say(self, template: str) -> str:
        """One of the sentences that the template stands for."""
        while CHOICE.search(template):
            template = CHOICE.sub(self._chosen, template)
        return self.fill(template).strip()

    def fill(self, template: str) -> str:
        """The template with its slots filled, for texts that have brackets of their own."""
        return SLOT.sub(lambda slot: self._slot(slot[1]), template)

    def common(self, name: str) -> str:
        """One of the sentences that fit every subject."""
        return self.say(str(self._random.choice(self.phrases["common"][name])))

    def _chosen(self, choice: re.Match[str]) -> str:
        """Mostly the same as before, so that who says it again means the same thing."""
        if choice[1] not in self._choices or self._random.random() > SAME_AGAIN_SHARE:
            self._choices[choice[1]] = self._random.choice(choice[1].split("|"))
        return self._choices[choice[1]]

    def _slot(self, name: str) -> str:
        if name not in self._slots:
            make = self._makers().get(name)
            self._slots[name] = make() if make else self._thing(name)
        return self._slots[name]

    def _thing(self, name: str) -> str:
        things = self.phrases["slots"].get(name) or phrases("subjects")[name]
        return str(self._random.choice(things))

    def _makers(self) -> dict[str, Callable[[], str]]:
        random = self._random
        return {
            "amount": lambda: self._money(random.lognormvariate(3.9, 0.8) + 4),
            "small": lambda: self._money(random.randrange(190, 990, 10) / 100),
            "big": lambda: self._money(random.randrange(150, 4000, 50)),
            "days": lambda: str(random.randint(3, 12)),
            "hours": lambda: str(random.randint(2, 9)),
            "last4": lambda: f"{random.randrange(10_000):04}",
            "ref": lambda: f"BR-{random.randrange(10_000, 99_999)}",
            "hour": lambda: f"{self._at - timedelta(minutes=random.randint(10, 90)):%H:%M}",
            "later": lambda: f"{self._at + timedelta(minutes=random.randint(20, 200)):%H:%M}",
            "percent": lambda: self._format("percent", random.choice(("0.5", "1", "1.5"))),
            "rate": self._rate,
            "date": lambda: self._date(-random.randint(4, 17)),
            "soon": lambda: self._date(random.randint(3, 20)),
            "today": lambda: str(self.phrases["slots"]["weekday"][self._at.weekday()]),
            "month": lambda: self._month(self._at - timedelta(days=random.randint(28, 70))),
        }

    def _format(self, name: str, number: str) -> str:
        formats = self.phrases["formats"]
        marks = {ord(","): formats["group"], ord("."): formats["point"]}
        return str(formats[name]).replace("{number}", number.translate(marks))

    def _money(self, value: float) -> str:
        return self._format("money", f"{value:,.0f}" if value > 400 else f"{value:,.2f}")

    def _rate(self) -> str:
        currency = self.phrases["slots"]["currency"].index(self._slot("currency"))
        rate = phrases("subjects")["euro_buys"][currency] * self._random.uniform(0.97, 1.03)
        return self._format("plain", f"{rate:.1f}" if rate > 100 else f"{rate:.2f}")

    def _month(self, at: datetime) -> str:
        return str(self.phrases["slots"]["month"][at.month - 1])

    def _date(self, days: int) -> str:
        at = self._at + timedelta(days=days)
        formats = self.phrases["formats"]
        day = formats["first"] if at.day == 1 else str(at.day)
        return str(formats["date"]).replace("{day}", day).replace("{month}", self._month(at))


class Talk:
    """How one conversation about a subject runs. `quality` is how often an answer helps."""

    def __init__(self, random: Random, voice: Voice, subject: Subject, quality: float) -> None:
        self._random = random
        self._voice = voice
        self._subject = subject
        self._quality = quality
        self._phrases = voice.phrases[subject.name]
        self._ask, self._answer = random.choice(self._phrases["cases"])

    def run(self) -> Iterator[Said]:
        """What is said and done, from the first item to the last."""
        if self._chance(SYSTEM_SHARE):
            yield Said(role="system", text=self._voice.common("system"))
        yield self._opening()
        if self._chance(SILENCE_SHARE):
            yield self._user(self._voice.common("again") + " " + self._voice.say(self._ask))
            return
        if self._subject.tool and self._chance(LOOKUP_SHARE):
            yield self._lookup()
        answer = self._reply(self._quality, "sure")
        yield answer
        if answer.helps:
            yield from self._follow_ups(2)
        else:
            yield from self._struggle()

    def _struggle(self) -> Iterator[Said]:
        """The first answer did not help: once or twice more, then a person or nothing."""
        for _ in range(self._random.choice((1, 1, 2))):
            yield self._complaint()
            answer = self._reply(self._quality * 0.7, "sorry")
            yield answer
            if answer.helps:
                yield from self._follow_ups(1)
                return
        if self._chance(0.5):
            yield self._user(self._voice.common("frustrated"))
            if self._chance(0.7):
                yield from self._handover()

    def _handover(self) -> Iterator[Said]:
        wait = str(self._random.randint(1, 15))
        about = {"queue": self._subject.name, "wait_minutes": wait}
        yield Said(Kind.EVENT, name="agent_handover", metadata=about)
        yield self._assistant(self._voice.common("handover"), helps=True)

    def _follow_ups(self, most: int) -> Iterator[Said]:
        more = self._random.sample(self._phrases["more"], k=min(most, len(self._phrases["more"])))
        for ask, answer in more:
            if self._chance(0.45):
                before = [self._voice.common("also")] if self._chance(0.6) else []
                yield self._user(*before, self._voice.say(ask))
                yield self._assistant(self._voice.say(answer), helps=True)
        if self._subject.event and self._chance(EVENT_SHARE):
            yield Said(Kind.EVENT, name=self._subject.event, metadata=self._subject.event_metadata)
        if self._chance(THANKS_SHARE):
            after = [self._voice.common("bye")] if self._chance(0.35) else []
            yield self._user(self._voice.common("thanks"), *after)
            if self._chance(0.7):
                yield self._assistant(self._voice.common("welcome"), helps=True)

    def _opening(self) -> Said:
        parts = [self._voice.say(self._ask)]
        if self._chance(self._subject.upset):
            parts.insert(0, self._voice.common("upset"))
        elif self._chance(0.4):
            parts.insert(0, self._voice.common("greet"))
        close = self._voice.common("close")
        if not self._subject.plain and close not in parts[-1] and self._chance(0.25):
            parts.append(close)
        return self._user(*parts)

    def _complaint(self) -> Said:
        if self._chance(0.45):
            return self._user(self._voice.common("frustrated"))
        return self._user(self._voice.common("again"), self._voice.say(self._ask))

    def _reply(self, quality: float, before: str) -> Said:
        if self._chance(quality):
            parts = [self._voice.say(self._answer)]
            if not self._subject.plain and self._chance(0.5):
                parts.insert(0, self._voice.common(before))
            return self._assistant(*parts, helps=True, decides=True)
        if self._chance(0.3):
            return self._assistant(self._voice.common("lost"), helps=False, decides=True)
        parts = [self._voice.say(self._random.choice(self._phrases["bad"]))]
        if self._chance(0.4):
            parts.insert(0, self._voice.common("sorry"))
        return self._assistant(*parts, helps=False, decides=True)

    def _lookup(self) -> Said:
        return Said(
            Kind.TOOL,
            name=self._subject.tool,
            input=self._voice.fill(self._subject.input),
            observation=self._voice.fill(self._subject.observation),
        )

    def _user(self, *parts: str) -> Said:
        return Said(role="user", text=self._joined(parts))

    def _assistant(self, *parts: str, helps: bool, decides: bool = False) -> Said:
        return Said(role="assistant", text=self._joined(parts), helps=helps, decides=decides)

    def _joined(self, parts: tuple[str, ...]) -> str:
        return str(self._voice.phrases["formats"]["between"]).join(parts)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share
