"""Notes on charts: what happened on a day, as members say it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.notes import Note, checked_note_day, checked_note_text, new_note_id
from causerie.store.notes import Notes
from causerie.web.signin import Doors, Visitor

PATH = "/p/{project}/notes"


class NotePages:
    """Forms alone: what is noted is shown on the pages that have charts."""

    def __init__(
        self,
        notes: Notes,
        doors: Doors,
        clock: Callable[[], datetime],
        source: random.Random,
    ) -> None:
        self._notes = notes
        self._doors = doors
        self._clock = clock
        self._source = source

    def routes(self) -> list[BaseRoute]:
        """Where the forms go."""
        return [
            Route(PATH, self.add, methods=["POST"]),
            Route(f"{PATH}/{{note}}/remove", self.remove, methods=["POST"]),
        ]

    async def add(self, request: Request) -> Response:
        """A new note."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        form = await self._doors.check_form(request, visitor)
        note = Note(
            id=new_note_id(self._source),
            project=visitor.project.id,
            day=checked_note_day(form.get("day", "")),
            text=checked_note_text(form.get("text", "")),
            by=visitor.member.email,
            created_at=self._clock(),
        )
        await run_in_threadpool(self._notes.add, note)
        return _back(visitor, form)

    async def remove(self, request: Request) -> Response:
        """Forget a note; any member may, as any may write one."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        form = await self._doors.check_form(request, visitor)
        id = request.path_params["note"]
        await run_in_threadpool(self._notes.remove, visitor.project.id, id)
        return _back(visitor, form)


def _back(visitor: Visitor, form: dict[str, str]) -> Response:
    """To the page that the form stood on, which is one of the project."""
    home, back = f"/p/{visitor.project.id}", form.get("back", "")
    is_own = back == home or back.startswith((f"{home}/", f"{home}?"))
    return RedirectResponse(back if is_own and "\\" not in back else home, 303)
