"""Removal by key: a user, or a conversation; how far that is, and the proof."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.accounts import Access
from causerie.conversations import TENANT_CHARS_MAX
from causerie.errors import Invalid
from causerie.removals import STAGES, Removal, Scope, subject_of
from causerie.removing import Removing
from causerie.store.removals import Removals
from causerie.web.edge import JSONResponse, Keys

YES = ("1", "true")


class RemovalsAPI:
    """Takes an admin key. Without `tenant_id` what was logged without a tenant is meant."""

    def __init__(self, keys: Keys, removing: Removing, removals: Removals) -> None:
        self._keys = keys
        self._removing = removing
        self._removals = removals

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/api/v1/users/{user:path}", self.remove_user, methods=["DELETE"]),
            Route("/api/v1/conversations/{id:path}", self.remove_conversation, methods=["DELETE"]),
            Route("/api/v1/removals", self.removals),
            Route("/api/v1/removals/{id}", self.removal),
        ]

    def remove_user(self, request: Request) -> Response:
        """Ask that all of a user goes; with `every_tenant=true` in every tenant."""
        key, project = self._keys.find(request, Access.ADMIN)
        user, tenant = request.path_params["user"], _tenant(request)
        return JSONResponse(told(self._removing.remove_user(project, user, tenant, key.id)), 202)

    def remove_conversation(self, request: Request) -> Response:
        """Ask that a conversation goes."""
        key, project = self._keys.find(request, Access.ADMIN)
        id, tenant = request.path_params["id"], _tenant(request) or ""
        removal = self._removing.remove_conversation(project, id, tenant, key.id)
        return JSONResponse(told(removal), 202)

    def removals(self, request: Request) -> Response:
        """The latest, the newest first; with `user_id` those of that user."""
        project = self._keys.find(request, Access.ADMIN)[1]
        user = request.query_params.get("user_id")
        subject = ""
        if user is not None:
            subject = subject_of(Scope.USER, user, _tenant(request), project.salt)
        found = self._removals.list(project.id, subject)
        return JSONResponse({"removals": [told(removal) for removal in found]})

    def removal(self, request: Request) -> Response:
        """One, with its proof when it is done. Raises NotFound."""
        project = self._keys.find(request, Access.ADMIN)[1]
        return JSONResponse(told(self._removals.get(project.id, request.path_params["id"])))


def told(removal: Removal) -> dict[str, Any]:
    """A removal as the API says it."""
    return {
        "id": removal.id,
        "scope": removal.scope.value,
        "subject": removal.subject,
        "before": removal.before,
        "asked_by": removal.asked_by,
        "asked_at": removal.asked_at,
        "status": removal.stage.value,
        "steps_done": removal.step,
        "steps": len(STAGES) - 1,
        "removed": removal.removed,
        "trouble": removal.trouble,
        "done_at": removal.done_at,
        "proof": None if removal.proof is None else msgspec.to_builtins(removal.proof),
    }


def _tenant(request: Request) -> str | None:
    query = request.query_params
    tenant = query.get("tenant_id", "")
    if len(tenant) > TENANT_CHARS_MAX:
        raise Invalid(f"tenant_id: at most {TENANT_CHARS_MAX} characters", field="tenant_id")
    if query.get("every_tenant", "").lower() in YES:
        if tenant:
            raise Invalid("tenant_id and every_tenant exclude each other", field="tenant_id")
        return None
    return tenant
