"""Note: what a person says happened on a day, shown on every chart of that time."""

from __future__ import annotations

import random
import string
from datetime import date, datetime

import msgspec

from causerie.errors import Invalid
from causerie.wording import say

NOTE_ID_CHARS = 12
NOTE_CHARS_MAX = 200
NOTES_MAX = 1_000
"""Of one project."""
ALPHABET = string.ascii_letters + string.digits


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One note."""

    id: str
    project: str
    day: date
    """In the project's time zone."""
    text: str
    by: str
    """The email of whoever wrote it."""
    created_at: datetime


def new_note_id(source: random.Random) -> str:
    """A random id, which says nothing."""
    return "".join(source.choices(ALPHABET, k=NOTE_ID_CHARS))


def checked_note_text(text: str) -> str:
    """The text in one line. Raises Invalid."""
    text = " ".join(text.split())
    if not text or len(text) > NOTE_CHARS_MAX or "\0" in text:
        raise Invalid(say("a note has 1 to %(most)s letters", most=NOTE_CHARS_MAX), field="text")
    return text


def checked_note_day(text: str) -> date:
    """A day such as 2026-05-20. Raises Invalid."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(say("choose a day"), field="day") from error
    if not 1970 <= day.year <= 2200:
        raise Invalid(say("choose a day"), field="day")
    return day
