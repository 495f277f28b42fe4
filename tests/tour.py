"""A tour of the dashboard: every page that the server has, and what is wrong with one as somebody
meets it, on a screen of some size, by day or by night, in a language, without a mouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

from playwright.sync_api import Page

from causerie.web.speech import OFFERED
from tests.chromium import LOOKS, WIDTH
from tests.test_isolation import OF_A_PROJECT

LANGUAGES = tuple(OFFERED)
LIGHTNESS = {"light": (0.8, 1.0), "dark": (0.0, 0.1)}
"""How light a page may be behind its words."""
NO_PAGES = {
    "/p/{project}/start/waiting": "a part of a page",
    "/p/{project}/topics/progress": "a part of a page",
    "/p/{project}/evaluations/runs/{run}/progress": "a part of a page",
    "/p/{project}/views/{view}": "leads to the page that was kept",
}
"""What a project has under its address that nobody opens in a window, and why."""
GRAVE = ("serious", "critical")
MENUS_MAX = 4
TABS_MORE = 8


class Size(NamedTuple):
    """Of a window, in CSS pixels."""

    width: int
    height: int


WIDE, TABLET, PHONE = Size(1440, 900), Size(820, 1180), Size(390, 844)


def paths() -> list[str]:
    """The path of every page of a project, with the names of what has to be put into it."""
    looks = [door.path for door in OF_A_PROJECT if door.method == "GET"]
    unknown = NO_PAGES.keys() - set(looks)
    if unknown:
        raise LookupError(f"no such routes: {unknown}")
    return [path for path in looks if path not in NO_PAGES]


def fill(path: str, places: Mapping[str, str]) -> str:
    """An address, from a path and what is put into it. Raises LookupError for what nobody named."""
    for place, name in places.items():
        path = path.replace(place, name)
    if "{" in path:
        raise LookupError(f"the tour has nothing to put into {path}")
    return path


# ---- what is wrong with a page -------------------------------------------------------------------


def layout_faults(page: Page, size: Size) -> list[str]:
    """Whether something reaches out of a window of that size, which it is given."""
    page.set_viewport_size({"width": size.width, "height": size.height})
    reach = page.evaluate(WIDTH)
    return [] if reach == size.width else [f"reaches to {reach} of {size.width} pixels"]


def colour_faults(page: Page, scheme: str) -> list[str]:
    """Words that can hardly be read, and a ground that is not that of the scheme."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    look = page.evaluate(LOOKS)
    least, most = LIGHTNESS[scheme]
    wrong = [] if least <= look["light"] <= most else [f"{scheme}: a ground of {look['light']}"]
    return [*wrong, *(f"{scheme}: faint: {words}" for words in look["faint"])]


@cache
def _axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text()


def access_faults(page: Page) -> list[str]:
    """What axe finds that keeps people with some disability out, or nearly so."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {node['target'][0]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


# All that a keyboard should come to, what of it has been come to, and what did not show it.
LISTEN = """() => {
    const seen = new Set(), silent = new Set();
    // Shapes show it by their edge.
    const edged = (e) => [...e.querySelectorAll("circle, rect")].some((shape) => {
        const style = getComputedStyle(shape);
        return style.stroke !== "none" && parseFloat(style.strokeWidth) >= 1.5;
    });
    const shows = (e) => {
        const style = e && getComputedStyle(e);
        return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    };
    document.addEventListener("focusin", ({ target }) => {
        seen.add(target);
        const label = target.closest("label");
        const near = [target, target.nextElementSibling, target.parentElement, label];
        if (!target.matches("main") && !near.some(shows) && !edged(target)) silent.add(target);
    });
    const name = (e) => {
        const words = e.innerText || e.name || e.ariaLabel || "";
        return `${e.tagName.toLowerCase()} "${words.trim().slice(0, 40)}"`;
    };
    const kinds = "a[href], button, input, select, textarea, summary";
    const wanted = [...document.querySelectorAll(kinds)]
        .filter((e) => e.checkVisibility({ visibilityProperty: true }))
        .filter((e) => !e.disabled && e.tabIndex >= 0 && !e.closest("[inert]"))
        // Arrows lead from one of these to the others.
        .filter((e) => e.type !== "radio" || e.checked);
    window.tour = () => ({
        missed: wanted.filter((e) => e.isConnected && !seen.has(e)).map(name),
        silent: [...silent].map(name),
    });
    return wanted.length;
}"""


def keyboard_faults(page: Page) -> list[str]:
    """What the Tab key does not lead to, or does not show; menus that Escape leaves open."""
    many = page.evaluate(LISTEN)
    for _ in range(many + TABS_MORE):
        page.keyboard.press("Tab")
    told = page.evaluate("() => window.tour()")
    return [
        *(f"never reached: {name}" for name in told["missed"]),
        *(f"focus not shown: {name}" for name in told["silent"]),
        *_menu_faults(page),
    ]


def _menu_faults(page: Page) -> list[str]:
    faults = []
    menus = page.locator("details.menu:visible > summary")
    for at in range(min(menus.count(), MENUS_MAX)):
        menu = menus.nth(at)
        menu.focus()
        page.keyboard.press("Enter")
        opened = menu.evaluate("e => e.parentElement.open")
        page.keyboard.press("Escape")
        if not opened or menu.evaluate("e => e.parentElement.open"):
            faults.append(f"Enter and Escape do not open and close: {menu.inner_text()}")
    return faults
