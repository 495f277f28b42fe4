"""The pages as people use them: real Chromium, a real server over real TLS, an unmodified client.

Every window also watches what goes wrong in it: an error on the console, a request that failed or
was refused. A test that expects one takes it from `Window.faults`; any other one fails the test.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from urllib.request import Request, urlopen

import pytest
from azure.core.exceptions import ClientAuthenticationError
from getcontext import ContextAPI
from getcontext.token import Credential
from playwright.sync_api import Browser, StorageState, expect

from causerie.conversations import trim_metadata
from causerie.testing import ServerProcess
from causerie.web.reading import TURNS_PER_PART
from tests.chromium import LOOKS, Window, painted, start_chromium, words
from tests.tour import (
    LANGUAGES,
    PHONE,
    TABLET,
    WIDE,
    Size,
    access_faults,
    colour_faults,
    fill,
    keyboard_faults,
    layout_faults,
    paths,
)

EMAIL, PASSWORD = "ada@example.org", "correct horse battery"
ENDPOINT = "ep-browser"
LOOKS_MAX, LOOK_PAUSE_MS = 240, 250
LONG = "Donaudampfschifffahrtsgesellschaft" * 8
LONG_USER = trim_metadata({"user_id": f"user-{LONG}"})[0]["user_id"]
"""As it is kept."""

Messages = list[dict[str, Any]]


Opens = Callable[..., Window]


@dataclass(frozen=True)
class Shop:
    """A project in which something was said."""

    server: ServerProcess
    address: str
    invitation: str
    context: str
    topic: str
    alert: str
    removal: str
    tests: str
    run: str
    evaluator: str

    def pages(self) -> list[str]:
        """The address of every page that a member can see."""
        places = {
            "/p/{project}": self.address,
            "{id:path}": "odd",
            "{context}": self.context,
            "{endpoint}": ENDPOINT,
            "{topic}": self.topic,
            "{alert}": self.alert,
            "{removal}": self.removal,
            "{set:path}": self.tests,
            "{run}": self.run,
            "{evaluator}": self.evaluator,
            "{user:path}": LONG_USER,
        }
        odd = f"{self.address}/conversations?user={LONG_USER}"
        runs = f"{self.address}/evaluations/compare?before={self.run}&now={self.run}"
        return [odd, f"{odd}&rating=up", runs, *(fill(path, places) for path in paths())]


# ---- what there is before a test ---------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    server = ServerProcess(folder, "--tls-self-signed", CAUSERIE_MEANING_PROCESSES="1")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with start_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def owner(server: ServerProcess, chromium: Browser) -> StorageState:
    """The cookies of whoever opened the one-time link of the first start."""
    context = chromium.new_context(ignore_https_errors=True)
    window = Window(context)
    window.page.goto(server.sign_in_link)
    window.page.get_by_label("E-mail").fill(EMAIL)
    window.page.get_by_label("Password").fill(PASSWORD)
    window.button("Begin").click()
    window.page.wait_for_url("**/p/default")
    state = context.storage_state()
    context.close()
    assert window.faults == []
    return state


@pytest.fixture(scope="module")
def windows(
    chromium: Browser, server: ServerProcess, owner: StorageState
) -> Callable[[], AbstractContextManager[Opens]]:
    """Gives what opens windows, the owner's unless `state` is None; closes them, and looks whether
    something went wrong in one.
    """

    @contextmanager
    def opening() -> Iterator[Opens]:
        opened: list[Window] = []

        def opens(size: Size = WIDE, state: Any = owner, **options: Any) -> Window:
            context = chromium.new_context(
                base_url=server.endpoint,
                ignore_https_errors=True,
                viewport={"width": size.width, "height": size.height},
                storage_state=state,
                **options,
            )
            opened.append(Window(context))
            return opened[-1]

        yield opens
        for window in opened:
            window.context.close()
        assert [fault for window in opened for fault in window.faults] == []

    return opening


@pytest.fixture
def open_window(windows: Callable[[], AbstractContextManager[Opens]]) -> Iterator[Opens]:
    with windows() as opens:
        yield opens


@pytest.fixture
def window(open_window: Opens) -> Window:
    return open_window()


@pytest.fixture(scope="module")
def shop(server: ServerProcess, chromium: Browser, owner: StorageState) -> Shop:
    """Three conversations of three people, one of them hard to lay out."""
    context = chromium.new_context(
        base_url=server.endpoint, ignore_https_errors=True, storage_state=owner
    )
    window = Window(context)
    address = window.new_project()
    token = window.new_key(address)
    invitation = window.invite(f"{LONG[:100]}@example.org", address)
    topic = window.new_topic(address, LONG[:80], f"parcel\n{LONG[:100]}")
    alert = window.new_alert(address, LONG[:100])
    send(server, token, shoes(), {"user_id": "ada", "model": "gpt-4o", "plan": "pro"})
    send(server, token, talk("My parcel is late", "Sorry", -1), {"user_id": "bob", "plan": "free"})
    odd = {"user_id": LONG_USER, "model": f"model-{LONG}", f"key-{LONG}"[:64]: LONG}
    long = talk(f"靴 {LONG}\n\n```\ncode {LONG}\n```", f"https://example.org/{LONG}")
    send(server, token, [*long, {"type": "event", "name": LONG[:100]}], odd, "odd")
    server.settle()
    wait_until_understood(window, address)
    removal = window.new_removal(address)
    tests = window.new_test_set(address, LONG[:200], odd_case())
    evaluator = window.new_evaluator(address, LONG[:60], f"The answer says {LONG}.")
    run = window.new_run(address, tests)
    context.close()
    kept = keep_context(server, address.rpartition("/")[2])
    return Shop(server, address, invitation, kept, topic, alert, removal, tests, run, evaluator)


def wait_until_understood(window: Window, address: str) -> None:
    """Look until the worker has gone through all conversations, so that pages stay as they are."""
    for _ in range(LOOKS_MAX):
        window.page.goto(f"{address}/conversations")
        # The word that each conversation has before its mood is known.
        if not window.page.locator("tbody [title='Not known yet']").count():
            return
        window.page.wait_for_timeout(LOOK_PAUSE_MS)
    pytest.fail("the conversations were not understood")


def keep_context(server: ServerProcess, project: str) -> str:
    """The id of a context behind an endpoint, both hard to lay out. No provider is asked."""
    within = ("--project", project)
    upstream = ("--upstream", "http://127.0.0.1:9/v1", "--model", f"model-{LONG}"[:200])
    server.command("endpoint", "add", LONG[:100], *upstream, "--id", ENDPOINT, *within)
    token = server.command("key", "create", "--kind", "gateway", *within)
    said = [{"role": "system", "content": f"靴 {LONG}"}]
    body = {"model": ENDPOINT, "messages": said, "user": LONG_USER}
    trust = ssl.create_default_context(cafile=server.authority)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(f"{server.endpoint}/context/create", json.dumps(body).encode(), headers)
    with urlopen(request, context=trust) as answer:
        return str(json.load(answer)["id"])


def odd_case() -> str:
    """A case that is hard to lay out, with an answer that fails in every way."""
    options = {"phrase": LONG, "context": "model_response_only"}
    case = {
        "name": LONG,
        "messages": [{"role": "user", "message": f"靴 {LONG}"}],
        "pregenerated_response": f"I apologise for the inconvenience. {LONG}" * 4,
        "metadata": {LONG[:40]: LONG},
        "evaluators": [{"evaluator": "context_contains_phrase", "options": options}],
    }
    return json.dumps(case)


def shoes() -> Messages:
    """A transcript with everything in it."""
    return [
        {"role": "system", "message": "You sell shoes."},
        {"role": "user", "message": "Do you have the blue ones?"},
        {"type": "tool", "name": "stock", "input": {"size": 43}, "observation": "two pairs left"},
        {"role": "assistant", "message": "Yes, **two** pairs.", "rating": 1},
        {"type": "event", "name": "Checkout", "metadata": {"basket": "1"}},
    ]


def talk(question: str, answer: str, rating: int = 0) -> Messages:
    return [
        {"role": "user", "message": question},
        {"role": "assistant", "message": answer, "rating": rating},
    ]


def send(
    server: ServerProcess,
    token: str,
    messages: Messages,
    metadata: dict[str, str] | None = None,
    thread: str = "",
) -> None:
    """Log a conversation as an app does that had the Context service."""
    body: dict[str, Any] = {"conversation": {"messages": messages, "metadata": metadata or {}}}
    with ContextAPI(
        credential=Credential(token),
        endpoint=server.endpoint,
        connection_verify=str(server.authority),
    ) as client:
        if thread:
            body["conversation"]["id"] = thread
            client.log.conversation_thread(body=body)
        else:
            client.log.conversation(body=body)


# ---- from the first start to the first conversation --------------------------------------------


def test_the_first_link_works_once(server: ServerProcess, open_window: Opens) -> None:
    window = open_window(state=None)
    window.page.goto(server.sign_in_link)
    expect(window.page.get_by_role("heading")).to_have_text("This link no longer works")
    window.take_refusal(410)


def test_getting_started_turns_green_when_a_client_sends_its_first_conversation(
    server: ServerProcess, window: Window
) -> None:
    project = window.new_project()
    window.button("Create an ingest key").click()
    token = window.page.locator(".copyline code").inner_text()
    expect(window.page.locator("pre").first).to_contain_text(server.endpoint)
    waiting = window.page.locator("#waiting")
    expect(waiting).to_contain_text("Waiting for your first conversation")
    before = painted(waiting)
    window.page.evaluate("window.sameDocument = true")
    send(server, token, shoes(), {"user_id": "ada"})
    expect(waiting).to_contain_text("Your first conversation has arrived.")
    assert painted(waiting) != before
    assert window.page.evaluate("window.sameDocument") is True
    window.link("Read it").click()
    expect(window.page.get_by_role("heading", level=1)).to_have_text("Do you have the blue ones?")
    window.page.goto(f"{project}/conversations")
    assert window.titles() == ["Do you have the blue ones?"]


# ---- finding and reading -------------------------------------------------------------------------


def test_conversations_are_filtered_in_the_menu(shop: Shop, window: Window) -> None:
    window.page.goto(f"{shop.address}/conversations")
    assert len(window.titles()) == 3
    window.open_menu("Filter")
    window.page.get_by_label("Metadata").fill("plan")
    window.page.get_by_label("is exactly").fill("free")
    window.button("Apply").click()
    expect(window.page.locator("tbody .open")).to_have_text(["My parcel is late"])
    window.page.get_by_label("Remove with plan free").click()
    expect(window.page.locator("tbody .open")).to_have_count(3)
    window.open_menu("Filter")
    window.page.get_by_label("Rating").select_option("Thumbs up")
    window.button("Apply").click()
    expect(window.page.locator("tbody .open")).to_have_text(["Do you have the blue ones?"])
    assert window.page.url == f"{shop.address}/conversations?rating=up"


def test_conversations_are_found_by_what_was_said_and_by_user(shop: Shop, window: Window) -> None:
    window.page.goto(f"{shop.address}/conversations")
    window.page.get_by_label("Search what was said").fill("PARCEL")
    window.page.keyboard.press("Enter")
    expect(window.page.locator(".hits .open")).to_have_text(["My parcel is late"])
    window.page.go_back()
    window.link("ada").click()
    expect(window.page.get_by_role("heading", level=1)).to_contain_text("ada")
    window.page.goto(f"{shop.address}/conversations?user=ada")
    expect(window.page.locator("tbody .open")).to_have_text(["Do you have the blue ones?"])
    window.place("Users").click()
    expect(window.page.locator("tbody .open")).to_have_text(["ada"])


def test_an_address_holds_its_filters(shop: Shop, window: Window) -> None:
    for query, found in (
        ("meta=plan:pro&rating=up", ["Do you have the blue ones?"]),
        ("user=bob", ["My parcel is late"]),
        ("text=blue%20ones", ["Do you have the blue ones?"]),
        ("model=gpt-4o", ["Do you have the blue ones?"]),
        ("user=ada&rating=down", []),
    ):
        window.page.goto(f"{shop.address}/conversations?{query}")
        assert window.titles() == found
        window.place("Overview").click()
        window.page.wait_for_url(f"{shop.address}?{query}")


def test_a_conversation_is_read(shop: Shop, window: Window) -> None:
    window.page.goto(f"{shop.address}/conversations")
    window.link("Do you have the blue ones?").click()
    page = window.page
    bubbles = page.locator("article.turn")
    expect(bubbles.locator(".body")).to_have_text(
        ["You sell shoes.", "Do you have the blue ones?", "Yes, two pairs."]
    )
    expect(bubbles.locator(".who b")).to_have_text(["System", "User", "Assistant"])
    expect(bubbles.nth(2)).to_contain_text("Rated up")
    expect(page.get_by_role("listitem").filter(has_text="Checkout")).to_contain_text("basket: 1")
    assert not page.get_by_text("two pairs left").is_visible()
    window.open_menu("Used stock")
    assert page.get_by_text("two pairs left").is_visible()
    expect(window.link("pro")).to_have_attribute("href", re.compile("meta=plan:pro$"))
    window.link("Raw JSON").click()
    assert '"name": "Checkout"' in page.locator("pre").inner_text()


def test_a_long_conversation_goes_on_as_it_is_read(server: ServerProcess, window: Window) -> None:
    project = window.new_project()
    token = window.new_key(project)
    length = TURNS_PER_PART + 20
    send(server, token, [{"role": "user", "message": f"Turn {n}"} for n in range(length)], {}, "t")
    server.settle()
    window.page.goto(f"{project}/conversations/t")
    turns = window.page.locator("article.turn")
    expect(turns).to_have_count(TURNS_PER_PART)
    turns.last.scroll_into_view_if_needed()
    expect(turns).to_have_count(length)
    expect(turns.last).to_have_text(f"Turn {length - 1}")


def test_every_number_of_the_overview_is_a_door(shop: Shop, window: Window) -> None:
    page = window.page
    page.goto(shop.address)
    expect(page.locator("p.lead")).to_contain_text("3 conversations")
    expect(page.locator("[data-chart] canvas")).to_have_count(4)
    page.locator(".tile", has_text="Users").click()
    expect(page.locator("tbody .open")).to_have_count(3)
    page.go_back()
    chart = page.locator("[data-chart]").first
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] - 20, "y": box["height"] / 2})
    page.wait_for_url(re.compile("/conversations[?]since="))
    expect(page.locator("tbody .open")).to_have_count(3)


# ---- settings ------------------------------------------------------------------------------------


def test_a_key_from_the_settings_works_until_it_is_revoked_there(
    server: ServerProcess, window: Window
) -> None:
    project = window.new_project()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    token = window.new_key(project)
    window.page.locator(".fresh").get_by_role("button", name="Copy").click()
    expect(window.button("Copied")).to_be_visible()
    assert window.page.evaluate("navigator.clipboard.readText()") == token
    send(server, token, talk("One", "Two"))
    window.page.goto(f"{project}/settings/keys")
    assert token not in window.page.content()
    window.open_menu("Revoke")
    window.button("Revoke the key").click()
    expect(window.page.get_by_role("status")).to_contain_text("The key is revoked.")
    with pytest.raises(ClientAuthenticationError):
        send(server, token, talk("Three", "Four"))
    server.settle()
    window.page.goto(f"{project}/conversations")
    assert window.titles() == ["One"]


def test_the_personal_data_filter_is_switched_off_and_on(
    server: ServerProcess, window: Window
) -> None:
    project = window.new_project()
    token = window.new_key(project)
    send(server, token, talk("Masked: eva@mail.se", "Yes"))
    window.page.goto(f"{project}/settings/privacy")
    window.open_menu("Switch it off")
    window.button("Switch the filter off").click()
    expect(window.page.get_by_role("status")).to_have_text("The personal-data filter is off.")
    send(server, token, talk("Plain: eva@mail.se", "Yes"))
    window.button("Switch it on").click()
    expect(window.page.get_by_role("status")).to_have_text("The personal-data filter is on.")
    send(server, token, talk("Again: eva@mail.se", "Yes"))
    server.settle()
    window.page.goto(f"{project}/conversations")
    titles = {title.split(":")[0]: title for title in window.titles()}
    assert sorted(titles) == ["Again", "Masked", "Plain"]
    assert [word for word, title in titles.items() if "eva@mail.se" in title] == ["Plain"]


def test_an_invited_viewer_sees_and_changes_nothing(shop: Shop, open_window: Opens) -> None:
    owner = open_window()
    viewer = open_window(state=None)
    viewer.page.goto(owner.invite("vera@example.org", shop.address))
    viewer.page.get_by_label("Password").fill(PASSWORD)
    viewer.button("Join").click()
    viewer.page.wait_for_url(shop.address)
    viewer.link("Conversations").click()
    expect(viewer.page.locator("tbody .open")).to_have_count(3)
    for tab in ("", "/keys", "/privacy", "/members"):
        viewer.page.goto(f"{shop.address}/settings{tab}")
        assert viewer.page.locator("main form").count() == 0
    # With the secret of the viewer's own forms, and still refused.
    csrf = viewer.page.locator("[name=csrf]").first.get_attribute("value") or ""
    form: dict[str, str | float | bool] = {"csrf": csrf, "masks": "off"}
    answer = viewer.page.request.post(f"{shop.address}/settings/privacy", form=form)
    assert answer.status == 403
    owner.page.goto(f"{shop.address}/settings/members")
    expect(owner.page.locator(".members")).to_contain_text("vera@example.org")


def test_signing_out_and_in(shop: Shop, open_window: Opens) -> None:
    window = open_window(state=None)
    page = window.page
    page.goto(f"{shop.address}/users?days=7")
    sign_in(window, "not my password")
    expect(page.get_by_role("alert")).to_have_text("The e-mail or the password is wrong.")
    window.take_refusal(401)
    sign_in(window, PASSWORD)
    page.wait_for_url(f"{shop.address}/users?days=7")
    window.open_menu(EMAIL)
    window.button("Sign out").click()
    page.wait_for_url("**/signin")
    page.go_back()
    page.wait_for_url("**/signin?next=**")


def sign_in(window: Window, password: str) -> None:
    window.page.get_by_label("E-mail").fill(EMAIL)
    window.page.get_by_label("Password").fill(password)
    window.button("Sign in").click()


# ---- every page ----------------------------------------------------------------------------------


def walk(open_window: Opens, shop: Shop, **options: Any) -> Iterator[Window]:
    """Every page, one after the other, in windows of this kind, each in the next language."""
    inside, outside = open_window(**options), open_window(state=None, **options)
    languages = cycle(LANGUAGES)

    def visit(window: Window, address: str) -> Window:
        window.page.set_extra_http_headers({"Accept-Language": next(languages)})
        window.page.goto(address)
        return window

    for address in shop.pages():
        yield visit(inside, address)
    for address in ("/signin", shop.invitation):
        yield visit(outside, address)
    visit(inside, "/p/none-of-mine").take_refusal(404)
    yield inside


@dataclass
class Met:
    """What is wrong with every page, by its address, and the words of each in their order."""

    layout: dict[str, list[str]] = field(default_factory=dict)
    colours: dict[str, list[str]] = field(default_factory=dict)
    access: dict[str, list[str]] = field(default_factory=dict)
    keyboard: dict[str, list[str]] = field(default_factory=dict)
    console: dict[str, list[str]] = field(default_factory=dict)
    words: list[tuple[str, str]] = field(default_factory=list)
    bare: list[tuple[str, str]] = field(default_factory=list)
    """The words without scripts."""
    useless: list[str] = field(default_factory=list)
    """Where there is a button without scripts that needs one."""

    def meet(self, window: Window, schemes: Sequence[str]) -> None:
        """Measure the page that is shown on a phone. It is made larger, day and night."""
        page, url = window.page, window.page.url
        self.words.append((url, words(page)))
        self.colours[url] = [fault for one in schemes for fault in colour_faults(page, one)]
        self.access[url] = access_faults(page)
        sizes = (PHONE, TABLET, WIDE)
        self.layout[url] = [fault for size in sizes for fault in layout_faults(page, size)]
        self.keyboard[url] = keyboard_faults(page)
        page.set_viewport_size({"width": PHONE.width, "height": PHONE.height})
        self.console[url] = list(window.faults)
        window.faults.clear()


@pytest.fixture(scope="module")
def met(shop: Shop, windows: Callable[[], AbstractContextManager[Opens]]) -> Met:
    """Each page is opened once; axe looks at every second one by night."""
    met = Met()
    with windows() as opens:
        schemes = cycle((("light", "dark"), ("dark", "light")))
        phone = {"size": PHONE, "is_mobile": True, "has_touch": True}
        for window in walk(opens, shop, **phone):
            met.meet(window, next(schemes))
        for window in walk(opens, shop, java_script_enabled=False, **phone):
            met.bare.append((window.page.url, words(window.page)))
            if window.page.locator("[data-copy]:visible, [data-keys]:visible").count():
                met.useless.append(window.page.url)
    assert len(met.words) > 10
    return met


def faults(by_page: dict[str, list[str]]) -> dict[str, list[str]]:
    return {url: found for url, found in by_page.items() if found}


def test_no_page_complains_on_the_console(met: Met) -> None:
    assert faults(met.console) == {}


def test_no_page_scrolls_sideways(met: Met) -> None:
    assert faults(met.layout) == {}


def test_every_word_can_be_read_by_day_and_by_night(met: Met) -> None:
    assert faults(met.colours) == {}


def test_no_page_keeps_out_people_with_a_disability(met: Met) -> None:
    assert faults(met.access) == {}


def test_every_page_can_be_worked_without_a_mouse(met: Met) -> None:
    assert faults(met.keyboard) == {}


def test_what_is_wrong_with_a_page_is_noticed(open_window: Opens) -> None:
    page = open_window(size=PHONE).page
    page.set_content(
        "<html lang='en'><title>Bad</title><main style='background: black; color: #222'>"
        "<button style='outline: none'></button><p style='width: 500px'>Words</p>"
        "<details class='menu'><summary>More</summary>Much</details></main></html>"
    )
    assert layout_faults(page, PHONE) == ["reaches to 508 of 390 pixels"]
    assert "light: faint: Words" in colour_faults(page, "light")
    assert "button-name: button" in access_faults(page)
    assert keyboard_faults(page) == [
        'focus not shown: button ""',
        "Enter and Escape do not open and close: More",
    ]


def test_the_dark_scheme_can_be_chosen_and_stays(shop: Shop, open_window: Opens) -> None:
    window = open_window(color_scheme="light")
    window.page.goto(shop.address)
    assert window.page.evaluate(LOOKS)["light"] > 0.8
    window.button("Light or dark").click()
    assert window.page.evaluate(LOOKS)["light"] < 0.1
    window.place("Users").click()
    assert window.page.evaluate(LOOKS)["light"] < 0.1


def test_every_page_says_the_same_without_scripts(met: Met) -> None:
    def still(pages: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """All but the log of who looked at what: this tour is in it."""
        return [page for page in pages if not page[0].endswith("/settings/audit")]

    assert still(met.bare) == still(met.words)
    assert len(still(met.words)) == len(met.words) - 1
    assert met.useless == []


def test_without_scripts_one_can_sign_in_filter_and_see_the_numbers(
    shop: Shop, open_window: Opens
) -> None:
    window = open_window(state=None, java_script_enabled=False)
    window.page.goto(f"{shop.address}/conversations")
    sign_in(window, PASSWORD)
    window.open_menu("Filter")
    window.page.get_by_label("Rating").select_option("Thumbs down")
    window.button("Apply").click()
    expect(window.page.locator("tbody .open")).to_have_text(["My parcel is late"])
    window.link("Overview").click()
    numbers = window.page.get_by_role("region", name="Conversations, numbers")
    expect(numbers).to_be_hidden()
    window.page.locator("summary", has_text="Numbers").first.click()
    expect(numbers).to_be_visible()


# ---- keys ----------------------------------------------------------------------------------------


def test_a_query_is_typed_run_and_drawn(shop: Shop, window: Window) -> None:
    page = window.page
    page.goto(f"{shop.address}/reports/sql")
    box = page.get_by_label("Query")
    box.fill("SELECT , count() AS n FROM conversations GROUP BY ALL")
    box.evaluate("box => box.setSelectionRange(7, 7)")
    page.get_by_text("conversations", exact=True).first.click()
    page.locator("dl").get_by_text("user", exact=True).first.click()
    expect(box).to_have_value("SELECT user, count() AS n FROM conversations GROUP BY ALL")
    page.get_by_label("Show as").select_option("bars")
    box.press("Control+Enter")
    expect(page.locator("[data-sql-chart] canvas")).to_be_visible()
    assert "sql=SELECT" in page.url
    box.fill("SELECT user,\n  nothing\nFROM users")
    box.press("Control+Enter")
    expect(page.get_by_text("line 2, column 3")).to_be_visible()
    page.wait_for_function("box => box.selectionStart === 15", arg=box.element_handle())
    # That a wrong query is answered by 400 is what was asked for.
    window.faults.clear()


def test_pages_are_worked_by_keyboard(shop: Shop, window: Window) -> None:
    page, keyboard = window.page, window.page.keyboard
    page.goto(f"{shop.address}/conversations")
    keyboard.press("/")
    expect(page.get_by_label("Search what was said")).to_be_focused()
    keyboard.type("parcel")
    keyboard.press("Enter")
    expect(page.locator(".hits .open")).to_have_text(["My parcel is late"])
    keyboard.press("j")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("My parcel is late")
    keyboard.press("g")
    keyboard.press("u")
    page.wait_for_url(f"{shop.address}/users")
    keyboard.press("g")
    keyboard.press("t")
    page.wait_for_url(f"{shop.address}/topics")
    keyboard.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_first_tab_leads_past_the_navigation(shop: Shop, window: Window) -> None:
    page = window.page
    page.goto(f"{shop.address}/users")
    page.keyboard.press("Tab")
    skip = window.link("Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("main :focus")).to_have_count(1)
