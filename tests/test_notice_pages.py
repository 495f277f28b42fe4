"""The settings of notifications on the whole server, and what letters say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from causerie.accounts import Role
from causerie.mornings import Mornings
from causerie.notices import Destination, Kind, Letter, Notice
from causerie.store.alerts import Alerts
from causerie.store.notices import Notices
from causerie.store.progress import Progress
from causerie.store.spending import Spending
from causerie.stores import open_discretion
from causerie.vault import open_vault
from causerie.web.letters import Letters
from causerie.web.pages import Pages
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.test_morning_pages import live
from tests.web_page import Page

URL = "https://hooks.example/services/very-secret-token"
SECRET = "a secret that is long enough"


def send(cast: Cast, csrf: str, path: str = "", **form: str) -> Page:
    """Send one of the page's forms, and look at where it leads."""
    answer = cast.client.post(f"{home(cast)}/settings/notices{path}", data={"csrf": csrf, **form})
    page = Page(answer.text)
    page.check()
    return page


def notices(cast: Cast) -> Notices:
    return Notices(cast.stores.engine, open_vault(cast.folder, ""))


def test_a_webhook_is_kept_and_never_shown_again(cast: Cast) -> None:
    csrf = sign_in(cast)
    given = {"kind": "webhook", "name": "Ops", "url": URL, "secret": SECRET, "every": "day"}
    page = send(cast, csrf, **given, language="en", hour="9", weekday="0")
    assert "https://hooks.example/… · every day at 09:00 (UTC)" in page.text
    assert "very-secret-token" not in page.words + repr(page.tags)
    assert SECRET not in repr(page.tags)
    (kept,) = notices(cast).destinations(cast.project)
    # A change with empty fields leaves both as they are.
    send(cast, csrf, f"/{kept.id}", name="Other", language="fr", hour="7", weekday="0")
    opened = notices(cast).opened(notices(cast).destination(cast.project, kept.id))
    assert (opened.name, opened.address, opened.secret) == ("Other", URL, SECRET)
    # Another server is not signed for with the secret of the last one.
    other = "https://elsewhere.example/x"
    send(cast, csrf, f"/{kept.id}", name="Other", url=other, language="fr", hour="7", weekday="0")
    opened = notices(cast).opened(notices(cast).destination(cast.project, kept.id))
    assert (opened.address, opened.secret) == (other, "")


def test_a_test_says_what_came_of_it(cast: Cast) -> None:
    csrf = sign_in(cast)
    send(cast, csrf, kind="webhook", name="Here", url="http://127.0.0.1:9/x", language="en")
    (kept,) = notices(cast).destinations(cast.project)
    page = send(cast, csrf, f"/{kept.id}/test")
    assert "The test was not sent: the host is on this machine" in page.text
    assert "A test" in page.text and "failed" in page.text
    assert "Nothing more is sent there" in page.text
    assert "it is removed" in send(cast, csrf, f"/{kept.id}/remove").text.lower()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"kind": "email", "name": "A", "address": "nobody"}, "not an e-mail address"),
        ({"kind": "webhook", "name": "A", "url": "ftp://x"}, "begins with https://"),
        ({"kind": "webhook", "name": "A", "url": "sealed:abc"}, "begins with https://"),
        ({"kind": "webhook", "name": "A", "url": URL, "secret": "short"}, "16 characters or more"),
        ({"kind": "email", "name": "", "address": "a@b.example"}, "Give it a name"),
        ({"kind": "pigeon", "name": "A"}, "Choose how it is sent"),
        ({"kind": "email", "name": "A", "address": "a@b.example", "hour": "24"}, "Choose a day"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    cast: Cast, form: dict[str, str], said: str
) -> None:
    csrf = sign_in(cast)
    page = send(cast, csrf, **{"language": "en", **form})
    assert said in page.text
    assert "very-secret-token" not in repr(page.tags)
    assert notices(cast).destinations(cast.project) == []


def test_a_mail_server_of_ones_own_is_kept_and_not_shown(cast: Cast) -> None:
    csrf = sign_in(cast)
    address = "smtps://u:the-password@mail.example"
    page = send(cast, csrf, "/mail", server=address, sender="brume@mail.example")
    assert "brume@mail.example" in page.text
    assert "the-password" not in page.words + repr(page.tags)
    server = notices(cast).mail_server(cast.project)
    assert server is not None
    assert (server.host, server.password, server.port) == ("mail.example", "the-password", 465)
    assert "smtp://" in send(cast, csrf, "/mail", server="http://x", sender="a@b.example").text
    send(cast, csrf, "/mail", server="", sender="")
    assert notices(cast).mail_server(cast.project) is None


def test_viewers_see_where_it_goes_and_change_nothing(cast: Cast) -> None:
    csrf = sign_in(cast)
    send(cast, csrf, kind="email", name="Team", address="team@mail.example", language="en")
    sign_in(cast, Role.VIEWER)
    page = Page(cast.client.get(f"{home(cast)}/settings/notices").text)
    page.check()
    assert "team@mail.example" in page.text
    assert "Send a test" not in page.text


# ---- letters -------------------------------------------------------------------------------------


def compose(cast: Cast, language: str, **given: Any) -> Letter:
    stores, engine = cast.stores, cast.stores.engine
    mornings = Mornings(
        stores.events, stores.reports, stores.accounts, Spending(engine), Progress(engine)
    )
    pages = Pages(cast.clock)
    url = "https://causerie.example"
    letters = Letters(
        stores.accounts, open_discretion(stores, cast.clock), mornings, Alerts(engine), pages, url
    )
    to = Destination(
        id="to",
        project=cast.project,
        name="n",
        kind=Kind.EMAIL,
        address="a@b.example",
        language=language,
    )
    values: dict[str, Any] = {"subject": "digest", "document": {"every": "day"}, **given}
    now: datetime = cast.clock()
    notice = Notice(
        id=1, project=cast.project, destination="to", key="k", due_at=now, created_at=now, **values
    )
    return letters.compose(notice, to, now)


def test_what_changed_is_the_same_as_on_the_page_in_every_form(cast: Cast) -> None:
    live(cast, strange="gave_up")
    letter = compose(cast, "en")
    door = f"https://causerie.example/p/{cast.project}/conversations?meta=build:new&since=2026-05-19&until=2026-05-19&signal=gave_up"
    assert letter.title == "What changed in Mine: Tuesday 19 May 2026"
    assert "1. More people gave up:" in letter.text
    assert door in letter.text and "Nearly all of the change is in build = new" in letter.text
    assert "More people gave up:" in letter.html and door.replace("&", "&amp;") in letter.html
    assert f"<{door}|" in letter.slack
    (finding,) = letter.document["findings"]
    assert finding["value"] == "gave_up" and finding["url"] == door
    assert letter.document["since"] == letter.document["until"] == "2026-05-19"


def test_a_quiet_day_is_a_letter_too(cast: Cast) -> None:
    live(cast)
    letter = compose(cast, "en")
    assert "Nothing moved beyond chance." in letter.text
    assert letter.document["findings"] == []
    week = compose(cast, "en", document={"every": "week"})
    assert week.document["since"] == "2026-05-13"


def test_a_letter_speaks_the_language_of_who_gets_it(cast: Cast) -> None:
    live(cast)
    letter = compose(cast, "fr")
    assert "19 mai 2026" in letter.title
    assert 'lang="fr"' in letter.html


def test_what_people_called_things_stays_text(cast: Cast) -> None:
    cast.stores.accounts.rename_project(cast.project, "<b>&<!channel>|x")
    letter = compose(cast, "en", subject="test", document={})
    assert "<b>" not in letter.html.replace("<body", "")
    assert "<!channel>" not in letter.slack
    assert "&lt;!channel&gt;" in letter.slack
