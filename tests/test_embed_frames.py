"""Embeds in real frames: a page of another site has them, in real Chromium, if it may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Frame, expect

from causerie.views import PAGES
from causerie.web.embed_pages import NOT_EMBEDDED
from tests.chromium import Window, start_chromium
from tests.conftest import Cast
from tests.embed_cast import House
from tests.tour import PHONE, WIDE, Size, access_faults

SHOWN = [page for page in PAGES if page not in NOT_EMBEDDED]
REACH = "() => [document.documentElement.scrollWidth, innerWidth]"


class Site:
    """Somebody's app: one page, which frames whatever it is told to."""

    def __init__(self) -> None:
        self.framed = ""
        site = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                if self.path == "/":
                    frame = f'<iframe title="Analytics" src="{site.framed}"></iframe>'
                    look = "iframe { width: 100%; height: 1200px; border: 0 } body { margin: 0 }"
                    self.wfile.write(f"<style>{look}</style><h1>App</h1>{frame}".encode())

            def log_message(self, *said: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def served(cast: Cast) -> Iterator[str]:
    """The address of the app, on a port of this machine."""
    config = uvicorn.Config(cast.client.app, port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    sockets = [config.bind_socket()]
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    sockets[0].close()


@dataclass(frozen=True)
class Stage:
    """The server, a site that may frame it, and one that may not."""

    house: House
    server: str
    site: Site
    stranger: Site


@pytest.fixture(scope="module")
def stage(shared_cast: Cast) -> Iterator[Stage]:
    site, stranger = Site(), Site()
    house = House(shared_cast)
    house.embeds.allow(shared_cast.project, (site.origin,))
    with served(shared_cast) as server:
        yield Stage(house, server, site, stranger)
    site.close()
    stranger.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with start_chromium() as browser:
        yield browser


@contextmanager
def window(chromium: Browser, size: Size = WIDE) -> Iterator[Window]:
    """A window of somebody who has never been here, in which nothing goes wrong."""
    context = chromium.new_context(viewport={"width": size.width, "height": size.height})
    opened = Window(context)
    yield opened
    assert context.cookies() == []
    context.close()
    assert opened.faults == []


def frame(window: Window) -> Frame:
    found = window.page.frames[1]
    found.wait_for_load_state()
    return found


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_each_page_is_framed_by_a_site_that_may(
    stage: Stage, chromium: Browser, size: Size
) -> None:
    with window(chromium, size) as opened:
        for page in SHOWN:
            home = stage.house.home(stage.house.view(page), transcripts=True)
            stage.site.framed = stage.server + home
            opened.page.goto(stage.site.origin)
            inside = frame(opened)
            expect(inside.locator("main h1")).to_be_visible()
            assert inside.evaluate(REACH) == [size.width, size.width], page
            expect(inside.locator(".rail")).to_have_count(0)


def test_a_site_that_may_not_gets_nothing(stage: Stage, chromium: Browser) -> None:
    stage.stranger.framed = stage.server + stage.house.home(stage.house.view("overview"))
    with window(chromium) as opened:
        opened.page.goto(stage.stranger.origin)
        opened.page.wait_for_timeout(300)
        assert "frame-ancestors" in " ".join(opened.faults)
        assert "Overview" not in opened.page.frames[-1].content()
        opened.faults.clear()


def test_numbers_lead_to_conversations_and_back_within_the_frame(
    stage: Stage, chromium: Browser
) -> None:
    home = stage.house.home(stage.house.view("overview"), transcripts=True)
    stage.site.framed = stage.server + home
    with window(chromium) as opened:
        opened.page.goto(stage.site.origin)
        inside = frame(opened)
        inside.get_by_role("link", name="2 conversations").first.click()
        expect(inside.locator("h1")).to_have_text("Conversations")
        inside.locator("tbody .open").first.click()
        expect(inside.get_by_text(f"Said to {stage.house.a.marker}")).to_be_visible()
        inside.get_by_role("link", name="Conversations").click()
        expect(inside.locator("h1")).to_have_text("Conversations")
        assert opened.page.url.startswith(stage.site.origin)


def test_a_frame_can_be_used_by_everybody(stage: Stage, chromium: Browser) -> None:
    home = stage.house.home(stage.house.view("overview"), theme="dark")
    with window(chromium) as opened:
        opened.page.goto(stage.server + home)
        assert access_faults(opened.page) == []


def test_a_frame_whose_time_is_over_says_so(stage: Stage, chromium: Browser) -> None:
    now = stage.house.cast.clock().timestamp()
    stage.site.framed = stage.server + stage.house.home("none", exp=now)
    with window(chromium) as opened:
        opened.page.goto(stage.site.origin)
        expect(frame(opened).get_by_role("heading")).to_have_text("This has expired")
        opened.take_refusal(410)
