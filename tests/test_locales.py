"""The languages of the pages: every text is marked and translated, numbers and dates follow."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from markupsafe import Markup
from sqlalchemy import Engine

from causerie.accounts import Role
from causerie.endpoints import Endpoint, Upstream
from causerie.errors import Invalid
from causerie.store.accounts import Accounts
from causerie.store.endpoints import Endpoints
from causerie.store.sign_ins import SignIns
from causerie.store.topics import Topics
from causerie.vault import open_vault
from causerie.web import speech
from causerie.web.amounts import compact, money
from causerie.web.charts import label, title
from causerie.web.forms import sentence
from causerie.web.meaning_words import language
from causerie.web.pages import ago, day, duration, number, percent, signed
from causerie.web.speech import OFFERED, accepted, speaking
from causerie.wording import say, say_many, tell
from tests.conftest import Cast
from tests.made_calls import NOON
from tests.understood import kept_topic, understand

ROOT = Path(__file__).parents[1]
LOCALES = ROOT / "src" / "causerie" / "locales"
TRANSLATED = tuple(code for code in OFFERED if code != "en")
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|%")
TAG = re.compile(r"</?\w+")
Key = tuple[str, str]


# ---- catalogues ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every text that is marked in templates and Python, found as `scripts/translations` does."""
    file = tmp_path_factory.mktemp("texts") / "causerie.pot"
    script = (ROOT / "scripts" / "translations").read_text()
    keywords = re.findall(r"--keyword (\S+)", script)
    arguments = [argument for word in keywords for argument in ("--keyword", word)]
    mapping = ["--mapping-file", str(LOCALES / "mapping.toml"), "--no-default-keywords"]
    command = ["pybabel", "--quiet", "extract", *mapping, *arguments, "--output-file", str(file)]
    extract: Any = CommandLineInterface()
    extract.run([*command, str(ROOT / "src" / "causerie")])
    return read_po(file.read_bytes().splitlines())


@cache
def catalogue(code: str) -> Catalog:
    """What is translated."""
    lines = (LOCALES / code / "LC_MESSAGES" / "causerie.po").read_bytes().splitlines()
    return read_po(lines, locale=code)


def keys(texts: Catalog) -> set[Key]:
    return {(each.context or "", one_of(each)) for each in texts if each.id}


def one_of(message: Message) -> str:
    return message.id if isinstance(message.id, str) else str(message.id[0])


def forms(message: Message) -> list[tuple[str, str]]:
    """Each translation with the English that it stands for."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return [(str(message.id[1]), text) for text in message.string or ()]


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated_and_none_is_left_over(code: str, marked: Catalog) -> None:
    assert keys(catalogue(code)) == keys(marked)


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_translation_is_empty_or_uncertain(code: str) -> None:
    for message in catalogue(code):
        if message.id:
            assert all(text.strip() for _, text in forms(message)), message.id
            assert "fuzzy" not in message.flags, message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_text_has_the_plural_forms_of_its_language(code: str) -> None:
    texts = catalogue(code)
    assert texts.num_plurals == {"fr": 2, "es": 2, "zh": 1}[code]
    for message in texts:
        if message.pluralizable and message.id:
            assert len(message.string or ()) == texts.num_plurals, message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_placeholders_and_markup_are_those_of_the_english(code: str) -> None:
    for message in catalogue(code):
        if not message.id:
            continue
        for english, text in forms(message):
            wanted, found = (sorted(PLACEHOLDER.findall(each)) for each in (english, text))
            # One of something may leave the number out, and what only several have.
            spare = set(wanted) - set(found)
            assert set(found) <= set(wanted), (english, text)
            assert not spare or message.pluralizable, (english, text)
            assert sorted(TAG.findall(text)) == sorted(TAG.findall(english)), (english, text)


def test_punctuation_is_that_of_the_language() -> None:
    plain = [text for message in catalogue("fr") if message.id for _, text in forms(message)]
    for text in plain:
        shown = re.sub(r"<[^>]*>|https?:\S*|%\(\w+\)s", "x", text)
        assert not re.search(r"[^\u202f\s&#\w=/+{}.…’]([;!?»])|\u0020[:;!?»]", shown), text
    spanish = [text for message in catalogue("es") if message.id for _, text in forms(message)]
    assert all(("?" in text) == ("¿" in text) for text in spanish if "http" not in text)
    chinese = [text for message in catalogue("zh") if message.id for _, text in forms(message)]
    assert not [text for text in chinese if re.search(r"[\u4e00-\u9fff][;!?]", text)]


# ---- what a page is in -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de, es;q=0.5, fr;q=0.7", "fr"),
        ("zh-Hans-CN", "zh"),
        ("ZH-cn;q=0.3", "zh"),
        ("de-DE,de;q=0.9", "en"),
        ("*", "en"),
        ("fr;q=0, es", "es"),
        ("fr;q=nan, es;q=0.1", "es"),
        ("fr;q=9, es", "es"),
        (";;;,,,=\x00\udcff", "en"),
        ("x" * 100_000 + ",fr", "en"),
        ("fr," * 100_000, "fr"),
    ],
)
def test_the_browser_is_given_what_it_asks_for(header: str, code: str) -> None:
    assert accepted(header) == code


def sign_in(cast: Cast, role: Role = Role.OWNER) -> str:
    accounts, now = cast.stores.accounts, cast.clock()
    member = accounts.create_member(f"{role}@example.org", now)
    accounts.join(cast.project, member.id, role)
    token, csrf = SignIns(cast.stores.engine).create_session(member.id, now)
    cast.client.cookies.set("causerie-session", token)
    return csrf


def shown(cast: Cast, path: str = "", **headers: str) -> str:
    """The language that a page says it is in."""
    page = cast.client.get(f"/p/{cast.project}{path}", headers=headers)
    found = re.search(r'<html lang="([\w-]+)"', page.text)
    assert found, page.text
    return found[1]


def test_a_member_chooses_and_it_stays_with_them(cast: Cast) -> None:
    csrf = sign_in(cast)
    asks = {"accept-language": "es"}
    assert shown(cast, **asks) == "es"
    sent = {"csrf": csrf, "language": "zh", "next": f"/p/{cast.project}/users?days=7"}
    answer = cast.client.post("/language", data=sent, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, sent["next"])
    cast.client.cookies.delete("language")
    assert shown(cast, "/settings/you", **asks) == "zh-Hans"
    form = f"/p/{cast.project}/settings/you/language"
    cast.client.post(form, data={"csrf": csrf, "language": ""})
    assert shown(cast, **asks) == "es"
    assert cast.client.post(form, data={"csrf": csrf, "language": "xx"}).status_code == 400


def test_whoever_is_not_signed_in_has_a_choice_too(cast: Cast) -> None:
    assert '<html lang="en"' in cast.client.get("/signin").text
    cast.client.post("/language", data={"language": "fr", "next": "/signin"})
    assert '<html lang="fr"' in cast.client.get("/signin").text
    away = cast.client.post(
        "/language", data={"language": "fr", "next": "//evil.example"}, follow_redirects=False
    )
    assert away.headers["location"] == "/"


def test_a_members_form_of_another_page_changes_nothing(cast: Cast) -> None:
    sign_in(cast)
    assert cast.client.post("/language", data={"language": "fr", "csrf": "no"}).status_code == 403


def test_an_error_is_english_for_programs_and_translated_for_people() -> None:
    error = Invalid(say("choose a role"), field="role")
    assert (type(error.message), error.message) == (str, "choose a role")
    assert sentence(error.wording) == "Choose a role."
    with speaking("fr"):
        assert tell(sentence(error.wording)) == "Choisissez un rôle."
    with speaking("zh"):
        assert tell(sentence(error.wording)) == "请选择角色。"


def test_what_users_wrote_is_escaped_in_every_language() -> None:
    said = say("“%(given)s” is not a number", given="<b>%(x)s</b>")
    with speaking("fr") as now:
        assert "&lt;b&gt;%(x)s&lt;/b&gt;" in str(Markup("{}").format(said))
        assert "&lt;i&gt;" in now.gettext("Join %(name)s", name="<i>")


# ---- numbers and dates -----------------------------------------------------------------------

WRITTEN: dict[str, dict[str, Any]] = {
    "en": {
        "number": ["1,234", "12,345"],
        "percent": "81\u00a0%",
        "signed": "−0.42",
        "money": "1,234.50\u00a0USD",
        "compact": "12.3k",
        "day": "4 March 2024",
        "week": "4–10 Mar 2024",
        "weekday": "Monday 4 March 2024",
        "month": "Mar 2024",
        "ago": "3\u00a0days ago",
        "duration": "1\u00a0day 2\u00a0h",
        "language": "German",
    },
    "fr": {
        "number": ["1\u202f234", "12\u202f345"],
        "percent": "81\u00a0%",
        "signed": "−0,42",
        "money": "1\u202f234,50\u00a0USD",
        "compact": "12,3\u00a0k",
        "day": "4 mars 2024",
        "week": "4–10 mars 2024",
        "weekday": "lundi 4 mars 2024",
        "month": "mars 2024",
        "ago": "il\u00a0y\u00a0a\u00a03\u00a0jours",
        "duration": "1\u00a0jour 2\u00a0h",
        "language": "allemand",
    },
    "es": {
        "number": ["1234", "12.345"],
        "percent": "81\u00a0%",
        "signed": "−0,42",
        "money": "1234,50\u00a0USD",
        "compact": "12,3\u00a0mil",
        "day": "4 de marzo de 2024",
        "week": "4–10 mar 2024",
        "weekday": "lunes, 4 de marzo de 2024",
        "month": "mar 2024",
        "ago": "hace\u00a03\u00a0días",
        "duration": "1\u00a0día 2\u00a0h",
        "language": "alemán",
    },
    "zh": {
        "number": ["1,234", "12,345"],
        "percent": "81%",
        "signed": "−0.42",
        "money": "1,234.50\u00a0USD",
        "compact": "1.2万",
        "day": "2024年3月4日",
        "week": "2024年3月4日至10日",
        "weekday": "2024年3月4日星期一",
        "month": "2024年3月",
        "ago": "3\u00a0天前",
        "duration": "1\u00a0天 2\u00a0小时",
        "language": "德语",
    },
}


def bare(text: str) -> str:
    return re.sub(r"<[^>]*>", "", text)


@pytest.mark.parametrize("code", OFFERED)
def test_numbers_money_and_dates_are_written_as_the_language_does(code: str) -> None:
    start, now = date(2024, 3, 4), datetime(2024, 3, 8, tzinfo=UTC)
    with speaking(code):
        assert WRITTEN[code] == {
            "number": [number(1234), number(12345)],
            "percent": percent(0.806),
            "signed": signed(-0.421),
            "money": money(Decimal("1234.5"), "USD"),
            "compact": bare(str(compact(12_345))),
            "day": day(start),
            "week": title(start, "week"),
            "weekday": title(start, "day"),
            "month": label(start, "month"),
            "ago": bare(ago(now - timedelta(days=3), now)),
            "duration": duration(timedelta(hours=26)),
            "language": language("de"),
        }


def test_what_is_remembered_is_written_for_no_other_value() -> None:
    tokyo, paris = timezone(timedelta(hours=9)), timezone(timedelta(hours=1))
    moment = datetime(2026, 3, 4, 20, tzinfo=UTC)
    found = speech.speech_of("fr")
    assert found.day(moment.astimezone(tokyo)) == "5 mars 2026"
    assert found.day(moment.astimezone(paris)) == "4 mars 2026"
    assert found.decimal(0.0, "#,##0.0") == found.decimal(-0.0, "#,##0.0") == "0,0"
    assert [speech.speech_of(code).decimal(1234.5, "#,##0.0") for code in ("fr", "es", "en")] == [
        "1\u202f234,5",
        "1234,5",
        "1,234.5",
    ]


def test_plural_forms_follow_the_language() -> None:
    wordings = [say_many("%(num)s message", "%(num)s messages", count) for count in (0, 1, 2)]
    told = {}
    for code in OFFERED:
        with speaking(code):
            told[code] = [tell(one) for one in wordings]
    assert told == {
        "en": ["0 messages", "1 message", "2 messages"],
        "fr": ["0 message", "1 message", "2 messages"],
        "es": ["0 mensajes", "1 mensaje", "2 mensajes"],
        "zh": ["0 条消息", "1 条消息", "2 条消息"],
    }


# ---- no text is left out ---------------------------------------------------------------------

# What stands on pages unmarked: names of products and protocols, units, formats. What users wrote
# is Greek here, names of languages and dates are Chinese, so that any other Latin word is a text
# that somebody forgot to mark.
NAMES = re.compile(
    r"\b(?:Causerie|UTC|CSV|JSON|SQL|Parquet|PNG|ID|API|URL|USD|EUR|CNY|ms|Mine|Theirs|LangChain|"
    r"LangGraph|Haystack|Node|Python|OpenAI|Ark|curl|English|Français|Español|DAU|WAU|MAU|htmx|"
    r"context-python|async|model|tokens?|claude|gpt|ingest|read|admin|gateway|[A-Z][a-z]+/[\w/]+)\b"
)
SILENT = {"script", "style", "code", "pre", "kbd", "textarea", "mark", "datalist"}
SHOWN = ("placeholder", "title", "aria-label", "alt")
WORD = re.compile(r"[A-Za-z]{2,}")
LATIN_DATA = re.compile(
    r"[\w.+-]+@[\w.-]+|https?://\S+|\bep-[\w-]*|\b\w+_\w+\b|…\w{4}\b|\bel\b|\bmodels\.example\b|"
    # Zones, types of columns, kinds of personal data, names of models, examples of what to write.
    r"\b[A-Z][A-Za-z]+/[\w/+-]+|\b(?:String|U?Int\d+|Float\d+|DateTime64|Nullable|Array|Map|Bool|"
    r"Decimal)\b|\b(?:email|ip|iban|card|ssn|phone|secret)\b|\b(?:use-multilingual|minilm-english|"
    r"e5-multilingual|remote|gpt-4o-mini)\b|\{\W+temperature[^}]*\}|employee = .*|SELECT .*|"
    r"Please write to .* or call .*",
    re.DOTALL,
)
PATHS = (
    "",
    "/today",
    "/start",
    "/conversations",
    "/conversations?days=365&user=αβγ&rating=none&meta=κλειδί:τιμή&text=γειά",
    "/conversations?since=2026-05-01&until=2026-05-03",
    "/conversations/talk-1?days=all",
    "/users",
    "/users/αβγ?days=all",
    "/users/engagement",
    "/users/retention",
    "/users/retention?split=language",
    "/users/risk",
    "/topics",
    "/topics/map",
    "/topics/new",
    "/topics/t-kept",
    "/topics/t-kept/edit",
    "/reports",
    "/reports/sql",
    "/views",
    "/models",
    "/contexts",
    "/endpoints",
    "/endpoints/new",
    "/endpoints/ep-greek",
    "/endpoints/ep-greek/edit",
    "/settings",
    "/settings/keys",
    "/settings/privacy",
    "/settings/understanding",
    "/settings/members",
    "/settings/you",
    "/nowhere",
)


class Marks(NullTranslations):
    """Says every text in marks, as it is."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"

    def pgettext(self, context: str, message: str) -> str:
        return f"⟦{message}⟧"

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)


class Unmarked(HTMLParser):
    """What can be read on a page outside of marks."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._silent: list[str] = []
        self._depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent.append(tag)
        for name, value in attrs:
            if name in SHOWN and value:
                self._look(value, 0)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._depth = self._look(data, self._depth)

    def _look(self, text: str, depth: int) -> int:
        outside = ""
        for sign in text:
            depth += {"⟦": 1, "⟧": -1}.get(sign, 0)
            outside += sign if depth == 0 else " "
        outside = NAMES.sub(" ", LATIN_DATA.sub(" ", outside))
        if WORD.search(outside):
            self.found.append(" ".join(text.split())[:120])
        return depth


@pytest.fixture
def marking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese says every text in marks."""
    monkeypatch.setattr(speech.speech_of("zh"), "catalogue", Marks())


@pytest.fixture
def greek(cast: Cast) -> Cast:
    """A project with something on every page, all that is not ours in Greek."""
    sign_in(cast)
    cast.client.cookies.set("language", "zh")
    cast.stores.accounts.rename_project(cast.project, "Έργο")
    talk: list[dict[str, Any]] = [
        {"role": "user", "message": "Πού είναι η κάρτα μου;"},
        {"role": "assistant", "message": "Έρχεται αύριο.", "rating": 1},
        {"type": "event", "name": "Αγορά", "metadata": {"καλάθι": "1"}},
    ]
    about = {"user_id": "αβγ", "model": "μοντέλο", "κλειδί": "τιμή"}
    sent = cast.log(*talk, id="talk-1", how="/thread", metadata=about, feedback="Ωραία.")
    assert sent.status_code == 201, sent.text
    cast.settle()
    meaning = {"language": "el", "sentiment": 0.4, "signals": ("thanked",), "topics": ("t-kept",)}
    understand(cast.stores.events, cast.project, "talk-1", meaning)
    Topics(cast.stores.engine).put(kept_topic(cast.project, "t-kept", "Κάρτες"))
    add_endpoint(cast.stores.engine, cast)
    return cast


def add_endpoint(engine: Engine, cast: Cast) -> None:
    upstream = Upstream(base_url="https://models.example/v1", model="μοντέλο", key="sk-1")
    Endpoints(engine, open_vault(cast.folder, "")).add(
        Endpoint(
            project=cast.project,
            id="ep-greek",
            name="Σημείο",
            upstreams=(upstream,),
            created_at=NOON,
        )
    )


def test_no_page_shows_a_text_that_is_not_marked(greek: Cast, marking: None) -> None:
    left: dict[str, list[str]] = {}
    for path in PATHS:
        page = greek.client.get(f"/p/{greek.project}{path}")
        assert page.status_code == (404 if path == "/nowhere" else 200), path
        assert 'lang="zh-Hans"' in page.text, path
        if found := Unmarked(page.text).found:
            left[path] = found
    assert not left, "\n".join(f"{path}: {texts}" for path, texts in left.items())


def test_the_pages_before_sign_in_are_marked_too(cast: Cast, marking: None) -> None:
    cast.client.cookies.set("language", "zh")
    Accounts(cast.stores.engine).create_member("ana@example.org", cast.clock())
    for path in ("/signin", "/signin/link/a-link-that-never-was"):
        assert Unmarked(cast.client.get(path).text).found == []


def test_the_search_for_unmarked_texts_finds_one() -> None:
    html = '<p>⟦Told <b>well⟧</b> and badly</p><input placeholder="Key"><code>plain</code>'
    assert Unmarked(html).found == ["and badly", "Key"]
