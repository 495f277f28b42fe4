"""Endpoints in the state store: their keys are sealed, their names are their own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, text

from causerie.endpoints import Endpoint, Price, Upstream
from causerie.errors import CauserieError, Conflict, Invalid, NotFound
from causerie.store.accounts import Accounts
from causerie.store.endpoints import SEAL, Endpoints
from causerie.vault import Vault

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
KEY = "sk-of-the-provider"


@pytest.fixture
def endpoints(engine: Engine) -> Endpoints:
    accounts = Accounts(engine)
    for project in ("mine", "theirs"):
        accounts.create_project(project, NOW, project)
    return Endpoints(engine, Vault(b"a secret"))


def made(id: str = "ep-one", project: str = "mine", **given: object) -> Endpoint:
    upstream = Upstream(base_url="https://models.example/v1", model="m-1", key=KEY)
    known = {"name": "One", "upstreams": (upstream,), "created_at": NOW}
    # Fields of many types in one dictionary.
    return Endpoint(project=project, id=id, **{**known, **given})  # type: ignore[arg-type]


def test_a_key_is_open_to_the_gateway_and_sealed_everywhere_else(
    endpoints: Endpoints, engine: Engine
) -> None:
    shown = endpoints.add(made())
    found = endpoints.get("mine", "ep-one")
    assert found is not None and found.upstreams[0].key == KEY
    for one in (shown, endpoints.shown("mine", "ep-one"), *endpoints.list("mine")):
        assert one.upstreams[0].key.startswith(SEAL) and KEY not in str(one)
    with engine.connect() as connection:
        assert KEY not in str(connection.execute(text("SELECT document FROM endpoints")).all())


def test_it_comes_back_as_it_was_put_in(endpoints: Endpoints) -> None:
    price = Price(input=Decimal("0.1"), output=Decimal("1e-7"), cached=Decimal(0), currency="CNY")
    whole = made(serves=("m", "n"), defaults={"a": [1, {"b": None}]}, price=price)
    endpoints.add(whole)
    assert endpoints.get("mine", "ep-one") == whole


def test_a_change_keeps_a_sealed_key_and_takes_a_new_one(endpoints: Endpoints) -> None:
    shown = endpoints.add(made())
    endpoints.change(replace(shown, name="Two"))
    found = endpoints.get("mine", "ep-one")
    assert found is not None and (found.name, found.upstreams[0].key) == ("Two", KEY)
    other = replace(shown.upstreams[0], key="sk-other")
    endpoints.change(replace(shown, upstreams=(other,)))
    found = endpoints.get("mine", "ep-one")
    assert found is not None and found.upstreams[0].key == "sk-other"


def test_a_model_is_found_by_id_and_by_the_names_it_serves(endpoints: Endpoints) -> None:
    endpoints.add(made(serves=("gpt-mini",)))
    for name in ("ep-one", "gpt-mini"):
        found = endpoints.resolve("mine", name)
        assert found is not None and found.id == "ep-one"
    assert endpoints.resolve("theirs", "ep-one") is None
    assert endpoints.resolve("theirs", "gpt-mini") is None
    assert endpoints.resolve("mine", "gpt\0") is None
    endpoints.change(replace(endpoints.shown("mine", "ep-one"), disabled=True))
    assert endpoints.resolve("mine", "ep-one") is None


def test_names_are_taken_once_within_a_project(endpoints: Endpoints) -> None:
    endpoints.add(made(serves=("gpt-mini",)))
    with pytest.raises(Conflict, match="ep-one already"):
        endpoints.add(made())
    with pytest.raises(Conflict, match="served by ep-one"):
        endpoints.add(made("ep-two", serves=("gpt-mini",)))
    endpoints.add(made(project="theirs", serves=("gpt-mini",)))


def test_what_is_removed_is_gone(endpoints: Endpoints) -> None:
    endpoints.add(made())
    endpoints.remove("mine", "ep-one")
    assert endpoints.get("mine", "ep-one") is None
    for missing in (lambda: endpoints.remove("mine", "ep-one"), lambda: endpoints.change(made())):
        with pytest.raises(NotFound):
            missing()


@pytest.mark.parametrize(
    "flaw",
    [
        made("one"),
        made(upstreams=()),
        made(upstreams=(Upstream(base_url="ftp://x", model="m"),)),
        made(upstreams=(Upstream(base_url="https://u:p@x/v1", model="m"),)),
        made(upstreams=(Upstream(base_url="https://x/v1", model="m", key="two\nlines"),)),
        made(upstreams=(Upstream(base_url="https://x/v1", model="m", weight=-1),)),
        made(upstreams=(Upstream(base_url="https://x/v1", model="m", idle_timeout_s=0),)),
        made(serves=("ep-two",)),
        made(serves=("two words",)),
        made(defaults={"messages": []}),
        made(window_tokens=10, output_tokens=10),
        made(price=Price(input=Decimal(-1), output=Decimal(1))),
        made(price=Price(input=Decimal("NaN"), output=Decimal(1))),
        made(price=Price(input=Decimal(1), output=Decimal(1), currency="dollars")),
        made(name=" "),
    ],
)
def test_what_cannot_work_is_refused_by_its_field(endpoints: Endpoints, flaw: Endpoint) -> None:
    with pytest.raises(Invalid) as refused:
        endpoints.add(flaw)
    assert refused.value.field


def test_another_secret_says_what_to_do(endpoints: Endpoints, engine: Engine) -> None:
    endpoints.add(made())
    other = Endpoints(engine, Vault(b"another"))
    with pytest.raises(CauserieError, match="secret"):
        other.get("mine", "ep-one")
    assert other.shown("mine", "ep-one").name == "One", "a new key can still be put in"
