"""Removal: nothing of a user is left in any file, whatever engine, however often it is killed."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

# It comes without types.
import lz4.block  # type: ignore[import-untyped]
import msgspec
import pytest
from backports import zstd
from sqlalchemy import Engine, select

from causerie.accounts import Project
from causerie.cases import CONVERSATION_KEY, Case, CopyFrom, Line
from causerie.config import Settings
from causerie.contexts import Context, Mode, Turn
from causerie.conversations import LETTERS, Conversation, Message
from causerie.delivery import Delivery
from causerie.evaluation_runs import CaseResult, Response, Run
from causerie.exchanges import API, Exchange
from causerie.ingest import How, Ingest, Submission
from causerie.journal import Journal
from causerie.judging import Inquiry, Verdict, Wanted, digest_of
from causerie.online_evaluators import LiveOutcome, OnlineEvaluator
from causerie.privacy import PersonalDataFilter
from causerie.recordings import Ended, Recording, encode
from causerie.removals import Check, Removal, Scope, Stage, is_genuine
from causerie.removing import Removing
from causerie.reports import Question, Reports
from causerie.store.accounts import Accounts
from causerie.store.arrivals import Arrival, Entry
from causerie.store.contexts import Contexts
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.event_removals import EventRemovals
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.outcomes import Answer, Judged, Outcomes
from causerie.store.privacy_schema import removals as removals_table
from causerie.store.removals import Removals
from causerie.store.responses import Responses
from causerie.store.state import open_state
from causerie.store.state_removals import REWRITTEN, StateRemovals
from causerie.store.test_sets import TestSets
from causerie.store.topics import Topics
from causerie.store.verdicts import Verdicts
from causerie.store.views import Views
from causerie.testing import Ticking
from causerie.vault import Vault
from causerie.views import View
from tests import understood

HEADER = struct.Struct("<16xBII")
"""Of a compressed block: a checksum, the method, its size without the checksum, its raw size."""
LZ4, ZSTD, PLAIN = 0x82, 0x90, 0x02
COMPRESSED = (".bin", ".cidx", ".cmrk2", ".cmrk3", ".cmrk4", ".idx")


class Killed(Exception):
    """Stands for the end of the process."""


@dataclass
class Place:
    """All that keeps something of users, with a worker that removes."""

    project: Project
    engine: Engine
    events: EventStore
    delivery: Delivery
    clock: Ticking
    folder: Path

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.engine)

    def worker(self) -> Removing:
        """A new one, as after a start."""
        return Removing(
            Removals(self.engine, Vault(b"secret")),
            EventRemovals(self.events),
            StateRemovals(self.engine),
            Accounts(self.engine),
            self.delivery,
            self.folder / "journal",
            self.clock,
        )

    def say(self, user: str, *texts: str, id: str, tenant: str = "", how: How = How.UPSERT) -> None:
        """A conversation, with the call that made it, into the inbox."""
        at = self.clock()
        talk = [
            Message(id="", position=0, at=at, role=("user", "assistant")[index % 2], text=text)
            for index, text in enumerate(texts)
        ]
        given = Conversation(id=id, tenant=tenant, messages=talk, metadata={"user_id": user})
        made = Submission(self.project, how, given, f"uid-{id}", at)
        arrival, _ = Ingest(PersonalDataFilter()).prepare(made)
        kept = arrival.entry.conversation
        call = Exchange(
            id=f"call-{id}",
            at=at,
            api=API.CONTEXT,
            key="k",
            endpoint="e",
            model="m",
            user=kept.user,
            tenant=tenant,
            conversation=kept.id,
            context=f"ctx-{id}",
            error=f"about {texts[0]}",
        )
        called = Arrival(self.project.id, Entry(Conversation(id=""), exchange=call), call.id)
        self.inbox.take([arrival, called], at)

    def hold(self, user: str, text: str, id: str) -> None:
        """A context with a turn and a response."""
        said, now = b'[{"role":"user","content":"%s"}]' % text.encode(), self.clock()
        until = now + timedelta(days=1)
        context = Context(
            id=id,
            project=self.project.id,
            endpoint="e",
            mode=Mode.SESSION,
            ttl_s=60,
            strategy=None,
            initial=said,
            initial_tokens=1,
            created_at=now,
            used_at=now,
            expires_at=until,
            user=user,
        )
        turn = Turn(position=0, messages=said, tokens=1, at=now)
        Contexts(self.engine).create(context, [turn])
        Responses(self.engine).put(f"resp-{id}", self.project.id, id, 1, said, now, until)

    def judge(self, text: str) -> None:
        """What a model answered about a text."""
        asked = Inquiry(
            question="t:1", wanted=Wanted.VERDICT, system="", text=text, digest=digest_of(text)
        )
        verdict = Verdict(True, f"it says {text}")
        Verdicts(self.engine).keep(self.project.id, asked, verdict, self.clock())

    def examine(self, texts: Mapping[str, str]) -> None:
        """A test set of conversations, by their ids, with what was answered in a run of it."""
        project, now = self.project.id, self.clock()
        cases = [
            Case(
                name=f"case of {text}",
                messages=(Line("user", text),),
                metadata={CONVERSATION_KEY: id},
            )
            for id, text in texts.items()
        ]
        TestSets(self.engine).add(project, "set", cases, (), CopyFrom.NONE, "", now)
        runs, total = EvaluationRuns(self.engine), len(cases)
        run = Run(
            id=f"run-{project}",
            project=project,
            name="set",
            version=1,
            iterations=1,
            total=total,
            created_at=now,
        )
        runs.begin(run)
        taken = runs.take("me", now)
        assert taken is not None
        answers = [Response(text=f"You say: {text}") for text in texts.values()]
        results = [
            CaseResult(case=at, iteration=1, response=answer, evaluations=(), at=now)
            for at, answer in enumerate(answers)
        ]
        assert runs.keep(taken, "me", results, now)

    def observe(self, texts: Mapping[str, str]) -> None:
        """An online evaluator that has a judge, and quotes the answers of conversations by their
        ids.
        """
        project, now = self.project.id, self.clock()
        online = OnlineEvaluator(
            project=project,
            name="Tries",
            evaluator="attempts_answer",
            since=now,
            created_at=now,
            changed_at=now,
        )
        OnlineEvaluators(self.engine).add(online)
        for id, text in texts.items():
            told = Judged(Answer("", id, 1, f"m-{id}"), now, LiveOutcome.PASS, text, now)
            Outcomes(self.events).keep(online, [told], 5)
            question = Inquiry(
                question="evaluation:attempts_answer@ep",
                wanted=Wanted.VERDICT,
                system="",
                text=text,
                digest=digest_of(f"system {text}"),
            )
            Verdicts(self.engine).keep(project, question, Verdict(True, text), now)

    def conversations(self) -> set[str]:
        """Ids of all that the reports know."""
        span = (self.clock() - timedelta(days=9000), self.clock() + timedelta(days=2))
        question = Question(self.project.id, *span, tenant=None, per_page=99)
        return {row.id for row in Reports(self.events).conversations(question).rows}

    def files(self) -> Iterator[bytes]:
        """What stands in every file of both stores and the journal, compressed or not."""
        with self.events._client() as client:
            [(disk,)] = client.query("SELECT path FROM system.disks").result_rows
        for folder in (Path(str(disk)), self.folder):
            for file in sorted(folder.rglob("*")):
                yield from _contents(file)
        if self.engine.dialect.name == "postgresql":
            with self.engine.connect() as connection:
                for table in (*REWRITTEN, removals_table):
                    for row in connection.execute(select(table)):
                        values = (bytes(v) if isinstance(v, memoryview) else v for v in row)
                        yield repr(list(values)).encode()

    def holds(self, word: str) -> bool:
        """Whether a word stands anywhere."""
        return any(word.encode() in content for content in self.files())


def _contents(file: Path) -> Iterator[bytes]:
    try:
        content = file.read_bytes() if file.is_file() else b""
    except FileNotFoundError:
        return  # the engine has just taken it away
    yield content
    if file.suffix in COMPRESSED:
        try:
            yield b"".join(_blocks(content))
        except (struct.error, RuntimeError, ValueError, zstd.ZstdError):
            return  # not compressed after all


def _blocks(content: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        method, size, raw = HEADER.unpack_from(content, place)
        body = content[place + HEADER.size : place + 16 + size]
        if method == LZ4:
            yield lz4.block.decompress(body, uncompressed_size=raw)
        elif method == ZSTD:
            yield zstd.decompress(body)
        elif method == PLAIN:
            yield body
        else:
            raise ValueError(method)
        place += 16 + size


@pytest.fixture(params=["embedded-sqlite", "clickhouse-postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, clock: Ticking, project_id: str) -> Any:
    """Everything on one pair of engines, with a project."""
    analytics, state = request.param.split("-")
    events: EventStore = request.getfixturevalue(f"{analytics}_events")
    if state == "sqlite":
        engine: Engine = request.getfixturevalue("sqlite_engine")
    else:
        postgres = request.getfixturevalue("postgres")
        database = postgres.server.create(postgres.migrated)
        engine = open_state(Settings(state_url=postgres.server.address(database)).state_address)
    project = Accounts(engine).create_project("P", clock(), project_id)
    delivery = Delivery(Inbox(engine), events, "test", clock, 1)
    yield Place(project, engine, events, delivery, clock, tmp_path)
    if state == "postgresql":
        engine.dispose()
        postgres.server.drop(database)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about files does not wait for the engine to take old ones away."""
    monkeypatch.setattr(EventStore, "given_up", lambda *_: 0)


def fill(place: Place) -> tuple[str, list[str]]:
    """One who is to go, in every place, beside one who stays; words that only the first has said,
    or is called.
    """
    # Letters alone: digits could look like personal data, and be masked.
    gone = f"gone-{place.project.id[-6:].translate(LETTERS)}"
    words = [f"{word}-{gone}" for word in ("quartz", "xylophone", "waits", "held", "quoted")]
    said = f"my {words[0]} is broken"
    place.say(gone, said, f"which {words[1]}?", id=f"c-{gone}")
    place.say("stays", "my lamp is broken", "which lamp?", id="c-stays")
    place.delivery.drain()
    meaning = {
        "language": "en",
        "vector": b"\x01\x02",
        "model": "m",
        "translation": f"¡{words[0]}!",
    }
    understood.understand(place.events, place.project.id, f"c-{gone}", meaning, {}, version=5)
    understood.understand(
        place.events, place.project.id, "c-stays", meaning | {"translation": ""}, version=5
    )
    place.say(gone, words[2], "well", id=f"w-{gone}")
    place.hold(gone, words[3], f"ctx-{gone}")
    place.examine({f"c-{gone}": said, "c-stays": "my lamp is broken"})
    place.observe({f"c-{gone}": f"It says {words[4]}.", "c-stays": "It says lamp."})
    place.hold("stays", "a lamp", "ctx-stays")
    place.judge(said)
    place.judge("my lamp is broken")
    topic = understood.found_topic(place.project.id, "t", words[0], typical=said, size=1)
    Topics(place.engine).put(topic)
    view = View(
        project=place.project.id,
        id="v",
        name="One of them",
        page="conversations",
        query=f"?user={gone}",
        by="m",
        created_at=place.clock(),
    )
    Views(place.engine).add(view)
    return gone, [gone, *words]


def test_nothing_of_a_user_is_left_in_any_file(place: Place) -> None:
    gone, words = fill(place)
    assert [place.holds(word) for word in words] == [True] * len(words)
    asked = place.worker().remove_user(place.project, gone, "", "mem_1")
    steps: list[Removal] = []
    place.worker().drain(steps.append)
    done = steps[-1]
    assert [place.holds(word) for word in words] == [False] * len(words)
    assert place.holds("my lamp is broken") and place.conversations() == {"c-stays"}
    assert done.proof is not None and done.proof.complete and done.id == asked.id
    assert is_genuine(done.proof, place.project.salt)
    assert done.proof.removed == {
        "conversations": 1,
        "messages": 2,
        "meanings": 1,
        "outcomes": 1,
        "exchanges": 1,
        "waiting": 2,
        "identities": 2,
        "contexts": 1,
        "responses": 1,
        "answers": 1,
        "quotes": 1,
        "views": 1,
        "cases": 1,
        "evaluation_results": 1,
    }
    assert Outcomes(place.events).tallies(place.project.id) == {"Tries": {"pass": 1}}
    assert {Check("cases", 0), Check("outcomes", 0)} <= set(done.proof.checked)
    left = TestSets(place.engine).version(place.project.id, "set", 1).cases
    assert [one.is_removed for one in left] == [True, False]
    assert Contexts(place.engine).get(place.project.id, "ctx-stays", place.clock()).turns == 1
    assert done.trouble == "" and done.rounds == 0


@pytest.mark.usefixtures("quick")
def test_what_is_kept_of_a_removal_names_nobody(place: Place) -> None:
    gone, _ = fill(place)
    removals = Removals(place.engine, Vault(b"secret"))
    asked = place.worker().remove_user(place.project, gone, None, "mem_1")
    assert removals.open()[0].target is not None
    with place.engine.connect() as connection:
        assert gone not in repr(connection.execute(select(removals_table)).all())
    place.worker().drain()
    done = removals.get(place.project.id, asked.id)
    assert (done.stage, done.target, done.asked_by) == (Stage.DONE, None, "mem_1")
    # Who has the id finds the proof.
    again = place.worker().remove_user(place.project, gone, None, "mem_2")
    assert again.subject == done.subject and again.id != done.id


@pytest.mark.parametrize("place", ["embedded-sqlite"], indirect=True)
@pytest.mark.parametrize("at", [2, 5, 8, 11, 13])
def test_a_killed_removal_goes_on_after_the_next_start(
    place: Place, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Killed before each of the writes that it makes, one after another."""
    gone, words = fill(place)
    place.worker().remove_user(place.project, gone, "", "mem_1")
    writes = 0

    def dying(real: Any) -> Any:
        def write(*given: Any, **named: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes == at:
                raise Killed
            return real(*given, **named)

        return write

    with monkeypatch.context() as patch:
        for owner, names in (
            (EventStore, ("run", "erase")),
            (StateRemovals, ("drop_waiting", "drop_contexts", "compact")),
        ):
            for name in names:
                patch.setattr(owner, name, dying(getattr(owner, name)))
        with pytest.raises(Killed):
            place.worker().drain()
    place.worker().drain()
    assert [place.holds(word) for word in words] == [False] * len(words)
    assert place.conversations() == {"c-stays"}
    [done] = Removals(place.engine, Vault(b"secret")).list(place.project.id)
    assert done.proof is not None and done.proof.complete
    assert (done.removed["conversations"], done.removed["messages"]) == (1, 2)


@pytest.mark.usefixtures("quick")
def test_what_arrives_afterwards_is_new_and_is_kept(place: Place) -> None:
    place.say("u", "before", "yes", id="T", how=How.THREAD)
    place.delivery.drain()
    worker = place.worker()
    worker.remove_user(place.project, "u", "", "mem_1")

    def speak(removal: Removal) -> None:
        if removal.stage is Stage.ROWS:
            place.clock.move(seconds=60)
            place.say("u", "after", "yes", id="T", how=How.THREAD)
            place.delivery.drain()

    worker.drain(speak)
    transcript = Reports(place.events).conversation(place.project.id, "T", "")
    assert transcript is not None
    assert [message.text for message in transcript.messages] == ["after", "yes"]


@pytest.mark.usefixtures("quick")
def test_a_person_whose_id_is_personal_data_is_found_by_it(place: Place) -> None:
    place.say("ada@corp.fr", "hello", "yes", id="c1")
    place.say("x" * 60, "hello", "no", id="c2")
    place.say("eve@corp.fr", "hello", "oh", id="c3")
    place.hold("Ada@corp.fr ", "raw", "ctx-raw")
    place.delivery.drain()
    worker = place.worker()
    for user in ("ada@corp.fr", "x" * 60):
        worker.remove_user(place.project, user, "", "mem_1")
    worker.drain()
    assert place.conversations() == {"c3"}
    assert Contexts(place.engine).list(place.project.id, place.clock())[1] == 0


@pytest.mark.usefixtures("quick")
def test_only_the_tenant_that_is_named(place: Place) -> None:
    for tenant in ("a", "b", ""):
        place.say("u", "hi", "ho", id=f"c-{tenant}", tenant=tenant)
    place.delivery.drain()
    worker = place.worker()
    worker.remove_user(place.project, "u", "a", "mem_1")
    worker.drain()
    assert place.conversations() == {"c-b", "c-"}
    worker.remove_user(place.project, "u", None, "mem_1")
    worker.drain()
    assert place.conversations() == set()


@pytest.mark.usefixtures("quick")
def test_one_conversation_goes_with_its_context(place: Place) -> None:
    for id in ("c1", "c2"):
        place.say("u", f"hi {id}", "ho", id=id)
        place.hold("", f"hi {id}", f"ctx-{id}")
    place.delivery.drain()
    worker = place.worker()
    worker.remove_conversation(place.project, "c1", "", "mem_1")
    worker.drain()
    assert place.conversations() == {"c2"}
    found, _ = Contexts(place.engine).list(place.project.id, place.clock())
    assert [context.id for context in found] == ["ctx-c2"]


@pytest.mark.usefixtures("quick")
def test_a_project_keeps_transcripts_as_long_as_it_says(place: Place) -> None:
    accounts, worker = Accounts(place.engine), place.worker()
    place.say("u", "long ago", "yes", id="old")
    place.clock.move(seconds=10 * 86_400)
    place.say("u", "today", "yes", id="new")
    place.delivery.drain()
    worker.retire()
    worker.drain()
    assert place.conversations() == {"old", "new"}
    accounts.set_retention(place.project.id, 10)
    worker.retire()
    worker.drain()
    assert place.conversations() == {"old", "new"}
    place.clock.move(seconds=1)
    for _ in range(2):  # the second time there is nothing to do
        worker.retire()
        worker.drain()
    assert place.conversations() == {"new"}
    [done] = Removals(place.engine, Vault(b"secret")).list(place.project.id)
    assert (done.scope, done.asked_by, done.found) == (Scope.AGE, "retention", 1)
    assert done.proof is not None and done.proof.complete


@pytest.mark.usefixtures("quick")
def test_a_journal_that_nobody_can_empty_is_told_in_the_proof(place: Place) -> None:
    call = Exchange(
        id="x", at=place.clock(), api=API.CHAT, key="k", endpoint="e", model="m", user="u"
    )
    journal = Journal(place.folder / "journal", "p")
    segment = journal.begin()
    told = encode(Ended(Recording(project=place.project.id, exchange=call)))
    journal.write(segment, told)
    assert segment is not None
    segment.path.rename(segment.path.with_suffix(".failed"))
    worker = place.worker()
    worker.remove_user(place.project, "u", "", "mem_1")
    worker.drain()
    [done] = Removals(place.engine, Vault(b"secret")).list(place.project.id)
    assert done.proof is not None and not done.proof.complete
    assert [check for check in done.proof.checked if check.left] == [Check("journal", 1)]


def test_a_proof_that_was_changed_shows(place: Place) -> None:
    worker = place.worker()
    worker.remove_user(place.project, "nobody", "", "mem_1")
    worker.drain()
    [done] = Removals(place.engine, Vault(b"secret")).list(place.project.id)
    assert done.proof is not None and done.found == 0
    changed = msgspec.structs.replace(done.proof, removed={"conversations": 7})
    assert not is_genuine(changed, place.project.salt)
    assert not is_genuine(done.proof, b"another secret")


@pytest.mark.usefixtures("quick")
def test_another_process_that_writes_is_waited_for(place: Place) -> None:
    place.say("u", "hi", "ho", id="c")
    place.delivery.drain()
    other = Delivery(place.inbox, place.events, "another", place.clock, 1)
    place.clock.move(seconds=3600)
    assert other.leads()
    worker = place.worker()
    worker.remove_user(place.project, "u", "", "mem_1")
    worker.drain()
    assert place.conversations() == {"c"}
    place.clock.move(seconds=3600)
    place.worker().drain()
    assert place.conversations() == set()
