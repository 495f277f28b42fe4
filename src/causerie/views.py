"""View: a page with its filters, kept under a name and shared in its project.

It is an address: a page and its query. A span such as the last 30 days stays relative, so that a
view is always of today.
"""

from __future__ import annotations

import random
import string
from datetime import datetime

import msgspec

from causerie.errors import Invalid

VIEW_ID_CHARS = 12
VIEW_NAME_CHARS_MAX = 80
VIEW_QUERY_CHARS_MAX = 4_000
VIEWS_MAX = 200
"""Of one project."""
ALPHABET = string.ascii_letters + string.digits
PAGES = {
    "today": "/today",
    "overview": "",
    "conversations": "/conversations",
    "search": "/search",
    "topics": "/topics",
    "users": "/users",
    "engagement": "/users/engagement",
    "retention": "/users/retention",
    "risk": "/users/risk",
    "explore": "/reports",
    "funnels": "/reports/funnels",
    "sql": "/reports/sql",
}
"""The pages that can be kept, with the end of their address after that of the project."""
PAGES_BY_END = {end: page for page, end in PAGES.items()}


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One kept page."""

    id: str
    project: str
    name: str
    page: str
    """A key of `PAGES`."""
    query: str
    """As it stands in the address, without the question mark; never the number of a page."""
    by: str
    """The email of whoever kept it."""
    created_at: datetime

    @property
    def path(self) -> str:
        """Where it leads, within the server."""
        end = PAGES.get(self.page, "")
        return f"/p/{self.project}{end}{'?' if self.query else ''}{self.query}"


def new_view_id(source: random.Random) -> str:
    """A random id, which says nothing."""
    return "".join(source.choices(ALPHABET, k=VIEW_ID_CHARS))


def checked_view_name(name: str) -> str:
    """A name without blanks around it. Raises Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > VIEW_NAME_CHARS_MAX or "\0" in name:
        most = f"{VIEW_NAME_CHARS_MAX} (VIEW_NAME_CHARS_MAX)"
        raise Invalid(f"name: 1 to {most} characters are expected", field="name")
    return name


def checked_view_page(page: str) -> str:
    """A page that can be kept. Raises Invalid."""
    if page not in PAGES:
        raise Invalid(f"page: one of {', '.join(PAGES)} is expected", field="page")
    return page


def checked_view_query(query: str) -> str:
    """A query without its question mark. Raises Invalid."""
    query = query.removeprefix("?")
    printable = query.isascii() and query.isprintable() and " " not in query and "#" not in query
    if len(query) > VIEW_QUERY_CHARS_MAX or not printable:
        most = f"{VIEW_QUERY_CHARS_MAX} (VIEW_QUERY_CHARS_MAX)"
        raise Invalid(f"query: at most {most} characters of an address are expected", field="query")
    return query
