"""Settings, Embedding: who may make a secret, what it ends, and that what is to be copied works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import playwright
import pytest
from httpx2 import Response

from causerie.accounts import Role
from causerie.store.embeds import Embeds
from causerie.store.sign_ins import SignIns
from causerie.store.views import Views
from causerie.vault import open_vault
from causerie.views import View
from tests.conftest import Cast

SECRET = re.compile(r"emb_[\w-]{43}")
LINK = re.compile(r'<code class="clip">[^<]*(/embed/[^<]+)</code>')
DOCS = Path(__file__).parents[1] / "docs" / "embedding.md"
RUNS = {
    "python": (sys.executable, "-c"),
    # Where there is no other, the one that the browser is driven with.
    "js": (shutil.which("node") or str(Path(playwright.__file__).parent / "driver/node"), "-e"),
    "sh": ("sh", "-c"),
}
"""What runs each language of the snippets."""


@dataclass
class Desk:
    """An owner before the page."""

    cast: Cast
    cookie: str
    csrf: str

    @property
    def root(self) -> str:
        return f"/p/{self.cast.project}/settings/embedding"

    def look(self, query: str = "") -> Response:
        self.cast.client.cookies.clear()
        headers = {"Cookie": f"causerie-session={self.cookie}"}
        return self.cast.client.get(self.root + query, headers=headers)

    def send(self, form: str, **fields: str) -> Response:
        self.cast.client.cookies.clear()
        return self.cast.client.post(
            f"{self.root}/{form}",
            data={"csrf": self.csrf, **fields},
            headers={"Cookie": f"causerie-session={self.cookie}"},
            follow_redirects=False,
        )

    def open(self, address: str) -> Response:
        self.cast.client.cookies.clear()
        return self.cast.client.get(address)

    def make(self) -> str:
        """A secret, as it is shown once."""
        found = SECRET.search(self.send("secret").text)
        assert found is not None
        return found[0]


@pytest.fixture
def desk(cast: Cast) -> Desk:
    now = cast.clock()
    member = cast.stores.accounts.create_member("ada@example.org", now)
    cast.stores.accounts.join(cast.project, member.id, Role.OWNER)
    cookie, csrf = SignIns(cast.stores.engine).create_session(member.id, now)
    for id, page in (("asearch", "search"), ("asql", "sql"), ("aview", "users")):
        Views(cast.stores.engine).add(
            View(
                id=id,
                project=cast.project,
                name=f"{len(page)} {id}",
                page=page,
                query="",
                by="ada@example.org",
                created_at=now,
            )
        )
    return Desk(cast, cookie, csrf)


def test_a_secret_is_shown_once(desk: Desk) -> None:
    assert "Make a secret first" in desk.look().text
    secret = desk.make()
    page = desk.look().text
    assert secret not in page
    assert secret[-4:] in page


def test_a_link_works_until_another_secret_is_made_or_it_is_switched_off(desk: Desk) -> None:
    desk.make()
    for ending in ("secret", "off"):
        if ending == "off":
            desk.make()
        link = made(desk.send("link", view="aview", tenant="acme", hours="24"))
        assert desk.open(link).status_code == 200
        desk.send(ending)
        assert desk.open(link).status_code == 403


def made(answer: Response) -> str:
    assert answer.status_code == 200, answer.text
    found = LINK.search(answer.text)
    assert found is not None
    return unescape(found[1])


def test_a_link_says_what_was_chosen(desk: Desk) -> None:
    desk.make()
    link = made(desk.send("link", view="aview", tenant="acme", lang="fr", theme="dark"))
    page = desk.open(link).text
    assert '<html lang="fr" data-theme="dark">' in page
    searched = desk.send("link", view="asearch", tenant="acme", transcripts="on")
    assert desk.open(made(searched)).status_code == 200


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"view": "aview", "tenant": " "}, "Tenant: 1 to"),
        ({"view": "aview", "tenant": "x" * 201}, "Tenant: 1 to"),
        ({"view": "none", "tenant": "acme"}, "Choose a view"),
        ({"view": "asql", "tenant": "acme"}, "That view cannot be embedded"),
        ({"view": "asearch", "tenant": "acme"}, "A search shows what was said"),
    ],
)
def test_a_link_that_would_not_work_is_not_made(
    desk: Desk, form: dict[str, str], told: str
) -> None:
    desk.make()
    answer = desk.send("link", **form)
    assert answer.status_code == 400
    assert told in answer.text
    assert LINK.search(answer.text) is None


def test_no_link_is_made_without_a_secret(desk: Desk) -> None:
    answer = desk.send("link", view="aview", tenant="acme")
    assert answer.status_code == 409
    assert "There is no secret yet" in answer.text


def test_sites_are_kept_and_name_who_may_frame(desk: Desk) -> None:
    desk.make()
    link = made(desk.send("link", view="aview", tenant="acme"))
    assert desk.open(link).headers["content-security-policy"].endswith("frame-ancestors 'none'")
    assert desk.send("sites", origins="https://a.example\nhttps://b.example").status_code == 303
    policy = desk.open(link).headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://a.example https://b.example")
    refused = desk.send("sites", origins="https://a.example; script-src *")
    assert refused.status_code == 400
    assert Embeds(desk.cast.stores.engine, open_vault(desk.cast.folder, "")).get(
        desk.cast.project
    ).origins == ("https://a.example", "https://b.example")


def test_every_other_page_refuses_to_be_framed(desk: Desk) -> None:
    answer = desk.look()
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["content-security-policy"].endswith("frame-ancestors 'none'")


# ---- what is to be copied ------------------------------------------------------------------------


def snippets() -> dict[str, str]:
    """What the documentation has, by its language."""
    return dict(re.findall(r"```(python|js|sh)\n(.*?)```", DOCS.read_text(), re.DOTALL))


def filled(snippet: str, project: str, server: str = "http://127.0.0.1:8123") -> str:
    own = snippet.replace("https://causerie.example.com", server).replace("VIEW", "aview")
    return own.replace("/embed/PROJECT/", f"/embed/{project}/")


@pytest.mark.parametrize("language", RUNS)
def test_a_snippet_signs_a_link_that_works(desk: Desk, language: str) -> None:
    secret = desk.make()
    desk.cast.clock.now = datetime.now(UTC)
    code = filled(snippets()[language], desk.cast.project)
    environment = {**os.environ, "EMBED_SECRET": secret}
    run = [*RUNS[language], code]
    link = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert desk.open(link.stdout.strip()).status_code == 200


def test_the_page_has_the_snippets_of_the_documentation(desk: Desk) -> None:
    page = desk.look().text
    code = [unescape(block) for block in re.findall(r"<pre[^>]*><code>(.*?)</code>", page, re.S)]
    for snippet in snippets().values():
        assert filled(snippet, desk.cast.project) in code
