"""The settings: what each role sees and may change, and what a change does."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from causerie.accounts import NAME_CHARS_MAX, KeyKind, Role, hash_token
from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.ingest import Ingest
from causerie.privacy import ALL_KINDS, PersonalDataFilter
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.transfer import Importer
from causerie.web.masking_forms import fields_of
from causerie.web.passwords import ATTEMPTS_PER_MINUTE_MAX
from causerie.web.settings_pages import INVITATION_LIFETIME, SAMPLE
from tests.house import NOW, PASSWORD, House, Visit

ADA, BOB = "ada@example.org", "bob@example.org"
ROOT = "/p/mine/settings"
TABS = ("", "/keys", "/privacy", "/members", "/you")
TOKEN = re.compile(r"csr_\w+_[\w-]{43}")
LINK = re.compile(r"http://127\.0\.0\.1:8123(/signin/link/[\w-]{43})")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# What each form takes, and the smallest role that may send it.
CHANGES = {
    "/name": ({"name": "Other name"}, Role.OWNER),
    "/zone": ({"zone": "Europe/Paris"}, Role.OWNER),
    "/projects": ({"new_name": "Another"}, Role.OWNER),
    "/keys": ({"name": "shop", "kind": "ingest"}, Role.MEMBER),
    "/keys/{key}/limits": ({"requests_per_minute": "5"}, Role.MEMBER),
    "/keys/{key}/revoke": ({}, Role.MEMBER),
    "/privacy": ({"masks": "off"}, Role.OWNER),
    "/privacy/rules": ({"kind_email": "on", "patterns": ""}, Role.OWNER),
    "/members": ({"email": "new@example.org", "role": "viewer"}, Role.OWNER),
    "/members/withdraw": ({"email": "invited@example.org"}, Role.OWNER),
    "/members/{member}/role": ({"role": "member"}, Role.OWNER),
    "/members/{member}/remove": ({}, Role.OWNER),
    "/you/sessions": ({}, Role.VIEWER),
}


@pytest.fixture
def house(sqlite_engine: Engine) -> House:
    return House(sqlite_engine)


@pytest.fixture
def ada(house: House) -> Visit:
    """An owner, signed in."""
    return house.visitor(ADA, Role.OWNER)


def follow(visit: Visit, path: str, **fields: str) -> str:
    """Send a form; the words of the page that its answer leads to."""
    answer = visit.post(ROOT + path, **fields)
    assert answer.status_code == 303, answer.text
    assert visit.get(answer.headers["location"]).status_code == 200
    return visit.page.text


def address_of(path: str, house: House) -> str:
    """The address of a change, about a key and a member that are there."""
    key, _ = house.accounts.create_key("mine", KeyKind.READ, "old", house.clock())
    member = house.accounts.create_member("other@example.org", house.clock())
    house.accounts.join("mine", member.id, Role.VIEWER)
    return ROOT + path.format(key=key.id, member=member.id)


def state_of(house: House) -> object:
    """All that a change can change."""
    return (
        house.accounts.projects(),
        house.accounts.keys("mine"),
        house.accounts.memberships("mine"),
        house.sign_ins.invitations("mine", house.clock()),
    )


# ---- who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("path", CHANGES)
def test_a_change_takes_its_role(house: House, role: Role, path: str) -> None:
    fields, needed = CHANGES[path]
    house.enrol("boss@example.org", Role.OWNER)
    address = address_of(path, house)
    visit = house.visitor(BOB, role)
    before = state_of(house)
    status = visit.post(address, **fields).status_code
    if role.covers(needed):
        assert status in (200, 303)
    else:
        assert status == 403
        assert state_of(house) == before


@pytest.mark.parametrize("path", CHANGES)
def test_nobody_and_a_stranger_change_nothing(house: House, ada: Visit, path: str) -> None:
    fields, _ = CHANGES[path]
    address = address_of(path, house)
    house.accounts.create_project("Theirs", house.clock())
    stranger = house.visitor("eve@example.org", Role.OWNER, "theirs")
    before = state_of(house)
    assert stranger.post(address, **fields).status_code == 404
    assert house.nobody().post(address, **fields).headers["location"].startswith("/signin")
    assert state_of(house) == before


@pytest.mark.parametrize("path", CHANGES)
def test_a_form_from_another_site_changes_nothing(house: House, ada: Visit, path: str) -> None:
    fields, _ = CHANGES[path]
    address = address_of(path, house)
    another = house.visitor("eve@example.org", Role.OWNER)
    before = state_of(house)
    for csrf in ("", "wrong", another.csrf):
        assert ada.post(address, csrf=csrf, **fields).status_code == 403
    ada.client.get(address, params=fields)
    assert state_of(house) == before


@pytest.mark.parametrize("tab", TABS)
def test_strangers_see_no_page(house: House, ada: Visit, tab: str) -> None:
    house.accounts.create_project("Theirs", house.clock())
    stranger = house.visitor("eve@example.org", Role.OWNER, "theirs")
    assert stranger.get(ROOT + tab).status_code == 404
    assert house.nobody().get(ROOT + tab).status_code == 303


def test_pages_offer_only_what_the_role_may_do(house: House, ada: Visit) -> None:
    house.accounts.create_key("mine", KeyKind.READ, "old", house.clock())
    own = ["/language", "/signout"]
    viewer, member = house.visitor(BOB, Role.VIEWER), house.visitor("m@example.org", Role.MEMBER)
    for tab in ("", "/keys", "/privacy", "/members"):
        assert viewer.get(ROOT + tab).status_code == 200
        assert [form for form in viewer.page.forms if form] == own
        member.get(ROOT + tab)
        assert len(member.page.forms) == (5 if tab == "/keys" else 3)
        ada.get(ROOT + tab)
        assert len(ada.page.forms) > 3


# ---- project ---------------------------------------------------------------------------------


def test_a_project_is_renamed(house: House, ada: Visit) -> None:
    assert "new name" in follow(ada, "/name", name="  Big   shop ")
    project = house.accounts.project("mine")
    assert project is not None
    assert project.name == "Big shop"
    assert house.forgotten == 1


def test_a_project_gets_its_time_zone(house: House, ada: Visit) -> None:
    assert "that time zone" in follow(ada, "/zone", zone="Europe/Paris")
    project = house.accounts.project("mine")
    assert project is not None
    assert project.zone == "Europe/Paris"
    assert house.forgotten == 1
    # The house's clock says half past nine in UTC.
    assert "It is 10:30 there" in ada.get(ROOT).text


def test_a_zone_that_is_none_is_refused(house: House, ada: Visit) -> None:
    assert ada.post(f"{ROOT}/zone", zone="Mars/Base").status_code == 400
    assert house.accounts.projects()[0].zone == "UTC"


def test_whoever_makes_a_project_owns_it(house: House, ada: Visit) -> None:
    answer = ada.post(f"{ROOT}/projects", new_name="Second shop")
    assert answer.headers["location"] == "/p/second-shop/start"
    assert ada.get("/p/second-shop/start").text == f"{ADA} owner second-shop"


@pytest.mark.parametrize(
    ("path", "name"), [("/name", "name"), ("/projects", "new_name"), ("/keys", "name")]
)
@pytest.mark.parametrize("text", ["", "   ", "x" * (NAME_CHARS_MAX + 1), "a\x1bb"])
def test_a_refused_name_is_given_back_with_the_reason(
    house: House, ada: Visit, path: str, name: str, text: str
) -> None:
    before = state_of(house)
    answer = ada.post(ROOT + path, kind="ingest", **{name: text})
    assert answer.status_code == 400
    assert f"A name has 1 to {NAME_CHARS_MAX} letters." in ada.page.text
    assert ada.page.fields[name] == text
    assert 'aria-invalid="true"' in answer.text
    assert state_of(house) == before


def test_names_are_text_and_never_markup(house: House, ada: Visit) -> None:
    evil = "<script>alert(1)</script>"
    follow(ada, "/name", name=evil)
    ada.post(f"{ROOT}/keys", name=evil, kind="read")
    for tab in TABS:
        answer = ada.get(ROOT + tab)
        assert evil not in answer.text
        assert evil in ada.page.text


# ---- keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ingest", "read", "admin"])
def test_a_new_key_is_shown_once(house: House, ada: Visit, kind: str) -> None:
    answer = ada.post(f"{ROOT}/keys", name="the shop", kind=kind)
    (token,) = TOKEN.findall(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    key = house.accounts.key_by_hash(hash_token(token))
    assert key is not None
    assert (key.name, key.kind.value, key.project) == ("the shop", kind, "mine")
    later = ada.get(f"{ROOT}/keys")
    assert token not in later.text
    assert "the shop" in later.text
    assert f"…{key.hint}" in later.text


def test_a_key_tells_when_it_was_used(house: House, ada: Visit) -> None:
    key, _ = house.accounts.create_key("mine", KeyKind.INGEST, "shop", house.clock())
    ada.get(f"{ROOT}/keys")
    assert "never used" in ada.page.text
    house.accounts.touch_keys([key.id], house.clock())
    house.clock.move(minutes=3)
    ada.get(f"{ROOT}/keys")
    assert "last used 3 min ago" in ada.page.text


def test_a_revoked_key_stays_in_the_list_of_revoked_ones(house: House, ada: Visit) -> None:
    key, token = house.accounts.create_key("mine", KeyKind.INGEST, "shop", house.clock())
    words = follow(ada, f"/keys/{key.id}/revoke")
    assert "1 revoked key" in words
    assert f"{ROOT}/keys/{key.id}/revoke" not in ada.page.forms
    found = house.accounts.key_by_hash(hash_token(token))
    assert found is not None
    assert found.revoked_at == house.clock()
    assert house.forgotten == 1


def test_a_key_of_another_project_cannot_be_revoked(house: House, ada: Visit) -> None:
    other = house.accounts.create_project("Other", house.clock())
    key, token = house.accounts.create_key(other.id, KeyKind.INGEST, "shop", house.clock())
    assert ada.post(f"{ROOT}/keys/{key.id}/revoke").status_code == 404
    assert house.accounts.key_by_hash(hash_token(token)) == key


@pytest.mark.parametrize("kind", ["", "owner", "INGEST"])
def test_an_unknown_kind_of_key_is_refused(house: House, ada: Visit, kind: str) -> None:
    assert ada.post(f"{ROOT}/keys", name="shop", kind=kind).status_code == 400
    assert house.accounts.keys("mine") == []


# ---- privacy ---------------------------------------------------------------------------------


def test_the_filter_is_switched_off_and_on(house: House, ada: Visit) -> None:
    for choice, on in (("off", False), ("on", True)):
        assert f"filter is {choice}" in follow(ada, "/privacy", masks=choice)
        project = house.accounts.project("mine")
        assert project is not None
        assert project.masks_personal_data is on
    assert house.forgotten == 2


@pytest.mark.parametrize("fields", [{}, {"masks": ""}, {"masks": "no"}])
def test_only_a_clear_word_switches_the_filter(
    house: House, ada: Visit, fields: dict[str, str]
) -> None:
    assert ada.post(f"{ROOT}/privacy", **fields).status_code == 400
    project = house.accounts.project("mine")
    assert project is not None
    assert project.masks_personal_data


RULES = {
    "kind_email": "on",
    "names": "on",
    "patterns": "employee = EMP-\\d+ => (id)\ncode: Falcon, Owl",
}


def test_an_owner_says_what_counts_as_personal_data(house: House, ada: Visit) -> None:
    assert "has changed" in follow(ada, "/privacy/rules", **RULES)
    project = house.accounts.project("mine")
    assert project is not None
    assert set(ALL_KINDS) - set(project.masking.off) == {"email"}
    assert project.masking.names and [one.dummy for one in project.masking.patterns] == [
        "(id)",
        "[code]",
    ]
    assert house.forgotten == 1
    assert fields_of(project.masking) == RULES
    ada.get(f"{ROOT}/privacy")
    assert "+44 20 7946 0958" in ada.page.text.replace(SAMPLE, "")


def test_a_pattern_that_will_not_do_is_shown_again_with_the_reason(ada: Visit) -> None:
    for patterns, reason in (("slow = (a+)+b", "too many ways"), ("what", "written as")):
        answer = ada.post(f"{ROOT}/privacy/rules", patterns=patterns)
        assert answer.status_code == 400 and reason in answer.text and patterns in answer.text


def test_rules_are_tried_on_what_is_kept_and_nothing_is_saved(
    sqlite_engine: Engine, embedded_events: EventStore
) -> None:
    house = House(sqlite_engine, events=embedded_events)
    ada = house.visitor(ADA, Role.OWNER)
    delivery = Delivery(Inbox(sqlite_engine), embedded_events, "test", house.clock, 0)
    off = msgspec.structs.replace(house.mine, masks_personal_data=False)
    talk = Conversation(
        id="", messages=[Message(id="", position=0, at=NOW, text="EMP-77 is ada@corp.fr")]
    )
    importer = Importer(off, Ingest(PersonalDataFilter()), Inbox(sqlite_engine), house.clock)
    importer.take([talk], lambda tally: delivery.drain())
    answer = ada.post(f"{ROOT}/privacy/try", **RULES)
    assert answer.status_code == 200
    words = ada.page.text
    assert "employee" in words and "E… (6 characters)" in words and "corp" not in words
    assert house.accounts.project("mine") == house.mine
    assert "EMP-" in answer.text and house.forgotten == 0


def test_the_page_shows_what_the_filter_does(ada: Visit) -> None:
    ada.get(f"{ROOT}/privacy")
    assert SAMPLE in ada.page.text
    assert PersonalDataFilter().mask(SAMPLE).text in ada.page.text
    assert PersonalDataFilter().mask(SAMPLE).found == ("email", "phone")


# ---- members ---------------------------------------------------------------------------------


def test_an_invited_person_joins_by_the_link(house: House, ada: Visit) -> None:
    answer = ada.post(f"{ROOT}/members", email=BOB.upper(), role="member")
    (address,) = LINK.findall(answer.text)
    ada.get(f"{ROOT}/members")
    assert BOB in ada.page.text
    assert address not in ada.page.text
    bob = house.nobody()
    assert bob.fill(address, password=PASSWORD).status_code == 303
    assert bob.get("/p/mine").text == f"{BOB} member mine"
    ada.get(f"{ROOT}/members")
    assert "Open invitations" not in ada.page.text


def test_an_invitation_ends_by_itself_or_when_withdrawn(house: House, ada: Visit) -> None:
    (withdrawn,) = LINK.findall(ada.post(f"{ROOT}/members", email=BOB, role="viewer").text)
    assert "no longer works" in follow(ada, "/members/withdraw", email=BOB)
    assert house.nobody().get(withdrawn).status_code == 410
    (expiring,) = LINK.findall(ada.post(f"{ROOT}/members", email=BOB, role="viewer").text)
    house.clock.move(seconds=(INVITATION_LIFETIME - timedelta(seconds=1)).total_seconds())
    assert house.nobody().get(expiring).status_code == 200
    house.clock.move(seconds=1)
    assert house.nobody().get(expiring).status_code == 410


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"email": "nonsense", "role": "viewer"}, 400),
        ({"email": BOB, "role": "king"}, 400),
        ({"email": BOB}, 400),
        ({"email": ADA, "role": "viewer"}, 409),
    ],
)
def test_a_refused_invitation_makes_no_link(
    house: House, ada: Visit, fields: dict[str, str], status: int
) -> None:
    answer = ada.post(f"{ROOT}/members", **fields)
    assert answer.status_code == status
    assert LINK.findall(answer.text) == []
    assert ada.page.fields["email"] == fields["email"]
    assert house.sign_ins.invitations("mine", house.clock()) == []


def test_a_changed_role_counts_at_once(house: House, ada: Visit) -> None:
    bob = house.enrol(BOB, Role.VIEWER)
    visit = house.let_in(bob)
    assert visit.post(f"{ROOT}/keys", name="shop", kind="read").status_code == 403
    assert "role is changed" in follow(ada, f"/members/{bob.id}/role", role="member")
    assert visit.post(f"{ROOT}/keys", name="shop", kind="read").status_code == 200


def test_the_last_owner_stays(house: House, ada: Visit) -> None:
    house.enrol(BOB, Role.MEMBER)
    (owner,) = (who.member for who in house.accounts.memberships("mine") if who.email == ADA)
    for path, fields in (
        (f"/members/{owner}/role", {"role": "viewer"}),
        (f"/members/{owner}/remove", {}),
    ):
        assert ada.post(ROOT + path, **fields).status_code == 409
        assert "at least one owner" in ada.page.text
    assert ada.get("/p/mine").text == f"{ADA} owner mine"


def test_an_owner_can_leave_to_another(house: House, ada: Visit) -> None:
    house.enrol(BOB, Role.OWNER)
    (owner,) = (who.member for who in house.accounts.memberships("mine") if who.email == ADA)
    assert ada.post(f"{ROOT}/members/{owner}/remove").headers["location"] == "/"
    assert ada.get("/p/mine").status_code == 404


def test_a_member_of_another_project_cannot_be_changed_here(house: House, ada: Visit) -> None:
    house.accounts.create_project("Theirs", house.clock())
    eve = house.enrol("eve@example.org", Role.VIEWER, "theirs")
    assert ada.post(f"{ROOT}/members/{eve.id}/role", role="owner").status_code == 404
    assert ada.post(f"{ROOT}/members/{eve.id}/remove").status_code == 404
    assert house.accounts.memberships_of(eve.id)[0][1] is Role.VIEWER


# ---- you -------------------------------------------------------------------------------------


@pytest.fixture
def bob(house: House) -> tuple[Visit, Visit]:
    """A viewer with a password, signed in at two places."""
    member = house.enrol(BOB, Role.VIEWER)
    house.sign_ins.set_password(member.id, CHEAP.hash(PASSWORD))
    return house.let_in(member), house.let_in(member)


def test_a_new_password_ends_the_other_sessions(house: House, bob: tuple[Visit, Visit]) -> None:
    here, there = bob
    words = follow(here, "/you/password", password=PASSWORD, new_password="another long password")
    assert "new password" in words
    assert there.get("/p/mine").status_code == 303
    assert house.nobody().fill("/signin", email=BOB, password=PASSWORD).status_code == 401
    again = house.nobody().fill("/signin", email=BOB, password="another long password")
    assert again.status_code == 303


@pytest.mark.parametrize(
    ("present", "new", "words"),
    [
        ("wrong", "another long password", "not your present password"),
        ("", "another long password", "not your present password"),
        (PASSWORD, "short", "at least"),
        (PASSWORD, "", "at least"),
    ],
)
def test_a_password_that_is_refused_stays(
    house: House, bob: tuple[Visit, Visit], present: str, new: str, words: str
) -> None:
    here, there = bob
    answer = here.post(f"{ROOT}/you/password", password=present, new_password=new)
    assert answer.status_code == 400
    assert words in here.page.text
    assert PASSWORD not in answer.text
    assert there.get("/p/mine").status_code == 200


def test_guesses_at_the_present_password_are_limited(bob: tuple[Visit, Visit]) -> None:
    here, _ = bob
    guess = {"password": "wrong", "new_password": "another long password"}
    for _ in range(ATTEMPTS_PER_MINUTE_MAX):
        assert here.post(f"{ROOT}/you/password", **guess).status_code == 400
    right = {**guess, "password": PASSWORD}
    assert here.post(f"{ROOT}/you/password", **right).status_code == 409
    assert "Too many attempts" in here.page.text


def test_signing_out_everywhere_else_keeps_this_session(bob: tuple[Visit, Visit]) -> None:
    here, there = bob
    assert "signed out" in follow(here, "/you/sessions")
    assert there.get("/p/mine").status_code == 303
    assert here.get("/p/mine").status_code == 200


# ---- what every page has ---------------------------------------------------------------------


@pytest.mark.parametrize("tab", TABS)
def test_a_page_is_whole_without_scripts(ada: Visit, tab: str) -> None:
    answer = ada.get(ROOT + tab)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    assert re.search(rf'href="{ROOT}{tab}" aria-current="page"', answer.text)


def test_a_made_up_message_in_the_address_is_not_shown(ada: Visit) -> None:
    ada.get(f"{ROOT}?done=<b>you won</b>")
    assert "you won" not in ada.page.text
