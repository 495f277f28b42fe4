"""Getting started: a key that works, snippets that run, and a wait that ends."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from causerie.accounts import Role
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in, talk
from tests.web_page import Page

KEY = re.compile(r"csr_ingest_[\w-]{43}")


def start(cast: Cast) -> Page:
    """The page, checked."""
    answer = cast.client.get(f"{home(cast)}/start")
    assert answer.status_code == 200
    page = Page(answer.text)
    page.check()
    return page


def create(cast: Cast, csrf: str) -> Page:
    """The page after the button."""
    answer = cast.client.post(f"{home(cast)}/start/key", data={"csrf": csrf})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return Page(answer.text)


def test_a_new_key_stands_in_every_snippet_and_is_shown_once(cast: Cast) -> None:
    csrf = sign_in(cast, Role.MEMBER)
    page = create(cast, csrf)
    found = {key for code in page.code for key in KEY.findall(code)}
    assert len(found) == 1
    assert "YOUR_INGEST_KEY" not in page.text
    again = start(cast)
    assert KEY.search(again.text) is None
    assert "YOUR_INGEST_KEY" in again.text


def test_the_curl_snippet_sends_a_conversation(cast: Cast) -> None:
    page = create(cast, sign_in(cast))
    snippet = next(code for code in page.code if code.startswith("curl "))
    _, address, *options = shlex.split(snippet.replace("\\\n", " "))
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for name, value in given if name == "-H")
    body = json.loads(dict(given)["-d"])
    path = address.removeprefix("http://127.0.0.1:8123")
    answer = cast.client.post(path, json=body, headers=headers)
    assert answer.status_code == 201
    cast.settle()
    waiting = cast.client.get(f"{home(cast)}/start/waiting").text
    assert "Your first conversation has arrived." in waiting


@pytest.mark.parametrize(
    "needle", ["getcontext", "asyncio.run", "causerie import Client", "causerie.langchain"]
)
def test_the_python_snippets_are_python(cast: Cast, needle: str) -> None:
    page = create(cast, sign_in(cast))
    found = [code for code in page.code if needle in code and "const" not in code]
    assert found
    for code in found:
        compile(code, "snippet", "exec")


def test_a_viewer_cannot_create_a_key(cast: Cast) -> None:
    csrf = sign_in(cast, Role.VIEWER)
    assert "Create an ingest key" not in start(cast).text
    answer = cast.client.post(f"{home(cast)}/start/key", data={"csrf": csrf})
    assert answer.status_code == 403
    assert [key.name for key in cast.stores.accounts.keys(cast.project)].count(
        "Getting started"
    ) == 0


def test_a_form_of_another_site_creates_nothing(cast: Cast) -> None:
    sign_in(cast)
    answer = cast.client.post(f"{home(cast)}/start/key", data={"csrf": "guess"})
    assert answer.status_code == 403
    assert KEY.search(answer.text) is None


def test_the_wait_asks_again_until_something_arrives(cast: Cast) -> None:
    sign_in(cast)
    page = start(cast)
    assert "Waiting for your first conversation" in page.text
    asks = next(given for given in page.all("section") if "hx-get" in given)
    assert asks["hx-trigger"] == "every 2s"
    talk(cast, "Hello there")
    answer = Page(cast.client.get(asks["hx-get"]).text)
    assert "Your first conversation has arrived." in answer.text
    assert "Hello there" in answer.text
    read = cast.client.get(answer.links["Read it"])
    assert "Hello there" in read.text


def test_the_wait_shows_the_newest_of_many(cast: Cast) -> None:
    sign_in(cast)
    talk(cast, "older")
    cast.clock.move(minutes=5)
    talk(cast, "newer", tenant_id="acme")
    text = start(cast).text
    assert "2 so far, the latest just now" in text
    assert "newer" in text
    assert "older" not in text
