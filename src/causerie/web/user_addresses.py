"""Where a user's page is. Ids may be anything: one that would be taken for another page, or that a
browser would resolve as a folder, is marked.
"""

from __future__ import annotations

from urllib.parse import quote

RESERVED = frozenset({"retention", "engagement", "risk", ".", ".."})
"""What follows `/users/` and is no user."""
MARK = "~"


def user_part(user: str) -> str:
    """A user's id as the last part of an address."""
    marked = f"{MARK}{user}" if user in RESERVED or user.startswith(MARK) else user
    return quote(marked, safe="")


def user_of(part: str) -> str:
    """The id in the last part of an address, decoded."""
    return part.removeprefix(MARK)
