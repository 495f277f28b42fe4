"""Which entries of the audit an address asks for, and entries as rows to take away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from causerie.accounts import Project
from causerie.audit import DIGESTED, Action, Entry, digest_of
from causerie.errors import Invalid
from causerie.removing import aliases
from causerie.store.audit import Sought
from causerie.wording import say
from causerie.zones import midnight

OBJECT_CHARS_MAX = 4_000
COLUMNS = (
    *("seq", "at", "project", "by_kind", "by_id", "by_name", "action", "how", "place"),
    *("object_kind", "object", "address", "detail"),
)


def sought_of(project: Project, given: Mapping[str, str]) -> Sought:
    """What is asked for: `by`, `action`, `object`, `since`, `until` (a day, inclusive), `before`.
    Raises Invalid, naming the parameter.
    """
    since, until = _day(given, "since"), _day(given, "until")
    before = given.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise Invalid("before: the number of an entry", field="before")
    return Sought(
        project.id,
        by=given.get("by", "").replace("\0", ""),
        action=_action(given.get("action", "")),
        objects=_objects(given.get("object", "").strip(), project.salt),
        since=midnight(since, project.zone) if since else None,
        until=midnight(until + timedelta(days=1), project.zone) if until else None,
        before=int(before or 0),
    )


def _action(text: str) -> Action | None:
    try:
        return Action(text) if text else None
    except ValueError as error:
        raise Invalid(f"action: {', '.join(Action)}", field="action") from error


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Invalid(say("%(name)s: a day such as 2026-05-20", name=name), field=name) from error


def _objects(id: str, salt: bytes) -> tuple[str, ...]:
    """All that may stand for an id in entries: itself, and its digests."""
    if not id or len(id) > OBJECT_CHARS_MAX or "\0" in id:
        return () if not id else ("-",)
    forms = sorted(aliases(id, salt))
    return (id, *(digest_of(kind, form, salt) for kind in DIGESTED for form in forms))


def row_of(entry: Entry) -> dict[str, Any]:
    """An entry as a file or the API has it."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "project": entry.project,
        "by_kind": entry.by.kind,
        "by_id": entry.by.id,
        "by_name": entry.by.name,
        "action": entry.action.value,
        "how": entry.how.value,
        "place": entry.place,
        "object_kind": entry.object_kind,
        "object": entry.object,
        "address": entry.address,
        "detail": entry.detail,
    }
