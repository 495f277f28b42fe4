"""Notices on their way: to a real mail server and a real web server, once, whoever is killed."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from sqlalchemy import Engine

from causerie.dispatch import Dispatch
from causerie.errors import Conflict, Invalid, NotFound, Unavailable
from causerie.mail import Mail, mail_server
from causerie.notices import (
    WAITS,
    Destination,
    Kind,
    Letter,
    Notice,
    Status,
    checked_destination,
    next_due,
)
from causerie.store.accounts import Accounts
from causerie.store.notices import HOLD, Notices
from causerie.testing import Ticking
from causerie.vault import Vault
from causerie.webhooks import NotSent, Webhooks, is_public, reachable
from tests import post_office
from tests.post_office import PASSWORD, USER, Receiver

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
SECRET = "a secret that is long enough"


def letter(notice: Notice, destination: Destination, now: datetime) -> Letter:
    return Letter(
        title="Déjà vu — it\nmoved",
        text="In plain words: 42 % more.",
        html="<p>In <b>bold</b> words</p>",
        slack="*In Slack*",
        document={"number": 42},
    )


@dataclass
class Room:
    """A project with its notices, and who sends them."""

    notices: Notices
    clock: Ticking
    project: str
    trusts: Any = None
    server: Any = None
    private: bool = True

    def put(self, kind: Kind, address: str, **given: Any) -> Destination:
        name = given.pop("name", kind.value)
        made = Destination(
            id=given.pop("id", f"to-{name}"),
            project=self.project,
            name=name,
            kind=kind,
            address=address,
            **given,
        )
        self.notices.put(made, self.clock())
        return made

    def tell(self, to: Destination, key: str = "k") -> None:
        assert self.notices.add(self.project, to.id, key, "alert", {"a": 1}, self.clock())

    def dispatch(self, holder: str = "one", compose: Any = letter) -> Dispatch:
        mail = Mail(self.private, self.trusts)
        webhooks = Webhooks(self.private, timeout_s=0.5)
        return Dispatch(self.notices, mail, webhooks, self.server, compose, holder, self.clock)

    def states(self) -> list[tuple[str, int, str]]:
        return [
            (each.status.value, each.attempts, each.error)
            for each in self.notices.log(self.project)
        ]


@pytest.fixture
def room(engine: Engine, project_id: str) -> Room:
    Accounts(engine).create_project("Brume", NOW, project_id)
    return Room(Notices(engine, Vault(b"secret")), Ticking(NOW), project_id)


@pytest.fixture
def here(sqlite_engine: Engine, project_id: str) -> Room:
    """The same where the engine is not what is in question."""
    Accounts(sqlite_engine).create_project("Brume", NOW, project_id)
    return Room(Notices(sqlite_engine, Vault(b"secret")), Ticking(NOW), project_id)


@pytest.fixture
def web() -> Iterator[Receiver]:
    with post_office.receiver() as server:
        yield server


# ---- mail ----------------------------------------------------------------------------------------


def test_a_mail_is_encrypted_and_says_it_twice(here: Room) -> None:
    with post_office.mail_server() as (mailbox, port, here.trusts):
        address = f"smtp://{USER}:{quote(PASSWORD, safe='')}@localhost:{port}"
        here.notices.put_mail_server(here.project, address, "brume@mail.example")
        here.tell(here.put(Kind.EMAIL, "Ana@Mail.example"))
        assert here.dispatch().step() == 1
    assert here.states() == [("sent", 1, "")]
    (mail,) = mailbox.mails
    assert mailbox.was_encrypted == [True]
    assert (mail["From"], mail["To"]) == ("brume@mail.example", "ana@mail.example")
    assert mail["Message-ID"].endswith("@mail.example>")
    texts = {
        part.get_content_type(): part.get_payload(decode=True)
        for part in mail.walk()
        if not part.is_multipart()
    }
    assert texts["text/plain"] == b"In plain words: 42 % more.\r\n"
    assert b"<b>bold</b>" in bytes(texts["text/html"])


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("550 no such mailbox", "failed", "the mail server answered 550 no such mailbox"),
        ("451 try later", "waiting", "the mail server answered 451 try later"),
    ],
)
def test_what_a_mail_server_refuses_in_passing_is_tried_again(
    here: Room, answer: str, status: str, said: str
) -> None:
    with post_office.mail_server(encrypts=False) as (mailbox, port, _):
        here.server = mail_server(f"smtp+plain://127.0.0.1:{port}", "brume@mail.example")
        here.tell(here.put(Kind.EMAIL, "ana@mail.example"))
        mailbox.answer = answer
        here.dispatch().step()
        assert here.states() == [(status, 1, said)]
        mailbox.answer = "250 taken"
        here.clock.move(minutes=2)
        here.dispatch().step()
        assert len(mailbox.mails) == (status == "waiting")


def test_a_wrong_password_and_a_strange_certificate_are_told_without_it(
    here: Room, caplog: pytest.LogCaptureFixture
) -> None:
    with post_office.mail_server() as (_, port, trusts):
        here.put(Kind.EMAIL, "ana@mail.example")
        wrong = f"smtp://{USER}:wrong-password@localhost:{port}"
        here.notices.put_mail_server(here.project, wrong, "brume@mail.example")
        here.trusts = trusts
        refused = here.dispatch().try_out(here.project, "to-email", "t1")
        here.trusts = None
        strange = here.dispatch().try_out(here.project, "to-email", "t2")
    assert refused.error == "the mail server refuses the user or password"
    assert "certificate is not trusted" in strange.error
    assert (refused.status, strange.status) == (Status.FAILED, Status.FAILED)
    assert "wrong-password" not in caplog.text


def test_without_a_mail_server_it_says_so(here: Room) -> None:
    here.put(Kind.EMAIL, "ana@mail.example")
    assert "CAUSERIE_MAIL_SERVER" in here.dispatch().try_out(here.project, "to-email", "t").error


@pytest.mark.parametrize(
    "address",
    ["", "http://host", "smtp://", "smtp://host:99999", "smtp+plain://user:pw@host", "smtps://h/x"],
)
def test_a_mail_server_that_cannot_be_is_refused_without_saying_its_address(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        mail_server(address, "a@b.example")
    assert "pw" not in refused.value.message
    with pytest.raises(Invalid):
        mail_server("smtps://host", "nobody\nBcc: all@mail.example")


# ---- webhooks ------------------------------------------------------------------------------------


def test_a_webhook_gets_signed_json(here: Room, web: Receiver) -> None:
    here.tell(here.put(Kind.WEBHOOK, f"{web.url}/hook?a=b", secret=SECRET))
    here.dispatch().step()
    ((path, headers, body),) = web.got
    assert path == "/hook?a=b"
    sent = json.loads(body)
    assert (sent["type"], sent["project"], sent["number"]) == ("alert", here.project, 42)
    assert headers["Idempotency-Key"] == sent["id"]
    time, _, digest = headers["Causerie-Signature"].partition(",v1=")
    signed = f"{time.removeprefix('t=')}.".encode() + body
    assert digest == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert abs(int(time.removeprefix("t=")) - NOW.timestamp()) < 1


def test_slack_gets_its_own_words(here: Room, web: Receiver) -> None:
    here.tell(here.put(Kind.SLACK, f"{web.url}/services/T/B/x"))
    here.dispatch().step()
    ((_, headers, body),) = web.got
    assert json.loads(body) == {"text": "*In Slack*"}
    assert "Causerie-Signature" not in headers


@pytest.mark.parametrize(
    ("status", "outcome"), [(500, "waiting"), (429, "waiting"), (404, "failed"), (302, "failed")]
)
def test_only_what_passes_is_tried_again_and_no_redirect_is_followed(
    here: Room, web: Receiver, status: int, outcome: str
) -> None:
    web.status = status
    here.tell(here.put(Kind.WEBHOOK, web.url))
    here.dispatch().step()
    assert here.states() == [(outcome, 1, f"the server answered {status}")]
    assert len(web.got) == 1


def test_attempts_become_rarer_and_end(here: Room, web: Receiver) -> None:
    web.status = 500
    here.tell(here.put(Kind.WEBHOOK, web.url))
    for pause in WAITS:
        assert here.dispatch().step() == 1
        here.clock.move(seconds=pause.total_seconds() - 1)
        assert here.dispatch().step() == 0
        here.clock.move(seconds=1)
    assert here.dispatch().step() == 1
    assert here.states() == [("failed", len(WAITS) + 1, "the server answered 500")]


def test_a_dead_server_keeps_nobody_else_waiting(here: Room, web: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dead:  # takes connections, never answers
        port = dead.getsockname()[1]
        gone = here.put(Kind.WEBHOOK, f"http://127.0.0.1:{port}", name="dead")
        alive = here.put(Kind.WEBHOOK, web.url, name="alive")
        for number in range(3):
            here.tell(gone, f"d{number}")
        here.tell(alive, "a")
        here.dispatch().step()
        here.tell(gone, "d9")
        assert len(web.got) == 1
    waiting = [each for each in here.notices.log(here.project) if each.destination == gone.id]
    assert {each.error for each in waiting if each.error} == {
        "the server cannot be reached: it did not answer in time"
    }


def test_what_else_waits_for_a_dead_server_waits_as_long(here: Room, web: Receiver) -> None:
    web.status = 500
    to = here.put(Kind.WEBHOOK, web.url)
    here.tell(to, "first")
    dispatch = here.dispatch()
    held = here.notices.take("one", here.clock(), 9)
    here.tell(to, "second")
    dispatch.send(held[0])
    assert dispatch.step() == 0
    here.clock.move(minutes=1)
    assert dispatch.step() == 2


# ---- where to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_this_machine_and_private_networks_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_the_open_internet_is_public() -> None:
    assert is_public("8.8.8.8") and is_public("2606:4700::1111") and is_public("::ffff:8.8.8.8")


def test_a_webhook_into_this_machine_is_refused_unless_it_is_allowed(
    here: Room, web: Receiver
) -> None:
    here.private = False
    for name, address in (("ip", web.url), ("name", web.url.replace("127.0.0.1", "localhost"))):
        here.put(Kind.WEBHOOK, address, name=name)
        tried = here.dispatch().try_out(here.project, f"to-{name}", f"t-{name}")
        assert "CAUSERIE_PRIVATE_ADDRESSES" in tried.error
    assert web.got == []
    with pytest.raises(NotSent):
        reachable("localhost", 80, is_private_allowed=False)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://host/x",
        "file:///etc/passwd",
        "https://",
        "https://user:pw@host/",
        "https://host:0/",
        "https://host:99999/",
        "https://ho st/",
        "https://host/\n",
        "x" * 9,
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        checked_destination(
            Destination(id="i", project="p", name="n", kind=Kind.WEBHOOK, address=address)
        )


@pytest.mark.parametrize("address", ["", "ana", "ana@b.example,all@b.example", "a@b\nBcc: c@d"])
def test_a_mailbox_is_one_and_no_more(address: str) -> None:
    with pytest.raises(Invalid):
        checked_destination(
            Destination(id="i", project="p", name="n", kind=Kind.EMAIL, address=address)
        )


# ---- what is kept --------------------------------------------------------------------------------


def test_secrets_are_kept_encrypted_and_shown_to_nobody(
    room: Room, engine: Engine, tmp_path: Path
) -> None:
    url = "https://hooks.example/services/T0/B0/very-secret-token"
    room.put(Kind.SLACK, url)
    room.put(Kind.WEBHOOK, url, secret=SECRET)
    room.notices.put_mail_server(room.project, "smtps://u:the-password@mail.example", "a@b.example")
    with engine.connect() as connection:
        kept = " ".join(
            str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            for table in ("destinations", "mail_servers")
        )
    for secret in ("very-secret-token", SECRET, "the-password"):
        assert secret not in kept
        assert secret not in repr(room.notices.destinations(room.project))
        assert secret not in repr(room.notices.mail_server(room.project))
    sealed = room.notices.destination(room.project, "to-webhook")
    assert sealed.shown == "https://hooks.example/…"
    opened = room.notices.opened(sealed)
    assert (opened.address, opened.secret) == (url, SECRET)
    # Kept as it is when something else of it changes.
    room.notices.put(msgspec.structs.replace(sealed, name="Other"), room.clock())
    assert room.notices.opened(room.notices.destination(room.project, "to-webhook")).address == url


def test_another_secret_of_the_server_is_told_and_nothing_lost(room: Room, engine: Engine) -> None:
    to = room.put(Kind.WEBHOOK, "https://hooks.example/x")
    room.notices = Notices(engine, Vault(b"another"))
    with pytest.raises(Conflict):
        room.notices.opened(room.notices.destination(room.project, to.id))
    room.tell(to)
    room.dispatch().step()
    ((status, _, error),) = room.states()
    assert status == "failed" and "another secret" in error


# ---- once ----------------------------------------------------------------------------------------


def test_a_notice_of_one_key_is_there_once(room: Room) -> None:
    to = room.put(Kind.WEBHOOK, "https://hooks.example/x")
    made = [room.notices.add(room.project, to.id, "k", "alert", {}, room.clock()) for _ in range(3)]
    assert made == [True, False, False]


def test_of_two_processes_one_takes_it_and_after_a_kill_the_other(room: Room) -> None:
    room.tell(room.put(Kind.WEBHOOK, "https://hooks.example/x"))
    now = room.clock()
    (taken,) = room.notices.take("one", now, 9)
    assert room.notices.take("two", now, 9) == []
    # The first was killed before it sent anything.
    later = now + HOLD + timedelta(seconds=1)
    (again,) = room.notices.take("two", later, 9)
    assert again.id == taken.id
    room.notices.sent(again, "two", later)
    # And if it was only held up, what it says does not count any more.
    room.notices.failed(taken, "one", "too late", None)
    assert room.states() == [("sent", 1, "")]
    assert room.notices.take("one", later + HOLD * 2, 9) == []


def test_what_cannot_be_said_yet_is_said_later(here: Room, web: Receiver) -> None:
    def busy(notice: Notice, destination: Destination, now: datetime) -> Letter:
        raise Unavailable("the analytics store does not answer")

    def broken(notice: Notice, destination: Destination, now: datetime) -> Letter:
        raise RuntimeError("a bug")

    def gone(notice: Notice, destination: Destination, now: datetime) -> Letter:
        raise NotFound("no such alert")

    logging.getLogger("causerie.dispatch").setLevel(logging.CRITICAL)
    here.tell(here.put(Kind.WEBHOOK, web.url))
    here.dispatch(compose=busy).step()
    here.clock.move(minutes=1)
    here.dispatch(compose=broken).step()
    assert [state[:2] for state in here.states()] == [("waiting", 2)]
    here.clock.move(minutes=5)
    here.dispatch(compose=gone).step()
    assert [state[:2] for state in here.states()] == [("failed", 3)]
    logging.getLogger("causerie.dispatch").setLevel(logging.NOTSET)


def test_what_was_removed_is_not_sent_any_more(here: Room, web: Receiver) -> None:
    to = here.put(Kind.WEBHOOK, web.url)
    here.tell(to)
    here.notices.remove(here.project, to.id)
    assert here.dispatch().step() == 0
    assert here.states() == [("failed", 0, "it was removed")]
    with pytest.raises(NotFound):
        here.notices.remove(here.project, to.id)


def test_what_is_long_over_is_forgotten(room: Room) -> None:
    to = room.put(Kind.WEBHOOK, "https://hooks.example/x")
    room.tell(to, "old")
    (held,) = room.notices.take("one", room.clock(), 1)
    room.notices.sent(held, "one", room.clock())
    room.tell(to, "waits")
    room.clock.move(days=200)
    room.notices.sweep(room.clock())
    assert [each.key for each in room.notices.log(room.project)] == ["waits"]


# ---- when ----------------------------------------------------------------------------------------


def test_what_changed_is_due_once_however_many_processes_ask(room: Room, engine: Engine) -> None:
    room.put(Kind.WEBHOOK, "https://hooks.example/x", every="day", hour=13)
    others = Notices(engine, Vault(b"secret"))
    assert room.notices.announce(room.clock()) == 0
    room.clock.move(hours=1)
    made = [each.announce(room.clock()) for each in (room.notices, others, room.notices)]
    assert made == [1, 0, 0]
    # Three days of silence are told once, and then it goes on.
    room.clock.move(days=3)
    assert [others.announce(room.clock()), room.notices.announce(room.clock())] == [1, 0]
    room.clock.move(hours=23)
    assert room.notices.announce(room.clock()) == 0
    room.clock.move(hours=1)
    assert room.notices.announce(room.clock()) == 1


def test_an_hour_is_one_of_the_clocks_of_the_place() -> None:
    daily = Destination(
        id="i", project="p", name="n", kind=Kind.EMAIL, address="a@b.example", every="day", hour=2
    )
    paris = "Europe/Paris"

    def due(after: datetime, destination: Destination = daily) -> datetime | None:
        return next_due(destination, after, paris)

    assert due(datetime(2026, 5, 20, 0, 0, tzinfo=UTC)) == datetime(2026, 5, 21, 0, tzinfo=UTC)
    # On 29 March clocks go from 2 to 3; on 25 October from 3 back to 2.
    assert due(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    first = due(datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert first == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert due(first) == datetime(2026, 10, 26, 1, tzinfo=UTC)
    weekly = msgspec.structs.replace(daily, every="week", weekday=0, hour=9)
    assert due(NOW, weekly) == datetime(2026, 5, 25, 7, tzinfo=UTC)
    assert due(NOW, msgspec.structs.replace(daily, every="")) is None
