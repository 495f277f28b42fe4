"""The worker that adds meaning: claim what lacks it, understand it, write it, go on.

What has just been delivered comes first, then whatever lacks meaning under the project's present
generation: after an import, after topics were found or defined, after a new version of Causerie.
The claim is the row itself: a conversation that was understood says under which generation, so
that a kill at any point leaves work to do again and nothing else. Rows are written through the
delivery worker's `rewrite`, the one writer.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from heapq import nsmallest
from time import monotonic
from typing import Any

from causerie.calibrating import Calibrating
from causerie.delivery import Delivery, Named
from causerie.discovery import Discovery
from causerie.errors import Unavailable
from causerie.grounds import GroundsReader
from causerie.meanings import ConversationMeaning, MessageMeaning, Said
from causerie.model_processes import ModelProcesses, ModelsFailed
from causerie.questioning import Questioning
from causerie.store.accounts import Accounts
from causerie.store.events import lookups
from causerie.store.meanings import Key, Meanings, Rewritten
from causerie.store.progress import Progress, Standing
from causerie.understanding import (
    ENCODER,
    UNDERSTOOD,
    USER,
    Grounds,
    Spoken,
    Understood,
    understand_packed,
)

CLAIM_CONVERSATIONS = 2_000
BATCH_CONVERSATIONS = 400
BATCH_MESSAGES = 2_000
FRESH_MAX = 20_000
"""More than these need not be remembered: they lack meaning and are found so."""
LANGUAGES_REMEMBERED_MAX = 20_000
SCAN_INTERVAL_S = 60
RETRY_INTERVAL_S = 2
IDLE_INTERVAL_S = 2
RATE_SECONDS = 30
PROGRESS_INTERVAL_S = 2
EFFORT_SIGNS, EFFORT_SIGNS_MAX = 20, 240
"""What any message takes, and the most that its length does."""
STOP_SECONDS_MAX = 10
log = logging.getLogger(__name__)


class Enrichment:
    """Works in a thread of its own, or by the caller's hand (`drain`)."""

    def __init__(
        self,
        accounts: Accounts,
        grounds: GroundsReader,
        meanings: Meanings,
        delivery: Delivery,
        calibrating: Calibrating,
        discovery: Discovery,
        questioning: Questioning,
        progress: Progress,
        processes: ModelProcesses,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._grounds = grounds
        self._meanings = meanings
        self._delivery = delivery
        self._calibrating = calibrating
        self._discovery = discovery
        self._questioning = questioning
        self._progress = progress
        self._processes = processes
        self._clock = clock
        self._fresh: dict[str, dict[Key, None]] = {}
        self._fresh_lock = threading.Lock()
        self._claimed: dict[str, deque[Key]] = {}
        self._flight: Flight | None = None
        self._scanned: dict[str, float] = {}
        """When a project was looked through for what lacks meaning."""
        self._paces: dict[str, Pace] = {}
        self._languages: dict[tuple[str, str], str] = {}
        """Of users, by project and id."""
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="enrichment", daemon=True)
        delivery.delivered = self.delivered

    def start(self) -> None:
        """Begin, first with what a kill or an import left without meaning."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop at once: what was not written is done again at the next start."""
        self._stopping.set()
        self._wake.set()
        self._processes.stop()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)

    def delivered(self, names: Sequence[Named]) -> None:
        """Note what has just come in; it is taken up first."""
        with self._fresh_lock:
            for project, tenant, id in names:
                fresh = self._fresh.setdefault(project, {})
                if len(fresh) < FRESH_MAX:
                    fresh[(tenant, id)] = None
                else:
                    self._scanned.pop(project, None)
        self._wake.set()

    def wake(self, project: str) -> None:
        """Say that what a project is understood by has changed."""
        self._scanned.pop(project, None)
        self._wake.set()

    def left(self) -> int:
        """How many messages lack meaning now, of all projects together."""
        return sum(
            self._meanings.left(project.id, self._grounds.read(project.id).generation).messages
            for project in self._accounts.projects()
        )

    def drain(self, progress: Callable[[int], None] = lambda messages: None) -> None:
        """Add all the meaning that lacks now, in the caller's thread; `progress` is told how many
        messages each step took.
        """
        while (done := self.step()) is not None:
            progress(done)
        for project in filter(self._has_news, self._paces):
            self._put(project, self._grounds.read(project))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(IDLE_INTERVAL_S)
            self._wake.clear()
            try:
                while not self._stopping.is_set() and self.step() is not None:
                    pass
            except Unavailable as error:
                if not self._stopping.is_set():
                    log.warning("meaning waits: %s", error)
                self._stopping.wait(RETRY_INTERVAL_S)
            except Exception:  # the edge of a thread: it must go on, whatever one round met
                if not self._stopping.is_set():
                    log.exception("meaning failed, trying again")
                self._stopping.wait(RETRY_INTERVAL_S)

    def step(self) -> int | None:
        """Understand a batch of each project; how many messages that were, None when nothing lacks
        meaning. Raises Unavailable.
        """
        if not self._delivery.leads():
            return None
        steps = [self._project(project.id) for project in self._accounts.projects()]
        done = [messages for messages in steps if messages is not None]
        return sum(done) if done else None

    # ---- one project ---------------------------------------------------------------------------

    def _project(self, project: str) -> int | None:
        """One batch, or what follows when all is understood; None when there was nothing to do."""
        if self._stopping.is_set():
            return None
        if not self._may_lack(project):
            done = self._land() if self._is_under_way(project) else None
            if self._has_news(project):
                self._tell(project, self._grounds.read(project))
            return done
        grounds = self._grounds.read(project)
        if not grounds.map and self._discovery.is_early(project, grounds):
            done = self._land()
            self._claimed.pop(project, None)
            self._discovery.find_first(project, grounds)
            return done
        keys, done = self._claim(project, grounds)
        if not keys:
            if self._flight is not None:
                # The processes must be free for what follows.
                return done + self._land()
            self._tell(project, grounds)
            if not (
                self._calibrating.run(project, grounds) or self._discovery.run(project, grounds)
            ):
                return None
            # What was found changes everything, at once.
            self._scanned.pop(project, None)
            return 0
        done += sum(self._understand(project, grounds, list(some)) for some in lookups(keys))
        self._tell(project, grounds)
        if not grounds.map and not self._fresh.get(project):
            # The first topics are waited for.
            self._scanned.pop(project, None)
        return done

    def _may_lack(self, project: str) -> bool:
        """Whether it is worth looking."""
        return (
            bool(self._fresh.get(project))
            or bool(self._claimed.get(project))
            or self._is_to_be_scanned(project)
        )

    def _is_to_be_scanned(self, project: str) -> bool:
        return monotonic() - self._scanned.get(project, -SCAN_INTERVAL_S) >= SCAN_INTERVAL_S

    def _claim(self, project: str, grounds: Grounds) -> tuple[list[Key], int]:
        """What came last, and with it some of what lacks meaning, in the order of the messages; and
        how many messages that were under way were kept for it.
        """
        keys = self._take_fresh(project, scattered=not grounds.map)
        claimed = self._claimed.setdefault(project, deque())
        done = 0
        if not claimed and self._is_to_be_scanned(project):
            # What is under way would seem to lack meaning.
            done = self._land()
            # Noted before the look, so that what is woken meanwhile is looked for again.
            self._scanned[project] = monotonic()
            lacking = self._meanings.lacking(
                project, grounds.generation, CLAIM_CONVERSATIONS, scattered=not grounds.map
            )
            claimed.extend(lacking)
            if lacking:
                # There may be more; once nothing is left, topics may be due.
                self._scanned.pop(project)
        while claimed and len(keys) < BATCH_CONVERSATIONS:
            keys.append(claimed.popleft())
        return sorted(set(keys)), done

    def _take_fresh(self, project: str, *, scattered: bool) -> list[Key]:
        with self._fresh_lock:
            fresh = self._fresh.get(project, {})
            # Neighbours in the table of messages, as their texts are read together; but before
            # there are topics some from everywhere, as topics are found in the first.
            keys = nsmallest(BATCH_CONVERSATIONS, fresh, key=hash if scattered else None)
            for key in keys:
                del fresh[key]
        return keys

    def _understand(self, project: str, grounds: Grounds, keys: Sequence[Key]) -> int:
        """Have conversations understood; how many messages were kept meanwhile. While one portion
        is computed elsewhere, the one before is written here and the one after is read.
        """
        rows = self._meanings.rows(project, set(keys))
        done = 0
        for portion in _portions(rows, BATCH_MESSAGES * self._processes.count):
            spoken = self._spoken(project, grounds, portion)
            messages = sum(len(each.said) for each in spoken.values())
            landed, rewritten = self._landed()
            self._flight = Flight(project, messages, self._begun(grounds, portion, spoken))
            done += self._keep(landed, rewritten)
        return done

    def _begun(
        self, grounds: Grounds, rows: Mapping[Key, dict[str, Any]], spoken: Mapping[Key, Spoken]
    ) -> Callable[[], list[Rewritten]]:
        wanted = [spoken[key] for key in rows]
        understood = self._asked(grounds, wanted)
        return lambda: [
            Rewritten(row, each.changed, each.conversation)
            for row, each in zip(rows.values(), understood(), strict=True)
        ]

    def _is_under_way(self, project: str) -> bool:
        return self._flight is not None and self._flight.project == project

    def _land(self) -> int:
        """Wait for what is under way and keep it; how many messages it has."""
        return self._keep(*self._landed())

    def _landed(self) -> tuple[Flight | None, list[Rewritten]]:
        flight, self._flight = self._flight, None
        return flight, flight.outcome() if flight else []

    def _keep(self, flight: Flight | None, rewritten: Sequence[Rewritten]) -> int:
        if flight is None:
            return 0
        self._write(flight.project, rewritten)
        self._paces.setdefault(flight.project, Pace()).add(flight.messages)
        return flight.messages

    def _spoken(
        self, project: str, grounds: Grounds, rows: Mapping[Key, Mapping[str, Any]]
    ) -> dict[Key, Spoken]:
        keys = set(rows)
        said = self._meanings.said(project, keys)
        known = self._meanings.known(project, keys)
        users = {row["user"] for row in rows.values() if row["user"]}
        languages = self._user_languages(project, users)
        answers = self._questioning.known(project, grounds, said)
        return {
            key: Spoken(
                said=said[key],
                known=known[key],
                user_language=languages.get(rows[key]["user"], ""),
                judged=dict(answers[key].judged),
                translations=dict(answers[key].translations),
                judged_generation=grounds.judging if answers[key].complete else 0,
            )
            for key in rows
        }

    def _user_languages(self, project: str, users: set[str]) -> Mapping[str, str]:
        """What users write most, as it was when it was first asked for."""
        if len(self._languages) > LANGUAGES_REMEMBERED_MAX:
            self._languages.clear()
        new = {user for user in users if not self._languages.get((project, user))}
        found = self._meanings.user_languages(project, new)
        self._languages.update({(project, user): code for user, code in found.items()})
        return {user: self._languages.get((project, user), "") for user in users}

    # ---- elsewhere -----------------------------------------------------------------------------

    def _asked(self, grounds: Grounds, spoken: Sequence[Spoken]) -> Callable[[], list[Understood]]:
        """Has conversations understood; what is given back waits for the outcomes, in order."""
        parts = _spread(spoken, self._processes.count)
        portions = [(grounds, ENCODER.encode(part)) for part in parts]
        try:
            outcomes = self._processes.begin(understand_packed, portions)
        except ModelsFailed as error:
            return partial(self._halved, grounds, spoken, error)

        def understood() -> list[Understood]:
            try:
                return [one for part in outcomes() for one in UNDERSTOOD.decode(part)]
            except ModelsFailed as error:
                return self._halved(grounds, spoken, error)

        return understood

    def _halved(
        self, grounds: Grounds, spoken: Sequence[Spoken], error: ModelsFailed
    ) -> list[Understood]:
        """One that cannot be understood must not hold up others."""
        if self._stopping.is_set():
            raise error
        if len(spoken) > 1:
            middle = len(spoken) // 2
            halves = (spoken[:middle], spoken[middle:])
            return [one for half in halves for one in self._asked(grounds, half)()]
        log.error("a conversation could not be understood: %s", error)
        nothing = ConversationMeaning(generation=grounds.generation, judged=grounds.judging)
        return [Understood([], nothing)]

    def _write(self, project: str, rewritten: Sequence[Rewritten]) -> None:
        if not rewritten:
            return

        def work(renewed: Callable[[], int]) -> None:
            unchanged = self._meanings.unchanged(project, rewritten)
            self._meanings.write(project, rewritten, unchanged, renewed())

        if not self._delivery.rewrite(work):
            raise Unavailable("another process has taken over")

    def _has_news(self, project: str) -> bool:
        return project in self._paces and self._paces[project].has_news

    def _tell(self, project: str, grounds: Grounds) -> None:
        """Let people see, every so often, how far it has got."""
        if not self._paces.setdefault(project, Pace()).told_lately():
            self._put(project, grounds)

    def _put(self, project: str, grounds: Grounds) -> None:
        pace = self._paces[project]
        pace.has_news = False
        left = self._meanings.left(project, grounds.generation).messages
        trouble = self._questioning.trouble(project)
        standing = Standing(left, pace.rate(), self._clock(), trouble)
        self._progress.put(project, grounds.generation, standing)


@dataclass(frozen=True)
class Flight:
    """A portion that is computed elsewhere."""

    project: str
    messages: int
    outcome: Callable[[], list[Rewritten]]
    """Waits for what came of it."""


class Pace:
    """How many messages a second were understood lately."""

    def __init__(self) -> None:
        self.has_news = False
        """Whether something was understood that nobody was told of."""
        self._steps: deque[tuple[float, int]] = deque()
        self._told = 0.0

    def add(self, messages: int) -> None:
        """Some more were understood."""
        now = monotonic()
        self.has_news = True
        self._steps.append((now, messages))
        while self._steps and self._steps[0][0] < now - RATE_SECONDS:
            self._steps.popleft()

    def rate(self) -> float:
        """Messages a second over the last `RATE_SECONDS`; 0 while nothing is done."""
        now = monotonic()
        lately = [step for step in self._steps if step[0] >= now - RATE_SECONDS]
        if len(lately) < 2:
            return 0.0
        # The first step's messages took the time before it.
        return sum(count for _, count in lately[1:]) / max(now - lately[0][0], 0.001)

    def told_lately(self) -> bool:
        """Whether it was asked within `PROGRESS_INTERVAL_S`; else it is noted as told now."""
        now = monotonic()
        if now - self._told < PROGRESS_INTERVAL_S:
            return True
        self._told = now
        return False


def _portions(
    rows: Mapping[Key, dict[str, Any]], messages_max: int
) -> Iterator[dict[Key, dict[str, Any]]]:
    """Conversations of so many messages together, at least one."""
    portion: dict[Key, dict[str, Any]] = {}
    messages = 0
    for key, row in rows.items():
        if portion and messages + row["messages"] > messages_max:
            yield portion
            portion, messages = {}, 0
        portion[key] = row
        messages += row["messages"]
    if portion:
        yield portion


def _spread(spoken: Sequence[Spoken], count: int) -> list[Sequence[Spoken]]:
    """About as much work for each process, in order."""
    parts: list[list[Spoken]] = [[]]
    efforts = [_effort(one) for one in spoken]
    share, size = sum(efforts) / count, 0
    for one, effort in zip(spoken, efforts, strict=True):
        if size + effort / 2 >= share * len(parts) and len(parts) < count:
            parts.append([])
        parts[-1].append(one)
        size += effort
    return list(parts)


def _effort(one: Spoken) -> int:
    """In signs: of long texts a part is read, of an answer less is wanted, and what is known of a
    message is not computed again.
    """
    return sum(EFFORT_SIGNS + _read_signs(said, one.known) for said in one.said)


def _read_signs(said: Said, known: Mapping[str, MessageMeaning]) -> int:
    read = min(len(said.text), EFFORT_SIGNS_MAX)
    return 0 if said.id in known else read if said.role == USER else read // 4
