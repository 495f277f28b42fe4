"""Every page of a running server in Chromium: each language, by day and by night, on a wide screen
and on a phone, with what axe finds and with the keyboard alone. Says what is wrong, and where.

    causerie demo                                       in another terminal; prints the link
    python benchmarks/pages.py http://127.0.0.1:8787/signin/link/…
    python benchmarks/pages.py LINK --languages fr zh --only topics --pictures DIR

The link is the one-time link that a start prints. Makes an alert, a removal of nobody and a
context, so that their pages exist. Ends with 1 when something is wrong.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.chromium import Window, start_chromium
from tests.tour import (
    LANGUAGES,
    PHONE,
    WIDE,
    Size,
    access_faults,
    colour_faults,
    fill,
    keyboard_faults,
    layout_faults,
    paths,
)

EMAIL, PASSWORD = "tour@example.org", "a long way around 7"
SIZES = {"1440": WIDE, "390": PHONE}
SCHEMES = ("light", "dark")
LOOK_MS = 60_000
"""How long a page may take on a machine that has other work to do."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("link", help="the one-time link that a first start prints")
    parser.add_argument("--languages", nargs="*", choices=LANGUAGES, default=LANGUAGES)
    parser.add_argument("--only", default="", help="pages whose address has this in it")
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each")
    arguments = parser.parse_args()
    began, faults, looks = time.monotonic(), Counter[str](), 0
    with start_chromium() as browser:
        state, home = sign_in(browser, arguments.link)
        addresses = [one for one in find_pages(browser, state, home) if arguments.only in one]
        for language in arguments.languages:
            for width, size in SIZES.items():
                for name, found in look(browser, state, addresses, language, size, arguments):
                    looks += 1
                    for fault in found:
                        faults[fault] += 1
                        print(f"{language} {width} {name}: {fault}", flush=True)
    took = time.monotonic() - began
    print(
        f"{len(addresses)} pages, {len(arguments.languages)} languages, {len(SIZES)} widths,"
        f" {len(SCHEMES)} schemes: {looks} looks, {faults.total()} faults in {took:.0f} s"
    )
    sys.exit(1 if faults else 0)


def sign_in(browser: Browser, link: str) -> tuple[object, str]:
    """The cookies of the owner, and the address of their project."""
    window = Window(browser.new_context())
    window.context.set_default_timeout(LOOK_MS)
    window.page.goto(link)
    if window.page.get_by_label("E-mail").count():
        window.page.get_by_label("E-mail").fill(EMAIL)
    window.page.get_by_label("Password").fill(PASSWORD)
    window.page.locator("form button").first.click()
    window.page.wait_for_url("**/p/*")
    home = window.page.url
    state = window.context.storage_state()
    window.context.close()
    return state, home


def find_pages(browser: Browser, state: object, home: str) -> list[str]:
    """The address of every page, with something that is there in each."""
    window = Window(browser.new_context(storage_state=state))
    window.context.set_default_timeout(LOOK_MS)
    parts = urlsplit(home)
    server = f"{parts.scheme}://{parts.netloc}"
    places = {
        "/p/{project}": home,
        "{alert}": window.new_alert(home, "A tour"),
        "{removal}": window.new_removal(home),
        "{context}": new_context(window, server, home),
        "{id:path}": first(window, home, "conversations"),
        "{topic}": window.new_topic(home, "A tour", "parcel"),
        "{user:path}": first(window, home, "users"),
        "{endpoint}": "ep-local",
        "{set:path}": first(window, home, "evaluations", "evaluations/sets"),
        "{run}": first(window, home, "evaluations/runs"),
        "{evaluator}": window.new_evaluator(home, "A tour", "Names no price."),
    }
    window.context.close()
    # The model beside the server is not anybody's to change.
    return [fill(path, places) for path in paths() if not path.endswith("{endpoint}/edit")]


def first(window: Window, home: str, section: str, below: str = "") -> str:
    """The id of the first thing that a list has, `below` another address than its own."""
    window.page.goto(f"{home}/{section}")
    section = below or section
    begin = f"{urlsplit(home).path}/{section}/"
    found = window.page.eval_on_selector_all("main a[href]", "all => all.map(a => a.pathname)")
    named = [path.removeprefix(begin) for path in found if path.startswith(begin)]
    fixed = {path.partition(f"/{section}/")[2] for path in paths()}
    return next(name for name in named if unquote(name) not in fixed)


def new_context(window: Window, server: str, home: str) -> str:
    """The id of a context of the local model."""
    window.page.goto(f"{home}/settings/keys")
    window.page.get_by_label("Name").fill("tour")
    window.page.locator("input[name=kind][value=gateway]").check()
    window.button("Create key").click()
    token = window.page.locator(".fresh code").inner_text()
    said = [{"role": "system", "content": "You help."}]
    answer = window.page.request.post(
        f"{server}/context/create",
        data={"model": "ep-local", "messages": said, "ttl": 86400},
        headers={"Authorization": f"Bearer {token}"},
    )
    return str(answer.json()["id"])


def look(
    browser: Browser,
    state: object,
    addresses: list[str],
    language: str,
    size: Size,
    arguments: argparse.Namespace,
) -> Iterator[tuple[str, list[str]]]:
    """What is wrong with each page in one language and size, by day and by night."""
    phone = {"is_mobile": True, "has_touch": True} if size is PHONE else {}
    viewport = {"width": size.width, "height": size.height}
    window = Window(
        browser.new_context(storage_state=state, viewport=viewport, locale=language, **phone)
    )
    window.context.set_default_timeout(LOOK_MS)
    window.page.set_extra_http_headers({"Accept-Language": language})
    for address in addresses:
        window.page.goto(address)
        window.page.wait_for_load_state("networkidle")
        name = urlsplit(address).path.partition("/p/")[2].partition("/")[2] or "overview"
        for scheme in SCHEMES:
            found = [*colour_faults(window.page, scheme), *access_faults(window.page)]
            if arguments.pictures:
                take_picture(window, arguments.pictures, f"{name}-{language}-{size.width}-{scheme}")
            yield f"{scheme} {name}", found
        faults = [*layout_faults(window.page, size), *keyboard_faults(window.page), *window.faults]
        window.faults.clear()
        yield name, faults
    window.context.close()


def take_picture(window: Window, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    window.page.screenshot(path=folder / f"{name.replace('/', '_')}.png", full_page=True)


if __name__ == "__main__":
    main()
