"""Links in an embed: what leads out of it is no link, what has a page in it leads there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape, unescape
from urllib.parse import unquote, urlencode

from causerie.web.user_addresses import RESERVED, user_of

ANCHOR = re.compile(r'<a\b((?:[^>"]|"[^"]*")*)>(.*?)</a>', re.DOTALL)
HREF = re.compile(r'\s(?:href|hx-get)="([^"]*)"')
CLASS = re.compile(r'\sclass="([^"]*)"')
DOOR = re.compile(r'"door": ("(?:[^"\\]|\\.)*")')
NOT_TOPICS = frozenset({"map", "new", "progress"})
Place = Callable[[str], str]


def placed(html: str, place: Place) -> str:
    """A page whose links lead where `place` says. One that leads nowhere is a plain text, or is
    left out where it is only there to lead on.
    """
    html = ANCHOR.sub(lambda found: _anchor(found, place), html)
    return DOOR.sub(lambda found: f'"door": {_json(place(json.loads(found[1])))}', html)


def _anchor(found: re.Match[str], place: Place) -> str:
    attributes, inside = found[1], found[2]
    href = HREF.search(attributes)
    if href is None:
        return found[0]
    address = unescape(href[1])
    led = place(address)
    if led == address:
        return found[0]
    if led:
        return f'<a{HREF.sub("", attributes)} href="{escape(led)}">{inside}</a>'
    kind = CLASS.search(attributes)
    if kind and not {"link", "button"}.isdisjoint(kind[1].split()):
        return ""
    return f"<a{HREF.sub('', attributes)}>{inside}</a>"


def _json(text: str) -> str:
    """As templates write it: nothing in it ends a script."""
    told = json.dumps(text)
    for letter in "<>&'":
        told = told.replace(letter, f"\\u{ord(letter):04x}")
    return told


def place_in(home: str, ends: frozenset[str], *, reads: bool) -> Place:
    """Says where a link leads from an embed at `home` that has pages at these ends: a user or a
    topic without a page leads to its conversations, and what is elsewhere nowhere (empty).
    """

    def place(address: str) -> str:
        if address.startswith("#"):
            return address
        path, mark, rest = address.partition("?")
        end = path.partition("#")[0].removeprefix(home)
        if not path.startswith(home) or end[:1] not in ("", "/"):
            return ""
        if end in ends or (reads and end.startswith("/conversations/")):
            return address
        query = (mark + rest).partition("#")[0]
        return _instead(home, end, query)

    return place


def _instead(home: str, end: str, query: str) -> str:
    part = unquote(end.rpartition("/")[2])
    if end.startswith("/topics/") and part not in NOT_TOPICS:
        return _conversations(home, query, "topic", part)
    if end.startswith("/users/") and part not in RESERVED and end.count("/") == 2:
        return _conversations(home, query, "user", user_of(part))
    return ""


def _conversations(home: str, query: str, name: str, value: str) -> str:
    kept = [pair for pair in query.removeprefix("?").split("&") if pair]
    kept = [pair for pair in kept if pair.partition("=")[0] != name]
    query = "&".join([*kept, urlencode({name: value})])
    return f"{home}/conversations?{query}"
