"""The worker that adds meaning: what it understands, what it keeps, what a kill leaves to do."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.asking import Asking
from causerie.calibrating import Calibrating
from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.discovery import Discovery
from causerie.enrichment import Enrichment
from causerie.grounds import GroundsReader
from causerie.ingest import How, Ingest, Submission
from causerie.judge import Judge
from causerie.meaning_reports import MeaningReports
from causerie.meaning_settings import MeaningSettings
from causerie.meanings import MessageMeaning
from causerie.model_processes import ModelProcesses, ModelsFailed
from causerie.privacy import PersonalDataFilter
from causerie.questioning import Questioning
from causerie.reports import ConversationRow, Question, Reports
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.meanings import Meanings
from causerie.store.progress import Progress
from causerie.store.topics import Topics
from causerie.store.verdicts import Verdicts
from causerie.testing import Ticking
from causerie.topics import Definition, Topic, TopicKind
from causerie.understanding import SPOKEN
from causerie.vault import Vault

SPAN = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
SPANISH = ("Hola, ¿dónde está mi pedido? Lo espero desde hace una semana", "Ya lo miro.", "ok")
HAPPY = ("I love this, it works perfectly, thank you so much!", "You are welcome.")
ANGRY = ("This is terrible, I am so angry and disappointed, nothing works", "I am sorry.")
SUBJECTS = {
    "card": ("my card has not arrived", "when will my new card come", "the card is still missing"),
    "weather": ("will it rain tomorrow", "what is the weather today", "is it going to be sunny"),
    "music": ("play some jazz music", "put on a rock song", "play the next song please"),
    "recipe": ("how do I bake bread", "a recipe for tomato soup", "how long do I boil an egg"),
}


@dataclass
class Room:
    """The worker over real stores, driven by hand."""

    project: str
    inbox: Inbox
    events: EventStore
    delivery: Delivery
    topics: Topics
    settings: MeaningSettingsStore
    progress: Progress
    processes: ModelProcesses
    make: Callable[[], Enrichment]
    clock: Ticking
    accounts: Accounts
    count: int = field(default=0)

    def __post_init__(self) -> None:
        self.worker = self.make()

    def say(self, *texts: str, id: str = "", thumb: int = 0, **given: Any) -> str:
        """Keep a conversation, user and assistant in turn; its id. The thumb is on its answers."""
        self.count += 1
        uid = f"c{self.count}"
        messages = [
            Message(
                id="",
                position=0,
                at=self.clock(),
                role=("user", "assistant")[n % 2],
                text=text,
                rating=thumb * (n % 2),
            )
            for n, text in enumerate(texts)
        ]
        project = self.accounts.project(self.project)
        assert project is not None
        how = How.THREAD if id else How.LOG
        conversation = Conversation(id=id, messages=messages, **given)
        submission = Submission(project, how, conversation, uid, self.clock())
        arrival, _ = Ingest(PersonalDataFilter()).prepare(submission)
        self.inbox.take([arrival], self.clock())
        self.delivery.drain()
        return id or uid

    def row(self, id: str, tenant: str = "") -> ConversationRow:
        """A conversation as lists show it."""
        found = Reports(self.events).conversation(self.project, id, tenant)
        assert found is not None
        return found.row

    def meanings(self, id: str) -> list[MessageMeaning]:
        """What is understood of its messages, in order."""
        found = MeaningReports(self.events).of_conversation(self.project, "", id)
        return sorted(found.values(), key=lambda one: one.position)

    def define(self, name: str, *words: str) -> Topic:
        """A keyword topic."""
        now = self.clock()
        topic = Topic(
            project=self.project,
            id=f"topic-{name}",
            kind=TopicKind.KEYWORD,
            name=name,
            definition=Definition(words=words),
            created_at=now,
            changed_at=now,
        )
        self.topics.put(topic)
        return topic


@pytest.fixture(scope="module")
def processes() -> Iterator[ModelProcesses]:
    found = ModelProcesses(1)
    yield found
    found.stop()


@pytest.fixture
def room(
    project_id: str,
    sqlite_engine: Engine,
    embedded_events: EventStore,
    clock: Ticking,
    processes: ModelProcesses,
) -> Room:
    accounts = Accounts(sqlite_engine)
    project = accounts.create_project("P", clock(), project_id)
    inbox, events = Inbox(sqlite_engine), embedded_events
    delivery = Delivery(inbox, events, "test", clock, 1)
    topics, meanings = Topics(sqlite_engine), Meanings(events)
    settings = MeaningSettingsStore(sqlite_engine, Vault(b"secret"))
    progress, verdicts = Progress(sqlite_engine), Verdicts(sqlite_engine)

    def make() -> Enrichment:
        def grounds() -> GroundsReader:
            return GroundsReader(topics, settings, meanings, clock)

        asking = Asking(verdicts, Judge(verdicts, lambda project, id: None, clock))
        questioning = Questioning(accounts, grounds(), meanings, asking, topics, lambda *_: None)
        discovery = Discovery(meanings, topics, processes, clock, random.Random(1))
        return Enrichment(
            accounts,
            grounds(),
            meanings,
            delivery,
            Calibrating(meanings, settings, processes),
            discovery,
            questioning,
            progress,
            processes,
            clock,
        )

    return Room(
        project.id,
        inbox,
        events,
        delivery,
        topics,
        settings,
        progress,
        processes,
        make,
        clock,
        accounts,
    )


def test_a_conversation_gets_language_mood_and_signals(room: Room) -> None:
    glad, sad = room.say(*HAPPY), room.say(*ANGRY)
    room.worker.drain()
    happy, angry = room.row(glad), room.row(sad)
    assert (happy.language, happy.scored) == ("en", 1)
    assert happy.sentiment is not None
    assert angry.sentiment is not None
    assert happy.sentiment > 0.3 > -0.3 > angry.sentiment
    assert "thanked" in happy.signals
    assert [one.sentiment is None for one in room.meanings(glad)] == [False, True]


def test_a_short_turn_is_in_the_language_of_its_conversation(room: Room) -> None:
    id = room.say(*SPANISH)
    room.worker.drain()
    assert [one.language for one in room.meanings(id)] == ["es", "es", "es"]
    assert room.row(id).language == "es"


def test_a_user_who_says_ok_is_taken_to_speak_what_they_spoke_before(room: Room) -> None:
    room.say(*SPANISH, metadata={"user_id": "ana"})
    room.worker.drain()
    id = room.say("ok", metadata={"user_id": "ana"})
    room.worker.drain()
    assert room.row(id).language == "es"


def test_what_is_added_to_a_conversation_is_understood_and_the_rest_kept(room: Room) -> None:
    room.say(*HAPPY, id="T")
    room.worker.drain()
    before = room.meanings("T")
    room.say(*ANGRY, id="T")
    assert room.row("T").sentiment is not None  # what was understood still stands
    room.worker.drain()
    after = room.meanings("T")
    assert after[:2] == before
    assert room.row("T").scored == 2


def test_a_new_topic_is_found_in_what_was_said_before(room: Room) -> None:
    id = room.say("Where is my parcel?", "On its way.")
    room.worker.drain()
    assert room.row(id).topics == []
    topic = room.define("delivery", "parcel")
    room.worker.wake(room.project)
    room.worker.drain()
    assert room.row(id).topics == [topic.id]
    assert room.meanings(id)[0].topics == (topic.id,)


def test_another_worker_finds_nothing_left_to_do(room: Room) -> None:
    room.say(*HAPPY)
    room.worker.drain()
    done: list[int] = []
    room.make().drain(done.append)
    assert done == []


def test_what_a_kill_left_without_meaning_is_found_by_the_next_worker(room: Room) -> None:
    id = room.say(*HAPPY)
    other = room.make()  # which was never told of the conversation
    other.drain()
    assert room.row(id).sentiment is not None


def test_a_conversation_that_grew_meanwhile_stays_to_be_done(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.say(*HAPPY, id="T")
    grown = False
    inner = room.processes.begin

    def meanwhile(work: Callable[..., Any], portions: Sequence[tuple[Any, ...]]) -> Any:
        nonlocal grown
        outcome = inner(work, portions)
        if not grown:
            grown = True
            room.say(*ANGRY, id="T")
        return outcome

    monkeypatch.setattr(room.processes, "begin", meanwhile)
    room.worker.drain()
    assert room.row("T").messages == 4
    assert room.row("T").scored == 2


def test_a_process_that_is_killed_is_replaced(room: Room) -> None:
    room.say(*HAPPY)
    room.worker.drain()
    process = room.processes._members[0]._process
    assert process is not None
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    id = room.say(*ANGRY)
    room.worker.drain()
    assert room.row(id).sentiment is not None


def test_one_conversation_that_cannot_be_understood_does_not_hold_up_others(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, also = room.say(*HAPPY), room.say("poison"), room.say(*ANGRY)
    inner = room.processes.begin

    def failing(work: Callable[..., Any], portions: Sequence[tuple[Any, ...]]) -> Any:
        spoken = [one for _, part in portions for one in SPOKEN.decode(part)]
        said = [each.text for one in spoken for each in one.said]
        if "poison" in said:
            raise ModelsFailed("the process of the models died")
        return inner(work, portions)

    monkeypatch.setattr(room.processes, "begin", failing)
    room.worker.drain()
    assert [room.row(id).scored for id in (good, bad, also)] == [1, 0, 1]
    left = room.progress.get(room.project)
    assert left is not None
    assert left.left == 0


def test_only_the_languages_of_a_project_are_seen(room: Room) -> None:
    room.settings.put(room.project, MeaningSettings(languages=("en", "fr")))
    id = room.say(*SPANISH)
    room.worker.drain()
    assert room.row(id).language != "es"


def test_thumbs_bend_the_scale_once_there_are_enough(room: Room) -> None:
    # People here are content when they say little, and say so of nothing.
    dry, warm = "that will do, thank you", "I love it, this is wonderful, how lovely!"
    id = room.say("a question", "an answer", dry)
    room.worker.drain()
    plain = room.meanings(id)[2].sentiment
    assert plain is not None
    for number in range(24):
        room.say(f"question {number}", "answer", dry, thumb=1)
        room.say(f"request {number}", "answer", "no, this is wrong", thumb=-1)
        room.say(f"wish {number}", "answer", warm, thumb=1)
    room.worker.wake(room.project)
    room.worker.drain()
    found = room.settings.get(room.project).calibration
    assert found["thumbs"] >= 60
    bent = room.meanings(id)[2].sentiment
    assert bent is not None
    assert bent != plain


def test_progress_says_what_is_left(room: Room) -> None:
    room.say(*HAPPY)
    room.worker.drain()
    standing = room.progress.get(room.project)
    assert standing is not None
    assert standing.left == 0


def test_topics_are_found_and_new_messages_are_sorted_at_once(room: Room) -> None:
    tails = ("", " now", " please", " again", " for me", " then", " today", " friend", " sir")
    for texts in SUBJECTS.values():
        for text in texts:
            for tail in tails:
                room.say(f"{text}{tail}", "Let me see.")
    room.worker.drain()
    found = [topic for topic in room.topics.all(room.project) if topic.definition.size]
    assert len(found) >= 3
    id = room.say("my card has not arrived yet", "Not yet.")
    room.worker.drain()
    question = Question(room.project, *SPAN)
    rows = Reports(room.events).conversations(question).rows
    same = [row for row in rows if "card" in row.preview and row.suggested]
    assert room.row(id).suggested
    assert room.row(id).suggested[0] in {row.suggested[0] for row in same if row.id != id}
