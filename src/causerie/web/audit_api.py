"""The audit by key: who has read what."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.accounts import Access
from causerie.auditing import Auditing
from causerie.errors import Invalid
from causerie.store.audit import PAGE_ENTRIES, AuditLog
from causerie.web.audit_questions import COLUMNS, row_of, sought_of
from causerie.web.audited import note
from causerie.web.downloads import download
from causerie.web.edge import JSONResponse, Keys

LIMIT_MAX = 1_000
FORMATS = ("json", "csv", "parquet")


class AuditAPI:
    """Takes an admin key."""

    def __init__(self, keys: Keys, log: AuditLog, auditing: Auditing) -> None:
        self._keys = keys
        self._log = log
        self._auditing = auditing

    def routes(self) -> list[Route]:
        """Its address."""
        return [Route("/api/v1/audit", self.entries)]

    def entries(self, request: Request) -> Response:
        """Entries, the newest first; `next_before` leads to those before them."""
        project, given = self._keys.find(request, Access.ADMIN)[1], request.query_params
        sought, limit = sought_of(project, given), _limit(given.get("limit", ""))
        kind = given.get("format", "json")
        if kind not in FORMATS:
            raise Invalid(f"format: {', '.join(FORMATS)}", field="format")
        self._auditing.flush()
        found = self._log.page(sought, limit)
        rows = [row_of(entry) for entry in found]
        if kind != "json":
            return download(kind, f"{project.id}-audit", COLUMNS, rows)
        note(rows=len(rows))
        more = found[-1].seq if len(found) == limit else None
        return JSONResponse({"entries": rows, "next_before": more})


def _limit(text: str) -> int:
    if not text:
        return PAGE_ENTRIES
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LIMIT_MAX):
        raise Invalid(f"limit: 1 to {LIMIT_MAX}", field="limit")
    return int(text)
