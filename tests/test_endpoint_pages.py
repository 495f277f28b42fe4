"""The console of endpoints: who may change them, what becomes of a form, what is never shown."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from causerie.accounts import Role
from causerie.endpoints import Dialect, Endpoint, Price, Upstream
from causerie.store.endpoints import SEAL
from causerie.store.events import EventStore
from tests.gallery import SECRET_KEY, Gallery, Guest, well_made
from tests.made_calls import call
from tests.web_page import Page

OUTSIDE = ["/language", "/signout"]
"""The forms of the rail."""

FORM = {"name": "Support", "base_url_1": "https://models.example/v1", "model_1": "small"}
EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
CHANGES = {
    "/endpoints": FORM,
    "/endpoints/ep-a": FORM,
    "/endpoints/ep-a/remove": {},
}


@pytest.fixture
def gallery(sqlite_engine: Engine, embedded_events: EventStore, project_id: str) -> Gallery:
    return Gallery(sqlite_engine, embedded_events, project_id)


@pytest.fixture
def mia(gallery: Gallery) -> Guest:
    """A member, signed in."""
    return gallery.visitor(Role.MEMBER)


def only(gallery: Gallery) -> Endpoint:
    """The one endpoint of the project, its keys in the clear."""
    (shown,) = gallery.endpoints.list(gallery.project)
    found = gallery.endpoints.get(gallery.project, shown.id)
    assert found is not None
    return found


def form_of(page: Page) -> dict[str, str]:
    """What a form would send as it stands."""
    fields = {given["name"]: given.get("value", "") for given in page.all("input")}
    unticked = {
        given["name"]
        for given in page.all("input")
        if given.get("type") == "checkbox" and "checked" not in given
    }
    chosen = {
        given["name"]: value for given, value in zip(page.all("select"), page.chosen, strict=True)
    }
    texts = dict(zip((given["name"] for given in page.all("textarea")), page.areas, strict=True))
    return {
        name: value for name, value in {**fields, **chosen, **texts}.items() if name not in unticked
    }


# ---- who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("role", list(Role))
def test_a_change_takes_a_member(gallery: Gallery, path: str, role: Role) -> None:
    gallery.add_endpoint()
    before = gallery.endpoints.list(gallery.project)
    status = gallery.visitor(role).post(path, **CHANGES[path]).status_code
    changed = gallery.endpoints.list(gallery.project) != before
    assert (status, changed) == ((403, False) if role is Role.VIEWER else (303, True))


@pytest.mark.parametrize("path", CHANGES)
def test_strangers_and_other_sites_change_nothing(gallery: Gallery, path: str) -> None:
    gallery.add_endpoint()
    before = gallery.endpoints.list(gallery.project)
    stranger = gallery.visitor(Role.OWNER, gallery.other)
    assert stranger.post(path, **CHANGES[path]).status_code == 404
    assert gallery.visitor(None).post(path, **CHANGES[path]).status_code == 303
    mia = gallery.visitor(Role.MEMBER)
    assert mia.post(path, **{**CHANGES[path], "csrf": "wrong"}).status_code == 403
    assert gallery.endpoints.list(gallery.project) == before


def test_an_endpoint_of_another_project_is_not_found(gallery: Gallery) -> None:
    gallery.add_endpoint()
    stranger = gallery.visitor(Role.OWNER, gallery.other)
    home = f"/p/{gallery.other}/endpoints/ep-a"
    for answer in (
        stranger.get(home),
        stranger.get(f"{home}/edit"),
        stranger.post(home, **FORM),
        stranger.post(f"{home}/remove"),
    ):
        assert answer.status_code == 404
        assert "Name of ep-a" not in answer.text
    assert only(gallery).name == "Name of ep-a"


def test_a_viewer_looks_and_is_offered_no_change(gallery: Gallery) -> None:
    gallery.add_endpoint()
    viewer = gallery.visitor(Role.VIEWER)
    for path in ("/endpoints", "/endpoints/ep-a"):
        page = viewer.see(path)
        assert [form["action"] for form in page.all("form") if "action" in form] == OUTSIDE
        assert not {"New endpoint", "Change"} & page.links.keys()
    assert viewer.get("/endpoints/new").status_code == 403
    assert viewer.get("/endpoints/ep-a/edit").status_code == 403


# ---- what is shown ---------------------------------------------------------------------------


def test_an_empty_console_says_how_to_begin(gallery: Gallery, mia: Guest) -> None:
    page = mia.see("/endpoints")
    assert "No endpoint yet" in page.text
    assert "causerie serve --local-model" in page.text and "English only" in page.text
    assert page.links["New endpoint"] == f"/p/{gallery.project}/endpoints/new"


def test_the_list_tells_what_an_endpoint_is_and_what_it_took(gallery: Gallery, mia: Guest) -> None:
    price = Price(input=Decimal("0.80"), output=Decimal(2), currency="CNY")
    gallery.add_endpoint(price=price)
    gallery.add_endpoint("ep-b", disabled=True)
    gallery.keep(call("a", cost="3 CNY"), call("b", 6), call("c", 8, cost="9 CNY"))
    page = mia.see("/endpoints")
    assert "2 endpoints answer at http://127.0.0.1:8123" in page.text
    assert "Name of ep-a ep-aCopy small models.example 0.8 in, 2 out CNY" in page.text
    assert "2 3.00 CNY plus 1 call with no price" in page.text
    assert "switched off" in page.text
    address = f"/p/{gallery.project}/models?days=7&meta=endpoint:ep-a"
    assert page.links["2"] == address


def test_an_endpoint_has_what_to_paste(gallery: Gallery, mia: Guest) -> None:
    gallery.add_endpoint()
    create, chat, ark, openai = mia.see("/endpoints/ep-a").code
    for code in (create, chat, ark, openai):
        assert "YOUR_KEY" in code and "ep-a" in code
    assert create.startswith("curl http://127.0.0.1:8123/api/v3/context/create ")
    body = json.loads(create.partition("-d '")[2].partition("'")[0])
    assert (body["model"], body["ttl"]) == ("ep-a", 3600)
    assert chat.startswith("curl http://127.0.0.1:8123/api/v3/context/chat/completions ")
    assert json.loads(chat.partition("-d '")[2].partition("'")[0])["model"] == "ep-a"
    assert 'base_url="http://127.0.0.1:8123/api/v3"' in ark
    assert 'base_url="http://127.0.0.1:8123/v1"' in openai
    for code in (ark, openai):
        compile(code, "pasted", "exec")


def test_the_local_model_comes_first_and_cannot_be_changed(gallery: Gallery, mia: Guest) -> None:
    gallery.has_local = True
    gallery.add_endpoint(name="A first name")
    page = mia.see("/endpoints")
    assert "A small model, English onlyEnglish only ep-local" in page.text
    assert page.text.index("ep-local") < page.text.index("A first name")
    own = mia.see("/endpoints/ep-local")
    assert "speaks English only" in own.text
    assert [form["action"] for form in own.all("form") if "action" in form] == OUTSIDE
    assert mia.get("/endpoints/ep-local/edit").status_code == 404
    assert mia.post("/endpoints/ep-local/remove").status_code == 404
    taken = mia.post("/endpoints", **FORM, id="ep-local")
    assert taken.status_code == 409 and "model beside the server" in taken.text
    gallery.has_local = False
    assert mia.get("/endpoints/ep-local").status_code == 404


def test_no_page_holds_a_key(gallery: Gallery, mia: Guest) -> None:
    gallery.has_local = True
    gallery.add_endpoint()
    sealed = gallery.endpoints.shown(gallery.project, "ep-a").upstreams[0].key
    pages = ["", "/new", "/ep-a", "/ep-a/edit", "/ep-local"]
    shown = " ".join(mia.get(f"/endpoints{path}").text for path in pages)
    refused = mia.post("/endpoints/ep-a", **FORM, key_1="sk-typed", defaults="[")
    assert refused.status_code == 400 and "type them again" in refused.text
    for secret in (SECRET_KEY, sealed, SEAL, "sk-typed"):
        assert secret not in shown + refused.text
    assert "Saved: type to replace" in shown


# ---- what a form does ------------------------------------------------------------------------


def test_a_new_endpoint_is_kept_as_it_was_filled_in(gallery: Gallery, mia: Guest) -> None:
    page = mia.change(
        "/endpoints",
        **FORM,
        key_1="sk-one",
        base_url_2="http://other.example:8000/v1/",
        model_2="large",
        weight_2="0",
        dialect_2="vllm",
        connect_timeout_s_2="2.5",
        first_token_timeout_s_2="100",
        idle_timeout_s_2="7",
        price_input="0.80",
        price_cached="0.16",
        price_output="2",
        currency="cny",
        window_tokens="65536",
        output_tokens="8192",
        defaults='{"temperature": 0.5}',
        serves="gpt-4o\nsmall, large",
    )
    assert "The endpoint answers from now on" in page.text
    made = only(gallery)
    assert made.id.startswith("ep-") and made.name == "Support" and not made.disabled
    first, second = made.upstreams
    assert first == Upstream(base_url="https://models.example/v1", model="small", key="sk-one")
    assert second == Upstream(
        base_url="http://other.example:8000/v1",
        model="large",
        weight=0,
        dialect=Dialect.VLLM,
        connect_timeout_s=2.5,
        first_token_timeout_s=100,
        idle_timeout_s=7,
    )
    assert made.price == Price(
        input=Decimal("0.80"), output=Decimal(2), cached=Decimal("0.16"), currency="CNY"
    )
    assert (made.window_tokens, made.output_tokens) == (65536, 8192)
    assert made.defaults == {"temperature": 0.5}
    assert made.serves == ("gpt-4o", "small", "large")
    assert gallery.forgotten == 1


def test_an_id_that_apps_know_already_can_be_kept(gallery: Gallery, mia: Guest) -> None:
    mia.change("/endpoints", **FORM, id="ep-20240901-known")
    assert only(gallery).id == "ep-20240901-known"
    again = mia.post("/endpoints", **FORM, id="ep-20240901-known")
    assert again.status_code == 409 and "already" in again.text


def test_saving_a_form_as_it_stands_changes_nothing(gallery: Gallery, mia: Guest) -> None:
    one = Upstream(
        base_url="http://127.0.0.1:8080/v1",
        model="a",
        key=SECRET_KEY,
        weight=3,
        dialect=Dialect.LLAMACPP,
        slots=4,
        connect_timeout_s=0.5,
        first_token_timeout_s=1234.5,
    )
    gallery.add_endpoint(
        upstreams=(one, Upstream(base_url="https://b.example/v1", model="b")),
        price=Price(input=Decimal("0.000001"), output=Decimal("1E+2"), currency="EUR"),
        defaults={"stop": ["\n</textarea>"], "temperature": 1},
        serves=("x", "y"),
        window_tokens=1_000_000,
        disabled=True,
    )
    before = only(gallery)
    form = form_of(mia.see("/endpoints/ep-a/edit"))
    mia.change("/endpoints/ep-a", **form)
    assert only(gallery) == before


def test_a_typed_key_replaces_the_saved_one(gallery: Gallery, mia: Guest) -> None:
    gallery.add_endpoint()
    mia.change("/endpoints/ep-a", **FORM)
    assert only(gallery).upstreams[0].key == SECRET_KEY
    mia.change("/endpoints/ep-a", **FORM, key_1="sk-new")
    assert only(gallery).upstreams[0].key == "sk-new"
    mia.change("/endpoints/ep-a", **FORM, forget_1="on")
    assert only(gallery).upstreams[0].key == ""


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/v1", "http://models.example/v1", "https://models.example:1/v1"],
)
def test_a_saved_key_is_never_sent_to_another_server(
    gallery: Gallery, mia: Guest, address: str
) -> None:
    gallery.add_endpoint()
    moved = {**FORM, "base_url_1": address}
    answer = mia.post("/endpoints/ep-a", **moved)
    assert answer.status_code == 400 and "type the key again" in answer.text.lower()
    assert only(gallery).upstreams[0].base_url == "https://models.example/v1"
    mia.change("/endpoints/ep-a", **moved, key_1="sk-other")
    assert only(gallery).upstreams[0] == Upstream(base_url=address, model="small", key="sk-other")
    mia.change("/endpoints/ep-a", **{**moved, "base_url_1": f"{address}/beta"})
    assert only(gallery).upstreams[0].key == "sk-other"


def test_a_provider_whose_fields_are_emptied_is_taken_out(gallery: Gallery, mia: Guest) -> None:
    providers = [
        Upstream(base_url=f"https://{name}.example/v1", model=name, key=f"sk-{name}")
        for name in ("one", "two", "three")
    ]
    gallery.add_endpoint(upstreams=tuple(providers))
    form = form_of(mia.see("/endpoints/ep-a/edit"))
    mia.change("/endpoints/ep-a", **{**form, "base_url_2": "", "model_2": ""})
    assert only(gallery).upstreams == (providers[0], providers[2])


@pytest.mark.parametrize(
    ("fields", "said", "field"),
    [
        ({"name": " "}, "a name has", "name"),
        ({"id": "support"}, "id is ep-", "id"),
        ({"base_url_1": "", "model_1": ""}, "needs the address", "base_url_1"),
        ({"base_url_1": "models.example"}, "http", "base_url_1"),
        ({"base_url_1": "https://[bad/v1"}, "http", "base_url_1"),
        ({"model_1": ""}, "model", "model_1"),
        ({"key_1": "schlüssel"}, "ascii", "key_1"),
        ({"key_1": f"{SEAL}forged"}, "does not begin", "key_1"),
        ({"weight_1": "much"}, "not a number", "weight_1"),
        ({"weight_1": "-1"}, "provider 1, weight: 0 to 1,000", "weight_1"),
        ({"idle_timeout_s_1": "nan"}, "seconds", "idle_timeout_s_1"),
        ({"dialect_1": "klingon"}, "choose", "dialect_1"),
        ({"price_input": "1"}, "one for output", "price_output"),
        ({"price_input": "1E+99999", "price_output": "1"}, "such as", "price_input"),
        ({"price_input": "NaN", "price_output": "1"}, "such as", "price_input"),
        ({"price_input": "1", "price_output": "1", "currency": "yuan"}, "three", "currency"),
        ({"defaults": "[1]"}, "json object", "defaults"),
        ({"defaults": '{"stream": true}'}, "for the caller", "defaults"),
        ({"defaults": "[" * 5000}, "json object", "defaults"),
        ({"window_tokens": "100", "output_tokens": "100"}, "less than", "output_tokens"),
        ({"window_tokens": "9" * 5000}, "not a number", "window_tokens"),
        ({"serves": "ep-b"}, "names an endpoint", "serves"),
    ],
)
def test_what_is_wrong_is_said_on_the_same_form(
    gallery: Gallery, mia: Guest, fields: dict[str, str], said: str, field: str
) -> None:
    answer = mia.post("/endpoints", **{**FORM, "serves": "kept-word", **fields})
    assert answer.status_code == 400, answer.text
    page = well_made(answer)
    assert said in page.text.lower()
    marked: list[Any] = [
        given["name"] for _, given in page.tags if given.get("aria-invalid") == "true"
    ]
    assert marked == [field]
    assert "kept-word" in answer.text or "serves" in fields
    assert gallery.endpoints.list(gallery.project) == []


def test_a_model_is_served_by_one_endpoint_only(gallery: Gallery, mia: Guest) -> None:
    gallery.add_endpoint(serves=("gpt",))
    answer = mia.post("/endpoints", **FORM, serves="gpt")
    assert answer.status_code == 409 and "served by ep-a already" in answer.text


def test_an_endpoint_is_removed_after_a_question(gallery: Gallery, mia: Guest) -> None:
    gallery.add_endpoint()
    page = mia.see("/endpoints/ep-a")
    assert "This cannot be undone" in page.text
    assert "The endpoint is removed" in mia.change("/endpoints/ep-a/remove").text
    assert gallery.endpoints.list(gallery.project) == []
    assert mia.post("/endpoints/ep-a/remove").status_code == 404
    assert gallery.forgotten == 1


def test_names_that_are_code_stay_words(gallery: Gallery, mia: Guest) -> None:
    gallery.add_endpoint(name=EVIL[:90], defaults={"stop": EVIL}, serves=(EVIL.replace(" ", ""),))
    gallery.add_endpoint(
        "ep-b", upstreams=(Upstream(base_url="https://b.example/v1", model=EVIL.replace(" ", "")),)
    )
    for path in ("", "/ep-a", "/ep-a/edit", "/ep-b", "/ep-b/edit"):
        assert mia.see(f"/endpoints{path}").all("img") == []


def test_the_most_providers_fit_into_a_form(gallery: Gallery, mia: Guest) -> None:
    many = tuple(
        Upstream(base_url=f"https://h{number}.example/v1", model="m") for number in range(20)
    )
    gallery.add_endpoint(upstreams=many)
    form = form_of(mia.see("/endpoints/ep-a/edit"))
    mia.change("/endpoints/ep-a", **{**form, "model_20": "last"})
    assert only(gallery).upstreams == (*many[:-1], replace(many[-1], model="last"))
