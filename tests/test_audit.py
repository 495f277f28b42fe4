"""The audit: each look is recorded with who and of what, and names nobody who was looked at."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from typer.testing import CliRunner

from causerie.accounts import KeyKind, Role
from causerie.audit import Action, By, Entry, How, digest_of, shortened
from causerie.auditing import Auditing, record_command
from causerie.cli import app
from causerie.errors import Unavailable
from causerie.queries.outlines import outline
from causerie.store.accounts import Accounts
from causerie.store.audit import AuditLog, Sought
from causerie.store.events import EventStore
from causerie.store.state import open_state
from causerie.testing import Ticking
from causerie.web.audit_rules import NOTHING, RULES, rule_of
from causerie.web.audit_words import DEED_WORDS, deed_of, place_of, where_of
from causerie.web.audited import audited, note
from tests.conftest import Cast, open_cast
from tests.house import NOW
from tests.test_dashboard import home, sign_in
from tests.web_page import Page

SECRET, WORD, USER, TALK = "hunter2-hunter2", "Zqsaid", "zq-user@corp.example", "zq-talk"


class Watched:
    """A project in which somebody said something, and its audit."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.log = AuditLog(cast.stores.engine)
        project = cast.stores.accounts.project(cast.project)
        assert project is not None
        self.salt = project.salt
        message = {"role": "user", "message": f"I said {WORD}"}
        cast.log(message, how="/thread", id=TALK, metadata={"user_id": "zq-user"})
        cast.settle()

    def entries(self, project: str = "") -> list[Entry]:
        """What is recorded, the newest first."""
        auth = self.cast.auth()
        # Reading has what waits written before; that it was read is written afterwards.
        self.cast.client.get("/api/v1/audit", headers=auth)
        found = self.log.page(Sought(project or self.cast.project), 1_000)
        return [entry for entry in found if entry.action is not Action.AUDIT]

    def last(self) -> Entry:
        """The newest of them."""
        return self.entries()[0]


@pytest.fixture
def watched(
    project_id: str, engine: Engine, embedded_events: EventStore, tmp_path: Path
) -> Iterator[Watched]:
    """On both state stores."""
    with open_cast(project_id, engine, embedded_events, tmp_path) as cast:
        yield Watched(cast)


# ---- every route ------------------------------------------------------------------------------


def test_of_every_route_somebody_has_said_what_it_shows(cast: Cast) -> None:
    server = cast.client.app
    assert isinstance(server, Starlette)
    routes = [route for route in server.routes if isinstance(route, Route)]
    assert len(routes) == len(server.routes)
    names = {
        (method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}
    }
    assert [name for name in sorted(names) if rule_of(*name) is None] == []
    assert set(RULES) <= {f"{method} {path}" for method, path in names}


def test_every_action_is_some_routes(cast: Cast) -> None:
    recorded = {rule.action for rule in RULES.values() if rule is not NOTHING}
    later = {Action.FAILED_SIGN_IN, Action.EMBED}
    assert recorded | later == set(Action)


# ---- what is recorded --------------------------------------------------------------------------

LOOKS: tuple[tuple[str, Action, str, dict[str, Any]], ...] = (
    ("", Action.LIST, "", {}),
    ("/conversations?days=all", Action.LIST, "", {"hits": 1}),
    (f"/conversations?days=all&text={WORD}", Action.SEARCH, "", {"hits": 1}),
    ("/conversations?days=all&format=csv", Action.DOWNLOAD, "", {"rows": 1, "format": "csv"}),
    (f"/conversations/{TALK}?days=all", Action.TRANSCRIPT, f"conversation {TALK}", {}),
    (f"/conversations/{TALK}?format=json", Action.TRANSCRIPT, f"conversation {TALK}", {}),
    (f"/search?days=all&q={WORD}", Action.SEARCH, "", {"hits": 1}),
    ("/users?days=all", Action.LIST, "", {"hits": 1}),
    ("/users/zq-user?days=all", Action.USER, "user zq-user", {}),
    ("/users?days=all&format=json", Action.DOWNLOAD, "", {"rows": 1, "format": "json"}),
    ("/reports/sql?sql=SELECT+text+FROM+messages", Action.SQL, "", {}),
    ("/topics?days=all&format=csv", Action.DOWNLOAD, "", {"format": "csv"}),
)


def test_looks_at_pages_are_recorded(watched: Watched) -> None:
    sign_in(watched.cast)
    for path, action, about, facts in LOOKS:
        answer = watched.cast.client.get(home(watched.cast) + path)
        assert answer.status_code == 200, path
        entry = watched.last()
        kind, _, id = about.partition(" ")
        assert (path, entry.action, entry.object_kind) == (path, action, kind)
        assert entry.object == (digest_of(kind, id, watched.salt) if id else "")
        assert entry.by.kind == "member" and "@" in entry.by.name
        assert entry.how is How.PAGE and entry.address == "testclient"
        assert facts.items() <= entry.detail.items()


def test_results_of_a_run_are_a_look_and_how_far_it_is_is_none(watched: Watched) -> None:
    client, auth = watched.cast.client, watched.cast.auth()
    case = {
        "name": "one",
        "messages": [{"role": "user", "message": WORD}],
        "pregenerated_response": ".",
    }
    client.post("/api/v1/test_sets", json={"name": "set", "test_cases": [case]}, headers=auth)
    asked = {"test_set_name": "set", "version": 1}
    begun = client.post("/api/v1/evaluations/run", json=asked, headers=auth).json()
    run = begun["data"]["run_id"]
    for _ in range(200):
        told = client.get(f"/api/v1/evaluations/run/{run}", headers=auth).json()
        if told["status"] == "completed":
            break
        time.sleep(0.05)
    assert WORD in str(told["results"])
    client.get("/api/v1/evaluations/run", headers=auth)
    [entry] = [one for one in watched.entries() if "/evaluations" in one.place]
    assert (entry.action, entry.object_kind, entry.object) == (Action.LIST, "run", run)
    assert entry.detail == {"hits": 1}


def test_looks_by_key_are_recorded(watched: Watched) -> None:
    cast, auth = watched.cast, watched.cast.auth("read")
    span = "?start_time=2026-05-01&days=all"
    for path, action in (
        (f"/api/v1/conversations{span}", Action.LIST),
        (f"/api/v1/conversations/{TALK}", Action.TRANSCRIPT),
        ("/api/v1/export", Action.DOWNLOAD),
    ):
        assert cast.client.get(path, headers=auth).status_code == 200
        entry = watched.last()
        assert (entry.action, entry.by.kind, entry.by.name) == (action, "key", "read")
        assert entry.how is How.API
    assert entry.detail["rows"] == 1
    sql = {"sql": f"SELECT text FROM messages WHERE user = '{USER}' AND 123456 > 7 -- {WORD}"}
    cast.client.post("/api/v1/sql", json=sql, headers=auth)
    entry = watched.last()
    said = "SELECT text FROM messages WHERE user = '…' AND … > 7"
    assert (entry.action, entry.detail["sql"], entry.detail["rows"]) == (Action.SQL, said, 0)


def test_tools_of_assistants_are_recorded(watched: Watched) -> None:
    for tool, arguments, kind in (
        ("transcript", {"conversation": TALK}, "conversation"),
        ("user", {"user": "zq-user"}, "user"),
        ("search", {"text": WORD}, ""),
        ("sql", {"query": f"SELECT '{WORD}'"}, ""),
    ):
        params = {"name": tool, "arguments": arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        watched.cast.client.post("/mcp", json=body, headers=watched.cast.auth("read"))
        entry = watched.last()
        assert (entry.action, entry.how, entry.detail["tool"]) == (Action.TOOL, How.MCP, tool)
        assert entry.object_kind == kind
    assert entry.detail["sql"] == "SELECT '…'"


def test_what_changes_who_may_look_is_recorded(watched: Watched) -> None:
    cast = watched.cast
    csrf, path = sign_in(cast), f"{home(cast)}/settings"
    key, _ = cast.stores.accounts.create_key(cast.project, KeyKind.READ, "gone", cast.clock())
    for deed, form, action, changed in (
        ("/privacy", {"masks": "off"}, Action.PRIVACY, "masks=off"),
        ("/privacy/topics", {"topic_users_min": "5"}, Action.PRIVACY, "topic_users_min=5"),
        ("/privacy/data/retention", {"retention_days": "9"}, Action.PRIVACY, "retention_days=9"),
        ("/audit/days", {"audit_days": "30"}, Action.PRIVACY, "audit_days=30"),
        ("/keys", {"kind": "read", "name": "New"}, Action.KEYS, None),
        (f"/keys/{key.id}/revoke", {}, Action.KEYS, None),
        ("/members", {"email": "ana@x.example", "role": "viewer"}, Action.MEMBERS, "role=viewer"),
        ("/privacy/data/user", {"user_id": USER}, Action.REMOVAL, None),
        ("/privacy/data/talk", {"conversation": TALK}, Action.REMOVAL, None),
    ):
        answer = cast.client.post(path + deed, data={"csrf": csrf, **form}, follow_redirects=False)
        assert answer.status_code < 400, deed
        entry = watched.last()
        assert (deed, entry.action, entry.detail.get("changed")) == (deed, action, changed)
    named = {entry.object_kind: entry.object for entry in watched.entries()}
    assert named["key"] and named["invitation"] == "ana@x.example"
    assert named["user"] == digest_of("user", USER, watched.salt)


def test_what_is_refused_and_what_shows_nobody_is_not_recorded(watched: Watched) -> None:
    sign_in(watched.cast, Role.VIEWER)
    before = watched.entries()
    for path in ("/settings/audit", "/conversations/none", "/users/engagement", "/settings"):
        watched.cast.client.get(home(watched.cast) + path)
    assert watched.entries() == before


def test_nothing_of_what_was_looked_at_stands_in_the_audit(watched: Watched) -> None:
    test_looks_at_pages_are_recorded(watched)
    test_looks_by_key_are_recorded(watched)
    test_tools_of_assistants_are_recorded(watched)
    kept = repr(watched.entries()).casefold()
    for word in (WORD, USER, TALK, "zq-user", SECRET, *watched.cast.tokens.values()):
        assert word.casefold() not in kept


# ---- who comes in ------------------------------------------------------------------------------


def test_who_signs_in_and_who_fails_is_recorded_in_each_of_their_projects(watched: Watched) -> None:
    cast = watched.cast
    sign_in(cast)
    member = cast.stores.accounts.memberships(cast.project)[0]
    cast.client.cookies.clear()
    page = cast.client.get("/signin").text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    for email in (member.email, "nobody@x.example"):
        form = {"csrf": csrf, "email": email, "password": SECRET}
        assert cast.client.post("/signin", data=form).status_code == 401
    found = [entry for entry in watched.entries() if entry.action is Action.FAILED_SIGN_IN]
    assert [(entry.by.id, entry.by.name) for entry in found] == [(member.member, member.email)]
    nobodys = watched.entries(" ") + watched.log.page(Sought(""))
    assert [entry.by.kind for entry in nobodys] == ["nobody"]
    assert SECRET not in repr(found + nobodys) and "nobody@x" not in repr(nobodys)


# ---- who may read it ---------------------------------------------------------------------------


def test_owners_read_filter_and_take_it_away(watched: Watched) -> None:
    cast = watched.cast
    sign_in(cast)
    cast.client.get(f"{home(cast)}/users/zq-user?days=all")
    path = f"{home(cast)}/settings/audit"
    page = Page(cast.client.get(path).text)
    page.check()
    assert "Opened a user’s page" in page.text
    assert "No entry is like that" in cast.client.get(f"{path}?action=removal").text
    assert "Opened a user’s page" in cast.client.get(f"{path}?object=zq-user&action=user").text
    rows = json.loads(cast.client.get(f"{path}?format=json&action=user").text)
    assert [row["object"] for row in rows] == [digest_of("user", "zq-user", watched.salt)]
    assert cast.client.get(f"{path}?since=nonsense").status_code == 400
    csv = cast.client.get(f"{path}?format=csv").text
    assert "by_name" in csv and "zq-user" not in csv


def test_entries_are_told_in_words(watched: Watched) -> None:
    cast = watched.cast
    csrf, path = sign_in(cast), f"{home(cast)}/settings"
    cast.client.get(f"{path}/privacy/data")
    assert watched.last().action is Action.REMOVALS_SEEN
    form = {"csrf": csrf, "user_id": USER}
    cast.client.post(f"{path}/privacy/data/user", data=form, follow_redirects=False)
    cast.client.get(f"{home(cast)}/conversations?days=all")
    text = Page(cast.client.get(f"{path}/audit").text).text
    for words in ("Looked at removals", "Removed a user", "Looked at a listConversations · 1 hit"):
        assert words in text
    removed = Page(cast.client.get(f"{path}/audit?action=removal").text).text
    assert "Removed a user" in removed[removed.index("Entries") :]
    assert "Looked at removals" not in removed[removed.index("Entries") :]


def test_every_place_that_is_recorded_has_words(watched: Watched) -> None:
    now = watched.cast.clock()
    for route, rule in RULES.items():
        if rule.action is not None:
            place = route.split(" ")[1]
            entry = Entry(project="p", at=now, by=By(), action=rule.action, place=place)
            told = f"{deed_of(entry)} {where_of(entry)}".strip()
            assert "/" not in told and "{" not in told, route
            assert rule.action is not Action.LIST or where_of(entry), route
            if rule.action in (Action.REMOVAL, Action.REMOVALS_SEEN, Action.KEYS, Action.MEMBERS):
                assert place_of(entry) in DEED_WORDS, route


def test_another_projects_entries_are_never_told(watched: Watched) -> None:
    cast = watched.cast
    sign_in(cast)
    cast.client.get(f"{home(cast)}/users/zq-user?days=all")
    own = cast.client.get("/api/v1/audit", headers=cast.auth()).json()["entries"]
    digest = digest_of("user", "zq-user", watched.salt)
    assert digest in [row["object"] for row in own]
    for query in ("", f"?object={digest}", f"?before={own[0]['seq'] + 1}", "?format=csv"):
        told = cast.client.get(f"/api/v1/audit{query}", headers=cast.auth("stranger")).text
        assert digest not in told and cast.project + '"' not in told


def test_pages_of_the_api_go_through_all_of_it_once(watched: Watched) -> None:
    at = watched.cast.clock()
    entry = Entry(project=watched.cast.project, at=at, by=By(), action=Action.LIST)
    watched.log.add([entry] * 7)
    seen, before = [], ""
    while True:
        query = f"?action=list&limit=3{before}"
        told = watched.cast.client.get(f"/api/v1/audit{query}", headers=watched.cast.auth()).json()
        seen += [row["seq"] for row in told["entries"]]
        if told["next_before"] is None:
            break
        before = f"&before={told['next_before']}"
    assert len(seen) == 7 and seen == sorted(set(seen), reverse=True)


# ---- on its way --------------------------------------------------------------------------------


def entry_of(number: int, project: str) -> Entry:
    at = NOW + timedelta(seconds=number)
    return Entry(project=project, at=at, by=By("key", f"k{number}"), action=Action.LIST)


def test_many_who_look_at_once_are_all_recorded(engine: Engine) -> None:
    project = Accounts(engine).create_project("P", NOW).id
    log = AuditLog(engine)
    auditing = Auditing(log, Accounts(engine), Ticking(NOW))
    auditing.start()

    def look(start: int) -> None:
        for number in range(start, start + 200):
            auditing.record(entry_of(number, project))
            if number % 50 == 0:
                auditing.flush()

    threads = [threading.Thread(target=look, args=(1_000 * each,)) for each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    auditing.stop()
    found = [entry.by.id for entry in log.page(Sought(project), 5_000)]
    assert sorted(found) == sorted(f"k{1_000 * each + n}" for each in range(6) for n in range(200))


def test_what_cannot_be_written_now_is_written_later(sqlite_engine: Engine) -> None:
    log = AuditLog(sqlite_engine)

    class Moody:
        fails = True

        def add(self, entries: list[Entry]) -> None:
            if self.fails:
                raise Unavailable("away")
            log.add(entries)

    moody: Any = Moody()
    auditing = Auditing(moody, Accounts(sqlite_engine), Ticking(NOW))
    auditing.record(entry_of(1, "p"))
    auditing.flush()
    auditing.record(entry_of(2, "p"))
    moody.fails = False
    auditing.stop()
    assert [entry.by.id for entry in log.page(Sought("p"))] == ["k2", "k1"]


def test_entries_go_when_their_project_keeps_them_no_longer(engine: Engine) -> None:
    accounts, log = Accounts(engine), AuditLog(engine)
    short, long = (accounts.create_project(name, NOW).id for name in ("Short", "Long"))
    accounts.set_audit_days(short, 1)
    log.add([entry_of(0, project) for project in (short, long, "")])
    auditing = Auditing(log, accounts, Ticking(NOW + timedelta(days=2)))
    auditing.retire()
    assert [len(log.page(Sought(project))) for project in (short, long, "")] == [0, 1, 1]


# ---- statements without their values -----------------------------------------------------------


@given(st.text(st.characters(categories=["L", "N", "P", "Z"]), max_size=40))
def test_no_text_of_a_statement_is_kept(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    told = outline(f"SELECT * FROM users WHERE user = '{quoted}' /* {text.replace('*/', '')} */")
    assert told == "SELECT * FROM users WHERE user = '…'"


def test_what_cannot_be_read_is_not_kept() -> None:
    assert outline(f"SELECT '{WORD}") == ""
    assert outline('SELECT 1 AS "ana", `ben`, 12345, 1234') == 'SELECT 1 AS "…", `…`, …, 1234'


# ---- in a terminal, and at the end ---------------------------------------------------------


def test_commands_are_recorded_and_read_in_a_terminal(sqlite_file: Path, tmp_path: Path) -> None:
    engine = open_state(f"sqlite:///{shutil.copy(sqlite_file, tmp_path / 'state.db')}")
    project = Accounts(engine).create_project("Default", NOW, "default").id
    log = AuditLog(engine)
    record_command(log, project, Action.DOWNLOAD, "causerie export", NOW, format="jsonl")
    log.add([entry_of(1, project), entry_of(2, "other")])
    words = ["audit", "--json", "--data", str(tmp_path)]
    told = CliRunner().invoke(app, [*words, "--action", "download"]).stdout.splitlines()
    assert [json.loads(line)["place"] for line in told] == ["causerie export"]
    told = CliRunner().invoke(app, words).stdout.splitlines()
    assert [json.loads(line)["by_kind"] for line in told] == ["key", "command"]
    engine.dispose()


def test_a_server_that_stops_has_written_all(
    project_id: str, sqlite_engine: Engine, embedded_events: EventStore, tmp_path: Path
) -> None:
    with open_cast(project_id, sqlite_engine, embedded_events, tmp_path) as cast:
        cast.client.get("/api/v1/export", headers=cast.auth("read"))
    found = AuditLog(sqlite_engine).page(Sought(project_id))
    assert [entry.action for entry in found] == [Action.DOWNLOAD]


def test_an_embed_is_recorded_once_its_token_is_known(sqlite_engine: Engine) -> None:
    project = Accounts(sqlite_engine).create_project("P", NOW)
    kept: list[Entry] = []

    def show(request: Request) -> Response:
        if request.path_params["token"] == "good":
            note(by=By("embed", "view", "view"), project=project)
        return Response("")

    server = Starlette(routes=audited([Route("/embed/{token}", show)], kept.append, Ticking(NOW)))
    client = TestClient(server)
    client.get("/embed/bad")
    client.get("/embed/good")
    assert [(entry.action, entry.by.kind) for entry in kept] == [(Action.EMBED, "embed")]
    assert "good" not in repr(kept)


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::9", "2001:db8:1::/48"), ("testclient", "")],
)
def test_addresses_are_kept_as_the_operator_says(address: str, network: str) -> None:
    kept = [shortened(address, how) for how in ("full", "network", "none")]
    assert kept == [address, network, ""]
