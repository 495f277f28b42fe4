"""The steps of the write path, and the group commit."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.conversations import Conversation, Kind, Message
from causerie.errors import Unavailable
from causerie.ingest import GroupCommit, How, Ingest, Submission, pseudonym
from causerie.masking import Masking, OwnPattern
from causerie.privacy import PersonalDataFilter
from causerie.store.arrivals import Arrival
from causerie.store.inbox import Inbox
from causerie.testing import Ticking


def prepare(clock: Ticking, *, masks: bool = True, **given: Any) -> Conversation:
    """What the steps make of one conversation."""
    project = Project(id="p", name="P", created_at=clock(), salt=b"salt", masks_personal_data=masks)
    submission = Submission(project, How.LOG, Conversation(**{"id": "", **given}), "uid", clock())
    return Ingest(PersonalDataFilter()).prepare(submission)[0].entry.conversation


def message(clock: Ticking, **given: Any) -> Message:
    return Message(**{"id": "", "position": 0, "at": clock(), "role": "user", **given})


def test_every_text_of_a_conversation_is_masked(clock: Ticking) -> None:
    mail = "ann@corp.fr"
    kept = prepare(
        clock,
        feedback=mail,
        metadata={"contact": mail, "user_id": mail},
        messages=[
            message(clock, text=mail, metadata={"to": mail}),
            message(
                clock,
                kind=Kind.TOOL,
                name=mail,
                thought=mail,
                observation=mail,
                input=msgspec.json.encode({"to": [mail]}).decode(),
            ),
        ],
    )
    assert mail not in str(kept)
    assert str(kept).count("email@example.com") == 8


def test_a_masked_tool_input_is_still_json_with_its_other_values(clock: Ticking) -> None:
    given = {"card": 4111111111111111, "n": 7, "ok": True, "none": None, "deep": [{"m": "a@b.com"}]}
    tool = message(clock, kind=Kind.TOOL, name="t", input=msgspec.json.encode(given).decode())
    kept = msgspec.json.decode(prepare(clock, messages=[tool]).messages[0].input)
    assert kept == {
        "card": "1111 1111 1111 1111",
        "n": 7,
        "ok": True,
        "none": None,
        "deep": [{"m": "email@example.com"}],
    }


def test_a_metadata_value_is_understood_by_its_key(clock: Ticking) -> None:
    kept = prepare(clock, metadata={"phone": "6125550143", "order": "6125550143"})
    assert kept.metadata == {"phone": "+1 000-000-0000", "order": "6125550143"}


def test_what_is_masked_is_cut_afterwards_so_that_no_half_address_stays(clock: Ticking) -> None:
    kept = prepare(clock, metadata={"contact": "x" * 30 + " ann.marie.dubois@corporation.fr"})
    assert "ann" not in kept.metadata["contact"]


def test_the_same_value_has_the_same_mark_in_a_project_and_another_elsewhere(
    clock: Ticking,
) -> None:
    def marks(text: str, salt: bytes = b"salt") -> tuple[str, ...]:
        project = Project(id="p", name="P", created_at=clock(), salt=salt)
        talk = Conversation(id="", messages=[message(clock, text=text)])
        submission = Submission(project, How.LOG, talk, "uid", clock())
        kept = Ingest(PersonalDataFilter()).prepare(submission)[0].entry.conversation
        return kept.messages[0].masked

    [mine] = marks("I am Ann@corp.fr")
    kind, _, digest = mine.partition(":")
    assert kind == "email" and len(digest) >= 10 and "corp" not in mine
    assert marks("write to ann@CORP.fr, card 4111 1111 1111 1111")[0] == mine
    assert marks("4111-1111-1111-1111") == marks("4111111111111111")
    assert marks("bob@corp.fr") != (mine,) != marks("ann@corp.fr", b"other")
    assert marks("nothing") == ()


def test_a_message_without_personal_data_is_encoded_as_before(clock: Ticking) -> None:
    kept = prepare(clock, messages=[message(clock, text="nothing")])
    assert b"masked" not in msgspec.json.encode(kept)


def test_all_parts_of_a_message_leave_their_marks(clock: Ticking) -> None:
    tool = message(
        clock,
        text="a@b.com",
        thought="c@d.com",
        input='{"to": "e@f.com"}',
        metadata={"x": "a@b.com"},
    )
    [kept] = prepare(clock, messages=[tool]).messages
    assert len(kept.masked) == 4 and kept.masked[0] == kept.masked[3]
    assert len(set(kept.masked)) == 3


def test_a_project_has_its_own_rules(clock: Ticking) -> None:
    pattern = OwnPattern(name="employee", expression=r"EMP-\d{4}")
    rules = Masking(off=("ip",), names=True, patterns=(pattern,))
    project = Project(id="p", name="P", created_at=clock(), salt=b"salt", masking=rules)
    talk = Conversation(
        id="",
        metadata={"user_name": "Ann Smith", "staff": "EMP-1234"},
        messages=[message(clock, text="Ann here, EMP-1234 at 203.0.113.7, ann@corp.fr")],
    )
    ingest = Ingest(PersonalDataFilter())
    submission = Submission(project, How.LOG, talk, "uid", clock())
    kept = ingest.prepare(submission)[0].entry.conversation
    assert kept.metadata == {"user_name": "[name]", "staff": "[employee]"}
    assert kept.messages[0].text == "[name] here, [employee] at 203.0.113.7, email@example.com"
    assert ingest.mask_text("EMP-1234 failed", project) == "[employee] failed"


def test_a_project_can_keep_its_texts_as_they_are(clock: Ticking) -> None:
    assert prepare(clock, masks=False, feedback="a@b.com").feedback == "a@b.com"


def test_a_pseudonym_is_the_same_in_a_project_and_another_elsewhere() -> None:
    assert pseudonym("a@b.com", b"one") == pseudonym(" A@B.com", b"one")
    assert pseudonym("a@b.com", b"one") != pseudonym("a@b.com", b"two")
    assert pseudonym("a@b.com", b"one") != pseudonym("c@b.com", b"one")


def arrival(clock: Ticking, uid: str) -> Arrival:
    project = Project(id="p", name="P", created_at=clock(), salt=b"salt")
    talk = Conversation(id="", messages=[message(clock, text=uid)])
    return Ingest(PersonalDataFilter()).prepare(Submission(project, How.LOG, talk, uid, clock()))[0]


def test_everything_answered_is_in_the_inbox(sqlite_engine: Engine, clock: Ticking) -> None:
    inbox = Inbox(sqlite_engine)
    commit = GroupCommit(inbox, clock, lambda: None)

    async def keep_many() -> list[str]:
        tasks = [commit.keep(arrival(clock, f"u{n}")) for n in range(1_500)]
        return [receipt.uid for receipt in await asyncio.gather(*tasks)]

    assert asyncio.run(keep_many()) == [f"u{n}" for n in range(1_500)]
    assert inbox.backlog() == (1_500, 0)


def test_a_store_that_refuses_is_told_to_every_caller_and_does_not_end_the_thread(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    inbox = Inbox(sqlite_engine)
    commit = GroupCommit(inbox, clock, lambda: None)
    with sqlite_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE inbox RENAME TO hidden")

    async def keep_some() -> list[Any]:
        tasks = [commit.keep(arrival(clock, f"u{n}")) for n in range(3)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in asyncio.run(keep_some())] == [Unavailable] * 3
    with sqlite_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO inbox")
    assert asyncio.run(commit.keep(arrival(clock, "later"))).uid == "later"


def test_a_stopped_group_commit_keeps_what_waits_and_refuses_what_comes(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    inbox = Inbox(sqlite_engine)
    commit = GroupCommit(inbox, clock, lambda: None)

    async def stop_in_the_middle() -> None:
        kept = [asyncio.create_task(commit.keep(arrival(clock, f"u{n}"))) for n in range(700)]
        await asyncio.sleep(0)
        await commit.stop()
        assert [receipt.uid for receipt in await asyncio.gather(*kept)] == [
            f"u{n}" for n in range(700)
        ]
        with pytest.raises(Unavailable):
            await commit.keep(arrival(clock, "late"))

    asyncio.run(stop_in_the_middle())
    assert inbox.backlog() == (700, 0)


def test_a_caller_that_goes_away_does_not_disturb_the_others(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    commit = GroupCommit(Inbox(sqlite_engine), clock, lambda: None)

    async def leave() -> str:
        gone = asyncio.create_task(commit.keep(arrival(clock, "gone")))
        staying = asyncio.create_task(commit.keep(arrival(clock, "staying")))
        await asyncio.sleep(0)
        gone.cancel()
        return (await staying).uid

    assert asyncio.run(leave()) == "staying"
