"""Chromium as the tests use it: windows that note what goes wrong, and what is measured in them."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

LOOK_MS_MAX = 10_000
REMOVAL_MS_MAX = 60_000
CLOCK = re.compile(r"\d\d:\d\d|\d+\s?(?:min\b|分钟)")
"""What has moved on when a page is looked at once more: the time, and what is left of an hour."""
SCRIPTED = "[data-copy], [data-from-file], noscript"
REFUSED = "Failed to load resource"


@contextmanager
def start_chromium() -> Iterator[Browser]:
    """Chromium without a screen. Fails the test where there is none."""
    name = os.environ.get("CHROMIUM") or "chromium"
    program = shutil.which(name)
    if program is None:
        pytest.fail(
            f"These tests need Chromium, and there is no {name!r} here: install it (on Debian: "
            "apt-get install chromium) or set CHROMIUM to the path of one."
        )
    expect.set_options(timeout=LOOK_MS_MAX)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


class Window:
    """A browser of one person: nobody else's cookies, and a list of what went wrong."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.faults: list[str] = []
        context.set_default_timeout(LOOK_MS_MAX)
        context.on("console", lambda said: self._note(said.text, said.type == "error"))
        context.on("weberror", lambda fault: self._note(str(fault.error)))
        context.on("requestfailed", self._note_failed)
        context.on("response", lambda got: self._note(f"{got.status} {got.url}", got.status >= 400))
        self.page: Page = context.new_page()

    def _note(self, fault: str, is_one: bool = True) -> None:
        if is_one:
            self.faults.append(fault)

    def _note_failed(self, request: Request) -> None:
        # A page that is left gives up what it was waiting for.
        self._note(f"{request.failure} {request.url}", request.failure != "net::ERR_ABORTED")

    def take_refusal(self, status: int) -> None:
        """Expect that a page was refused with this status, and nothing else."""
        self.page.wait_for_load_state()
        assert len(self.faults) == 2, self.faults
        refused, said = self.faults
        assert refused.startswith(f"{status} ") and said.startswith(REFUSED)
        self.faults.clear()

    def button(self, name: str) -> Locator:
        """The button of that name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        """The link of that name."""
        return self.page.get_by_role("link", name=name, exact=True)

    def place(self, name: str) -> Locator:
        """The link of that name beside the page, which leads to one of the places."""
        return self.page.get_by_role("navigation").first.get_by_role("link", name=name, exact=True)

    def open_menu(self, name: str) -> None:
        """Open the menu whose button says that."""
        self.page.locator("summary").filter(has_text=re.compile(rf"^\s*{re.escape(name)}")).click()

    def titles(self) -> list[str]:
        """The conversations of the list that is shown."""
        return self.page.locator("tbody .open").all_inner_texts()

    def new_project(self) -> str:
        """The address of a project that no other test has; its first page is shown."""
        self.page.goto("/p/default/settings")
        self.page.get_by_label("New project").fill(f"Project {uuid.uuid4().hex[:12]}")
        self.button("Create").click()
        self.page.wait_for_url("**/start")
        return self.page.url.removesuffix("/start")

    def new_key(self, project: str) -> str:
        """A key to send with, made in the settings."""
        self.page.goto(f"{project}/settings/keys")
        self.page.get_by_label("Name").fill("shop backend")
        self.button("Create key").click()
        return self.page.locator(".fresh code").inner_text()

    def new_topic(self, address: str, name: str, words: str) -> str:
        """The id of a topic that was kept, which finds those words."""
        self.page.goto(f"{address}/topics/new")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Words, one to a line").fill(words)
        self.button("What would it find?").click()
        expect(self.page.get_by_text("of the latest")).to_be_visible()
        self.button("Keep the topic").click()
        self.page.wait_for_url(f"{address}/topics/*?done=defined")
        return self.page.url.rpartition("/")[2].partition("?")[0]

    def new_alert(self, address: str, name: str) -> str:
        """The id of an alert on how many conversations there are, which does not fire."""
        self.page.goto(f"{address}/reports/alerts/new?metric=conversations&threshold=1000000")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.button("Keep the alert").click()
        self.page.wait_for_url(re.compile(rf"{re.escape(address)}/reports/alerts/(?!new)."))
        return self.page.url.rpartition("/")[2].partition("?")[0]

    def new_test_set(self, address: str, name: str, case: str) -> str:
        """The last part of the address of a test set with one case, as JSON."""
        self.page.goto(f"{address}/evaluations/new")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Cases", exact=True).fill(case)
        self.button("Make the test set").click()
        self.page.wait_for_url("**/evaluations/sets/*")
        return self.page.url.rpartition("/")[2].partition("?")[0]

    def new_run(self, address: str, name: str) -> str:
        """The id of a run of a test set, that is over; `name` is the last part of its address."""
        self.page.goto(f"{address}/evaluations/sets/{name}")
        self.button("Start the run").click()
        self.page.wait_for_url("**/evaluations/runs/*")
        expect(self.page.locator("#answers")).to_be_visible(timeout=REMOVAL_MS_MAX)
        return self.page.url.rpartition("/")[2]

    def new_evaluator(self, address: str, name: str, instructions: str) -> str:
        """The identifier of an evaluator that asks a model."""
        self.page.goto(f"{address}/evaluations/evaluators/new")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("When does an answer pass?").fill(instructions)
        self.button("Create evaluator").click()
        self.page.wait_for_url("**/evaluators?done=made")
        return self.page.locator(".rows code").first.inner_text()

    def new_removal(self, address: str) -> str:
        """The id of a removal that is done, of a user of whom nothing is known."""
        self.page.goto(f"{address}/settings/privacy/data")
        self.page.get_by_label("User ID").fill("nobody")
        self.button("Delete the user").click()
        self.page.wait_for_url(re.compile(r"/privacy/data/[^?]+"))
        expect(self.page.get_by_role("link", name="The proof as JSON")).to_be_visible(
            timeout=REMOVAL_MS_MAX
        )
        return self.page.url.rpartition("/")[2].partition("?")[0]

    def invite(self, email: str, project: str) -> str:
        """The link that makes somebody a viewer."""
        self.page.goto(f"{project}/settings/members")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Role", exact=True).select_option("Viewer")
        self.button("Make a link").click()
        return self.page.locator(".fresh code").inner_text()


def painted(place: Locator) -> dict[str, str]:
    """The colours of an element."""
    script = "e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor]; }"
    colour, background = place.evaluate(script)
    return {"colour": colour, "background": background}


def words(page: Page) -> str:
    """The words of a page, but for how long ago things were and for what only a script can do."""
    main = page.locator("main").inner_text()
    for ago in page.locator("main time").all_inner_texts():
        main = main.replace(ago, "")
    for button in page.locator(f"main :is({SCRIPTED})").all_inner_texts():
        main = main.replace(button, "")
    return " ".join(CLOCK.sub("", main).split())


# The page's width, and how far anything in it reaches that can be neither scrolled to nor ends in
# an ellipsis; with each of its menus open in turn. What sticks out to the left is never reached.
# Charts take their new width in the frame after the window's.
WIDTH = """async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    await frame();
    const kept = (element) => {
        const parent = element.parentElement;
        return parent && (getComputedStyle(parent).overflowX !== "visible" || kept(parent));
    };
    const reach = () => {
        const shown = [...document.querySelectorAll("main *")].filter((e) => e.checkVisibility());
        const boxes = shown.filter((e) => !kept(e)).map((e) => e.getBoundingClientRect());
        if (boxes.some((box) => box.left < 0)) return Infinity;
        const rights = boxes.map((box) => Math.floor(box.right));
        return Math.max(document.documentElement.scrollWidth, ...rights);
    };
    const reached = [reach()];
    for (const details of document.querySelectorAll("details:not([open])")) {
        details.open = true;
        reached.push(reach());
        details.open = false;
    }
    return Math.max(...reached);
}"""


# How light the page is behind its words, from 0 to 1, and those of its words whose contrast to
# what is behind them is under 4.5.
LOOKS = """() => {
    const options = { willReadFrequently: true };
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", options);
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => linear(v / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const over = (top, under) =>
        [0, 1, 2].map((i) => (top[i] * top[3] + under[i] * (255 - top[3])) / 255);
    const behind = (element) => {
        if (!element) return [255, 255, 255];
        const own = rgba(getComputedStyle(element).backgroundColor);
        return own[3] === 255 ? own.slice(0, 3) : over(own, behind(element.parentElement));
    };
    const contrast = (element) => {
        const back = behind(element);
        const ink = over(rgba(getComputedStyle(element).color), back);
        const [less, more] = [light(ink), light(back)].sort((a, b) => a - b);
        return (more + 0.05) / (less + 0.05);
    };
    const faint = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        const words = texts.currentNode.textContent.trim();
        if (!words || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.closest("script, noscript, [aria-disabled], .sr, .skip")) continue;
        if (contrast(element) < 4.5) faint.push(words.slice(0, 40));
    }
    return { light: light(behind(document.body)), faint };
}"""
