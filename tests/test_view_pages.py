"""Saved views: kept from any page, found beside its filters, changed by whom they belong to."""

from __future__ import annotations

from causerie.accounts import Role
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in, talk
from tests.web_page import Page


def keep(cast: Cast, csrf: str, name: str, page: str = "conversations", query: str = "") -> int:
    form = {"csrf": csrf, "name": name, "page": page, "query": query}
    answer = cast.client.post(f"{home(cast)}/views", data=form, follow_redirects=False)
    return answer.status_code


def test_what_is_seen_is_kept_and_leads_back(cast: Cast) -> None:
    talk(cast, rating=-1)
    csrf = sign_in(cast)
    address = f"{home(cast)}/conversations?days=7&rating=down&page=1"
    page = Page(cast.client.get(address).text)
    fields = {
        one["name"]: one["value"] for tag, one in page.tags if tag == "input" if "value" in one
    }
    assert (fields["page"], fields["query"]) != ("", "")
    assert keep(cast, csrf, "Bad week", "conversations", "days=7&rating=down&page=3") == 303
    found = Page(cast.client.get(f"{home(cast)}/users").text)
    # The number of a page is of a moment.
    assert found.links["Bad week"] == f"{home(cast)}/conversations?days=7&rating=down"
    listed = Page(cast.client.get(f"{home(cast)}/views").text)
    assert "Bad week" in listed.words and "owner@example.org" in listed.words


def test_a_name_is_given_once_and_a_page_must_be_known(cast: Cast) -> None:
    csrf = sign_in(cast)
    assert keep(cast, csrf, "Mine") == 303
    assert keep(cast, csrf, "Mine") == 409
    assert keep(cast, csrf, "   ") == 400
    assert keep(cast, csrf, "Other", page="https://elsewhere.example") == 400


def test_only_whom_it_belongs_to_or_an_owner_changes_a_view(cast: Cast) -> None:
    views = f"{home(cast)}/views"
    csrf = sign_in(cast)
    keep(cast, csrf, "Of the owner")
    (id,) = [link.split("/")[-2] for link in _actions(cast, "rename")]
    csrf = sign_in(cast, Role.MEMBER)
    for verb in ("rename", "remove"):
        form = {"csrf": csrf, "name": "Taken"}
        assert cast.client.post(f"{views}/{id}/{verb}", data=form).status_code == 403
    assert not _actions(cast, "rename")
    assert keep(cast, csrf, "Of a member") == 303
    (own,) = _actions(cast, "remove")
    assert cast.client.post(own, data={"csrf": csrf}).status_code == 200
    assert "Of a member" not in cast.client.get(views).text
    csrf = sign_in(cast, Role.VIEWER)
    assert keep(cast, csrf, "Of a viewer") == 403


def _actions(cast: Cast, verb: str) -> list[str]:
    """Where the forms of the page of views send."""
    page = Page(cast.client.get(f"{home(cast)}/views").text)
    return [
        one["action"]
        for tag, one in page.tags
        if tag == "form" and one.get("action", "").endswith(verb)
    ]
