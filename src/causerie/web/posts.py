"""Posts: forms that change something, from whom they are taken and how a refusal is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.accounts import Role
from causerie.errors import CauserieError, Conflict, Invalid
from causerie.web.forms import FORM_BYTES_MAX, sentence
from causerie.web.signin import Doors, Visitor

Form = Mapping[str, str]
Change = Callable[[Request, Visitor, Form], Response]
"""What is done with a form, in a thread."""
Refuse = Callable[[Request, Visitor, Form, CauserieError], Response]
"""The page again, with the form as it was filled in."""


def post(
    doors: Doors,
    path: str,
    needed: Role,
    change: Change,
    refuse: Refuse | None = None,
    most: int = FORM_BYTES_MAX,
) -> Route:
    """An address that takes the form of a member with at least that role, of at most so many bytes.
    What `change` raises as Invalid or Conflict is said by `refuse`, if there is one.
    """

    def attempt(request: Request, visitor: Visitor, form: Form) -> Response:
        try:
            return change(request, visitor, form)
        except (Invalid, Conflict) as error:
            if refuse is None:
                raise
            return refuse(request, visitor, form, error)

    async def answer(request: Request) -> Response:
        visitor = await run_in_threadpool(doors.enter, request, needed)
        form = await doors.check_form(request, visitor, most)
        return await run_in_threadpool(attempt, request, visitor, form)

    return Route(path, answer, methods=["POST"])


def refusal(error: CauserieError) -> dict[str, Any]:
    """What a page is told of a refused form: its status, the reason, and which field it is of."""
    status = 409 if isinstance(error, Conflict) else 400
    return {"status": status, "fault": sentence(error.wording), "field": error.field}
