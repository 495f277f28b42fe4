"""Tokens of embeds: made by any JWT library, refused for whatever is not just right."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from causerie.embeds import (
    LIFE_MAX,
    ORIGINS_MAX,
    TENANT_CHARS_MAX,
    TOKEN_CHARS_MAX,
    Claims,
    checked_origins,
    new_embed_secret,
    read_token,
    sign,
)
from causerie.errors import CauserieError, Conflict, Forbidden, Gone, Invalid, NotFound
from causerie.store.accounts import Accounts
from causerie.store.embeds import Embeds
from causerie.vault import Vault

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
SECRET = new_embed_secret()
SOON = int((NOW + timedelta(minutes=10)).timestamp())
GOOD: dict[str, Any] = {"view": "v1", "tenant": "acme", "exp": SOON}


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    said = {name: value for name, value in {**GOOD, **claims}.items() if value is not None}
    return jwt.encode(said, secret, algorithm)


def packed(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def mac(text: str) -> str:
    """As HS256 has it."""
    made = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(made).rstrip(b"=").decode()


def test_a_token_of_any_library_says_what_was_signed() -> None:
    claims = read_token(signed(lang="fr", theme="dark", transcripts=True, iss="me"), SECRET, NOW)
    assert claims == Claims(
        view="v1", tenant="acme", exp=SOON, lang="fr", theme="dark", transcripts=True
    )
    assert not read_token(signed(), SECRET, NOW).transcripts


def test_a_token_of_ours_is_one_for_any_library() -> None:
    token = sign(SECRET, Claims(view="v1", tenant="läden", exp=SOON))
    options: Any = {"verify_exp": False}
    assert jwt.decode(token, SECRET, ["HS256"], options=options) == {**GOOD, "tenant": "läden"}


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    secret = SECRET * 2
    token = jwt.encode(GOOD, "" if algorithm == "none" else secret, algorithm)
    with pytest.raises(Forbidden):
        read_token(token, secret, NOW)


def test_a_header_cannot_talk_us_into_anything() -> None:
    names = ("none", "None", "", "HS512", "RS256", "hs256", None)
    for header in (*({"alg": name} for name in names), {}, [], "HS256"):
        signed_by_us = f"{packed(header)}.{packed(GOOD)}"
        for signature in ("", mac(signed_by_us), signed().rpartition(".")[2]):
            with pytest.raises(Forbidden):
                read_token(f"{signed_by_us}.{signature}", SECRET, NOW)
    good = f"{packed({'alg': 'HS256'})}.{packed(GOOD)}"
    assert read_token(f"{good}.{mac(good)}", SECRET, NOW).view == "v1"
    unknown: list[dict[str, Any]] = [{"crit": ["b64"], "b64": False}, {"crit": []}]
    for headers in unknown:
        with pytest.raises(Forbidden):
            read_token(jwt.encode(GOOD, SECRET, "HS256", headers=headers), SECRET, NOW)
    keyed = jwt.encode(GOOD, SECRET, "HS256", headers={"kid": "../../etc", "jku": "http://x"})
    assert read_token(keyed, SECRET, NOW).view == "v1"


def test_another_secret_is_refused() -> None:
    for secret in (new_embed_secret(), "", SECRET.lower(), f"{SECRET} "):
        with pytest.raises(Forbidden):
            read_token(signed(), secret, NOW)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": (NOW + LIFE_MAX + timedelta(minutes=2)).timestamp()}, "30 days"),
        ({"exp": 10**300}, "30 days"),
        ({"tenant": None}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": " \n"}, "tenant"),
        ({"tenant": 7}, "tenant"),
        ({"tenant": ["acme", "bolt"]}, "tenant"),
        ({"tenant": "a\0b"}, "tenant"),
        ({"tenant": "x" * (TENANT_CHARS_MAX + 1)}, "tenant"),
        ({"view": None}, "view"),
        ({"view": {"id": "v1"}}, "view"),
        ({"transcripts": "yes"}, "transcripts"),
        ({"nbf": SOON}, "nbf"),
    ],
)
def test_a_claim_out_of_bounds_is_named(claims: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        read_token(signed(**claims), SECRET, NOW)


def test_a_token_expires_at_its_moment() -> None:
    at = datetime.fromtimestamp(SOON, UTC)
    assert read_token(signed(), SECRET, at - timedelta(seconds=1)).exp == SOON
    for now in (at, at + timedelta(days=9)):
        with pytest.raises(Gone):
            read_token(signed(), SECRET, now)
    # Nobody learns from the answer that a forged one had been good once.
    with pytest.raises(Forbidden):
        read_token(signed(new_embed_secret()), SECRET, at)


def test_a_token_lasts_thirty_days_at_most() -> None:
    exp = (NOW + LIFE_MAX).timestamp()
    assert read_token(signed(exp=exp), SECRET, NOW).exp == exp


def test_a_token_that_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(Forbidden):
        read_token(signed(note="x" * TOKEN_CHARS_MAX), SECRET, NOW)


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="ab.-_=eyJ0"),
        st.tuples(st.binary(), st.binary(), st.binary()).map(
            lambda parts: ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        ),
    )
)
@settings(max_examples=300)
def test_whatever_else_is_sent_is_no_token(token: str) -> None:
    with pytest.raises(Forbidden):
        read_token(token, SECRET, NOW)


@given(st.integers(0, 10_000), st.sampled_from("Aa0-_.= "))
@settings(max_examples=300)
def test_a_token_with_another_letter_is_none(place: int, letter: str) -> None:
    token = signed()
    place %= len(token)
    # The last letter has bits that stand for nothing.
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token or place == len(token) - 1:
        return
    with pytest.raises(CauserieError):
        read_token(changed, SECRET, NOW)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "lang", "theme", "nbf", "transcripts"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text()
        | st.lists(st.text()),
    )
)
@settings(max_examples=300)
def test_whatever_is_signed_is_a_token_or_told_why_not(claims: dict[str, Any]) -> None:
    body = {**GOOD, **claims}
    try:
        read = read_token(jwt.encode(body, SECRET, "HS256"), SECRET, NOW)
    except (Forbidden, Gone, Invalid):
        return
    assert (read.view, read.tenant, read.exp) == (body["view"], body["tenant"], body["exp"])
    assert body["tenant"].strip()
    assert NOW.timestamp() < body["exp"] <= (NOW + LIFE_MAX).timestamp() + 60


# ---- which sites may frame it --------------------------------------------------------------------


def test_sites_are_written_as_browsers_name_them() -> None:
    given = "https://App.example.com/\n http://localhost:3000 https://*.example.org"
    assert checked_origins(given) == (
        "https://app.example.com",
        "http://localhost:3000",
        "https://*.example.org",
    )
    assert checked_origins("") == ()
    assert checked_origins("https://a.example https://a.example/") == ("https://a.example",)


@pytest.mark.parametrize(
    "wrong",
    [
        "*",
        "https://*",
        "https:",
        "app.example.com",
        "javascript:alert(1)",
        "https://a.example/path",
        "https://a.example?x=1",
        "https://a.example;script-src",
        "https://user@a.example",
        "https://a.example:port",
        "'self'",
        "https://a.example,https://b.example",
    ],
)
def test_what_is_no_site_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid, match="is not a site"):
        checked_origins(wrong)


def test_there_is_an_end_to_sites() -> None:
    some = [f"https://s{number}.example" for number in range(ORIGINS_MAX + 1)]
    assert len(checked_origins("\n".join(some[:-1]))) == ORIGINS_MAX
    with pytest.raises(Invalid, match="at most"):
        checked_origins("\n".join(some))


# ---- what is kept --------------------------------------------------------------------------------


def test_a_secret_is_kept_encrypted_and_can_be_made_anew(engine: Engine) -> None:
    project = Accounts(engine).create_project("Mine", NOW).id
    embeds = Embeds(engine, Vault(b"a secret"))
    assert (embeds.get(project).is_on, embeds.secret(project)) == (False, None)
    first = embeds.make(project, NOW)
    assert embeds.secret(project) == first
    assert embeds.get(project).hint == first[-4:]
    embeds.allow(project, ("https://a.example",))
    second = embeds.make(project, NOW)
    assert embeds.secret(project) == second != first
    with engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM embeds").all())
    assert second not in kept
    embeds.end(project)
    assert (embeds.get(project).is_on, embeds.secret(project)) == (False, None)
    assert embeds.get(project).origins == ("https://a.example",)


def test_a_secret_of_another_vault_does_not_open(engine: Engine) -> None:
    project = Accounts(engine).create_project("Mine", NOW).id
    Embeds(engine, Vault(b"a secret")).make(project, NOW)
    with pytest.raises(Conflict):
        Embeds(engine, Vault(b"another")).secret(project)


def test_there_is_no_secret_without_a_project(engine: Engine) -> None:
    embeds = Embeds(engine, Vault(b"a secret"))
    with pytest.raises(NotFound):
        embeds.make("none", NOW)
    assert embeds.secret("none") is None
