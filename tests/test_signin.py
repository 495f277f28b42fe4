"""Signing in and out, one-time links, and the doors of every page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from causerie.accounts import Member, Role, hash_token
from causerie.config import Settings
from causerie.store.sign_ins import SESSION_LIFETIME
from causerie.web.forms import FORM_BYTES_MAX, FORM_FIELDS_MAX
from causerie.web.passwords import (
    ADDRESS_ATTEMPTS_PER_MINUTE_MAX,
    ATTEMPTS_PER_MINUTE_MAX,
    PASSWORD_CHARS_MAX,
    PASSWORD_CHARS_MIN,
)
from causerie.web.signin import GONE, TOO_OFTEN, WRONG, local_path
from tests.house import PASSWORD, House, Visit

DAY = timedelta(days=1)
ADA, BOB = "ada@example.org", "bob@example.org"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def house(sqlite_engine: Engine) -> House:
    return House(sqlite_engine)


@pytest.fixture
def ada(house: House) -> Member:
    """An owner with a password."""
    member = house.enrol(ADA, Role.OWNER)
    house.sign_ins.set_password(member.id, CHEAP.hash(PASSWORD))
    return member


def invite(house: House, email: str, role: Role = Role.OWNER, project: str | None = "mine") -> str:
    """The address of a one-time link."""
    token = house.sign_ins.create_link(email, project, role, house.clock(), DAY)
    return f"/signin/link/{token}"


def sign_in(visit: Visit, email: str = ADA, password: str = PASSWORD) -> int:
    return visit.fill("/signin", email=email, password=password).status_code


# ---- e-mail and password ---------------------------------------------------------------------


def test_a_member_signs_in_and_out(house: House, ada: Member) -> None:
    visit = house.nobody()
    answer = visit.fill("/signin?next=/p/mine", email=" Ada@Example.org", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/mine")
    assert visit.get("/p/mine").text == f"{ADA} owner mine"
    settings = visit.get("/p/mine/settings")
    assert "Mine" in settings.text
    old = dict(visit.client.cookies)
    assert visit.post("/signout", csrf=visit.page.hidden["csrf"]).headers["location"] == "/signin"
    assert "causerie-session" not in visit.client.cookies
    visit.client.cookies.update(old)
    assert visit.get("/p/mine").headers["location"].startswith("/signin?next=")


def test_an_unknown_email_and_a_wrong_password_look_alike(house: House, ada: Member) -> None:
    house.enrol("new@example.org", Role.VIEWER)
    pages = set()
    for email, password in (
        (ADA, "wrong"),
        (ADA, ""),
        (ADA, "x" * (PASSWORD_CHARS_MAX + 1)),
        ("nobody@example.org", PASSWORD),
        ("new@example.org", ""),
        ("no e-mail", PASSWORD),
    ):
        visit = house.nobody()
        answer = visit.fill("/signin", email=email, password=password)
        assert answer.status_code == 401
        assert WRONG in answer.text
        assert "causerie-session" not in visit.client.cookies
        pages.add(answer.text.replace(email, "").replace(visit.page.hidden["csrf"], ""))
    assert len(pages) == 1


def test_an_unknown_email_costs_a_hash_too(
    house: House, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, hash: str, password: str) -> bool:
        checked.append(hash.split("$")[1])
        return bool(verify(self, hash, password))

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    sign_in(house.nobody(), "nobody@example.org")
    sign_in(house.nobody(), ADA, "wrong")
    assert checked == ["argon2id", "argon2id"]


def test_the_cookies_are_out_of_reach_of_scripts_and_other_sites(house: House, ada: Member) -> None:
    visit = house.nobody()
    form = visit.get("/signin").headers["set-cookie"].lower()
    assert "httponly" in form
    assert "samesite=strict" in form
    session = visit.fill("/signin", email=ADA, password=PASSWORD).headers["set-cookie"].lower()
    assert "httponly" in session
    assert "samesite=lax" in session
    assert "path=/" in session
    assert f"max-age={30 * 24 * 3600}" in session
    assert "secure" not in session


def test_with_https_the_cookies_never_travel_without(sqlite_engine: Engine) -> None:
    house = House(sqlite_engine, Settings(data=Path("x"), public_url="https://talk.example.org"))
    address = invite(house, "")
    visit = house.nobody()
    cookies = [visit.get(address).headers["set-cookie"]]
    cookies.append(visit.fill(address, email=ADA, password=PASSWORD).headers["set-cookie"])
    for cookie, name in zip(cookies, ("form", "session"), strict=True):
        assert cookie.startswith(f"__Host-causerie-{name}=")
        assert "; secure" in cookie.lower()
        assert "domain" not in cookie.lower()
    assert visit.get("/p/mine").text == f"{ADA} owner mine"


def test_a_session_ends_after_its_time(house: House, ada: Member) -> None:
    visit = house.nobody()
    assert sign_in(visit) == 303
    house.clock.move(seconds=SESSION_LIFETIME.total_seconds() - 1)
    assert visit.get("/p/mine").status_code == 200
    house.clock.move(seconds=1)
    assert visit.get("/p/mine").status_code == 303


def test_a_session_is_never_taken_over_from_before(house: House, ada: Member) -> None:
    visit = house.nobody()
    visit.keep("causerie-session", "chosen-by-somebody-else")
    assert sign_in(visit) == 303
    assert visit.client.cookies["causerie-session"] != "chosen-by-somebody-else"
    assert visit.get("/p/mine").status_code == 200


def test_signing_in_again_ends_the_session_before(house: House, ada: Member) -> None:
    visit = house.nobody()
    sign_in(visit)
    first = visit.client.cookies["causerie-session"]
    page = house.nobody()
    page.get("/signin")
    page.keep("causerie-session", first)
    secret = page.client.cookies["causerie-form"]
    form = {"csrf": secret, "email": ADA, "password": PASSWORD}
    assert page.client.post("/signin", data=form).status_code == 303
    assert house.sign_ins.session(hash_token(first), house.clock()) is None


def test_whoever_is_signed_in_is_not_asked_again(house: House) -> None:
    visit = house.visitor(ADA, Role.OWNER)
    answer = visit.get("/signin?next=/p/mine/settings")
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/mine/settings")


def test_before_there_are_members_the_page_says_where_the_link_is(house: House) -> None:
    visit = house.nobody()
    assert "one-time link" in visit.get("/signin").text
    assert visit.page.forms == ["/language"]


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "evil.example",
        "//[",
        "http://[bad",
        "",
        "/signout",
        "/signin?next=/",
        "/" + "a" * 3000,
    ],
)
def test_it_leads_to_no_other_site(house: House, ada: Member, onward: str) -> None:
    assert local_path(onward) == "/"
    visit = house.nobody()
    visit.get("/signin")
    form = {**visit.page.hidden, "next": onward, "email": ADA, "password": PASSWORD}
    assert visit.client.post("/signin", data=form).headers["location"] == "/"


@pytest.mark.parametrize("onward", ["/", "/p/mine?days=7&text=a%20b#top", "/p/mine/users"])
def test_it_leads_back_to_where_one_was(onward: str) -> None:
    assert local_path(onward) == onward


# ---- how often -------------------------------------------------------------------------------


def test_failures_at_one_email_are_limited_even_for_the_right_password(
    house: House, ada: Member
) -> None:
    answers = [
        sign_in(house.nobody(), ADA.upper(), "wrong") for _ in range(ATTEMPTS_PER_MINUTE_MAX)
    ]
    assert set(answers) == {401}
    visit = house.nobody()
    answer = visit.fill("/signin", email=ADA, password=PASSWORD)
    assert answer.status_code == 429
    assert TOO_OFTEN in answer.text
    assert answer.headers["retry-after"] == "60"
    house.clock.move(seconds=61)
    assert sign_in(house.nobody()) == 303


def test_failures_from_one_address_are_limited(house: House, ada: Member) -> None:
    answers = [
        sign_in(house.nobody(), f"person{number}@example.org", "x" * (PASSWORD_CHARS_MAX + 1))
        for number in range(ADDRESS_ATTEMPTS_PER_MINUTE_MAX)
    ]
    assert set(answers) == {401}
    assert sign_in(house.nobody()) == 429


def test_success_does_not_count(house: House, ada: Member) -> None:
    answers = [sign_in(house.nobody()) for _ in range(ATTEMPTS_PER_MINUTE_MAX + 2)]
    assert set(answers) == {303}


# ---- forms -----------------------------------------------------------------------------------


def test_another_site_cannot_sign_somebody_in(house: House, ada: Member) -> None:
    """It can send the form, but neither read nor set the cookie that has to agree with it."""
    theirs = house.nobody()
    theirs.get("/signin")
    form = {"email": ADA, "password": PASSWORD, "csrf": theirs.page.hidden["csrf"]}
    victim = house.nobody()
    assert victim.client.post("/signin", data=form).status_code == 403
    victim.get("/signin")
    assert victim.client.post("/signin", data=form).status_code == 403
    assert victim.client.post("/signin", data={**form, "csrf": ""}).status_code == 403
    assert "causerie-session" not in victim.client.cookies


def test_another_site_cannot_sign_somebody_out(house: House) -> None:
    visit = house.visitor(ADA, Role.OWNER)
    for csrf in ("", "wrong", "ä"):
        assert visit.post("/signout", csrf=csrf).status_code == 403
    assert visit.get("/p/mine").status_code == 200


def test_a_form_that_was_open_in_two_tabs_works_in_both(house: House, ada: Member) -> None:
    visit = house.nobody()
    visit.get("/signin")
    first = dict(visit.page.hidden)
    visit.get("/signin")
    form = {**first, "email": ADA, "password": PASSWORD}
    assert visit.client.post("/signin", data=form).status_code == 303


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"a=" + b"b" * FORM_BYTES_MAX, FORM, 413),
        (b"&".join(b"a=1" for _ in range(FORM_FIELDS_MAX + 1)), FORM, 400),
        (b"email=a%00b", FORM, 400),
        (b"email=%ff", FORM, 400),
        (b"\xff=1", FORM, 400),
        (b'{"email": "a"}', {"Content-Type": "application/json"}, 400),
        (b"", {}, 400),
        (b"", FORM, 403),
    ],
)
def test_what_is_no_form_of_ours_is_refused(
    house: House, body: bytes, headers: dict[str, str], status: int
) -> None:
    for path in ("/signin", "/signin/link/x"):
        answer = house.nobody().client.post(path, content=body, headers=headers)
        assert answer.status_code == status


# ---- one-time links --------------------------------------------------------------------------


def test_the_first_link_makes_the_first_owner(house: House) -> None:
    address = invite(house, "")
    visit = house.nobody()
    answer = visit.fill(address, email="Ada@example.org", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/mine")
    assert visit.get("/p/mine").text == f"{ADA} owner mine"
    assert sign_in(house.nobody()) == 303


def test_looking_at_a_link_does_not_use_it_up(house: House) -> None:
    address = invite(house, BOB, Role.VIEWER)
    for _ in range(3):
        assert house.nobody().get(address).status_code == 200
        assert house.nobody().client.head(address).status_code == 200
    visit = house.nobody()
    assert visit.fill(address, password=PASSWORD).status_code == 303
    assert visit.get("/p/mine").text == f"{BOB} viewer mine"


def test_a_used_an_expired_and_an_unknown_link_say_the_same(house: House) -> None:
    used, expired = invite(house, ""), invite(house, BOB)
    house.nobody().fill(used, email=ADA, password=PASSWORD)
    house.clock.move(days=1)
    secret = house.nobody()
    secret.get("/signin")
    for address in (used, expired, "/signin/link/unknown"):
        answer = house.nobody().get(address)
        assert (answer.status_code, GONE in answer.text) == (410, True)
        form = {**secret.page.hidden, "email": "eve@example.org", "password": PASSWORD}
        assert secret.client.post(address, data=form).status_code == 410
    assert house.accounts.member_by_email("eve@example.org") is None


def test_a_link_lets_one_in_however_many_press_the_button(house: House) -> None:
    address = invite(house, "")

    def use(number: int) -> int:
        visit = house.nobody()
        form = {"email": f"person{number}@example.org", "password": PASSWORD}
        return visit.fill(address, form).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(use, range(4)))
    assert answers == [303, 410, 410, 410]
    assert len(house.accounts.memberships("mine")) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": "nonsense", "password": PASSWORD}, "e-mail address"),
        ({"email": ADA, "password": "x" * (PASSWORD_CHARS_MIN - 1)}, "at least"),
        ({"email": ADA, "password": "x" * (PASSWORD_CHARS_MAX + 1)}, "at most"),
        ({"email": ADA}, "at least"),
    ],
)
def test_a_refused_form_says_why_and_leaves_the_link_open(
    house: House, fields: dict[str, str], words: str
) -> None:
    address = invite(house, "")
    visit = house.nobody()
    answer = visit.fill(address, fields)
    assert answer.status_code == 400
    assert words in answer.text
    assert visit.page.fields["email"] == fields["email"]
    assert visit.fill(address, email=ADA, password=PASSWORD).status_code == 303


def test_an_invitation_is_for_its_own_email(house: House) -> None:
    address = invite(house, BOB, Role.MEMBER)
    visit = house.nobody()
    assert visit.fill(address, email="eve@example.org", password=PASSWORD).status_code == 303
    assert visit.get("/p/mine").text == f"{BOB} member mine"
    assert house.accounts.member_by_email("eve@example.org") is None


def test_a_member_who_is_invited_again_needs_the_password_they_have(
    house: House, ada: Member
) -> None:
    other = house.accounts.create_project("Other", house.clock())
    address = invite(house, ADA, Role.VIEWER, other.id)
    visit = house.nobody()
    assert visit.fill(address, password="another long password").status_code == 401
    assert WRONG in visit.page.text
    assert visit.fill(address, password=PASSWORD).headers["location"] == "/p/other"
    assert visit.get("/").text == "Mine, Other"
    assert sign_in(house.nobody()) == 303


def test_a_member_who_is_signed_in_joins_without_a_password(house: House, ada: Member) -> None:
    other = house.accounts.create_project("Other", house.clock())
    address = invite(house, ADA, Role.VIEWER, other.id)
    visit = house.let_in(ada)
    visit.get(address)
    assert "password" not in visit.page.fields
    assert visit.fill(address).headers["location"] == "/p/other"
    assert visit.get("/p/other").text == f"{ADA} viewer other"


def test_an_invitation_of_another_does_not_let_the_signed_in_one_join(
    house: House, ada: Member
) -> None:
    other = house.accounts.create_project("Other", house.clock())
    address = invite(house, BOB, Role.VIEWER, other.id)
    visit = house.let_in(ada)
    assert visit.fill(address).status_code == 400
    assert visit.fill(address, password=PASSWORD).status_code == 303
    assert visit.get("/p/other").text == f"{BOB} viewer other"
    assert visit.get("/p/mine").status_code == 404


def test_an_invitation_of_another_takes_the_password_of_that_other(
    house: House, ada: Member
) -> None:
    bob = house.enrol(BOB, Role.VIEWER)
    house.sign_ins.set_password(bob.id, CHEAP.hash("the password of Bob"))
    other = house.accounts.create_project("Other", house.clock())
    address = invite(house, BOB, Role.OWNER, other.id)
    visit = house.let_in(ada)
    for password in ("", PASSWORD):
        assert visit.fill(address, password=password).status_code == 401
    assert visit.get("/p/mine").text == f"{ADA} owner mine"
    assert house.accounts.memberships(other.id) == []


def test_a_first_start_link_takes_over_no_account(house: House, ada: Member) -> None:
    """A demo prints such a link at every start."""
    address = invite(house, "")
    visit = house.nobody()
    assert visit.fill(address, email=ADA, password="another long password").status_code == 401
    assert visit.fill(address, email=ADA, password=PASSWORD).status_code == 303
    assert visit.get("/p/mine").text == f"{ADA} owner mine"


def test_a_link_without_a_project_sets_a_new_password(house: House, ada: Member) -> None:
    elsewhere = house.let_in(ada)
    visit = house.nobody()
    answer = visit.fill(invite(house, ADA, project=None), password="another long password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert elsewhere.get("/p/mine").status_code == 303
    assert sign_in(house.nobody()) == 401
    assert sign_in(house.nobody(), ADA, "another long password") == 303


def test_guesses_at_an_invited_members_password_are_limited(house: House, ada: Member) -> None:
    other = house.accounts.create_project("Other", house.clock())
    address = invite(house, ADA, Role.VIEWER, other.id)
    answers = [
        house.nobody().fill(address, password="wrong").status_code
        for _ in range(ATTEMPTS_PER_MINUTE_MAX + 1)
    ]
    assert answers == [401] * ATTEMPTS_PER_MINUTE_MAX + [429]


# ---- doors -----------------------------------------------------------------------------------


def test_a_stranger_cannot_tell_a_project_from_none(house: House) -> None:
    house.accounts.create_project("Other", house.clock())
    visit = house.visitor("eve@example.org", Role.OWNER, "other")
    theirs, none = visit.get("/p/mine"), visit.get("/p/none")
    assert theirs.status_code == none.status_code == 404
    assert theirs.text == none.text


def test_nobody_is_led_to_the_sign_in_page(house: House) -> None:
    for cookie in ("", "x", "ä", "a" * 5_000):
        headers = [(b"cookie", f"causerie-session={cookie}".encode())]
        answer = house.nobody().client.get("/p/mine", headers=headers)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/signin?next=/p/mine")


def test_a_removed_member_is_out_at_once(house: House) -> None:
    visit = house.visitor(ADA, Role.OWNER)
    bob = house.enrol(BOB, Role.MEMBER)
    theirs = house.let_in(bob)
    assert theirs.get("/p/mine").status_code == 200
    visit.post(f"/p/mine/settings/members/{bob.id}/remove")
    assert theirs.get("/p/mine").status_code == 404


def test_no_page_before_sign_in_runs_or_loads_anything_foreign(house: House) -> None:
    for path in ("/signin", invite(house, "")):
        answer = house.nobody().get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "style=" not in answer.text
        assert "<script>" not in answer.text
