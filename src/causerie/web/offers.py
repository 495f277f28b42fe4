"""Offers: the endpoints of a project as pages show them, the local model's among them."""

from __future__ import annotations

from collections.abc import Callable

from causerie.endpoints import LOCAL_ENDPOINT, Endpoint
from causerie.errors import NotFound
from causerie.store.endpoints import Endpoints
from causerie.wording import say


class Offers:
    """Which endpoints callers of a project may name. `local` gives the endpoint of the model that
    runs beside the server, if one does. Raises Unavailable when the store cannot be reached.
    """

    def __init__(self, endpoints: Endpoints, local: Callable[[str], Endpoint | None]) -> None:
        self._endpoints = endpoints
        self._local = local

    def list(self, project: str) -> list[Endpoint]:
        """The local one first, the others by name, their keys sealed."""
        local = self._local(project)
        return [*([local] if local else []), *self._endpoints.list(project)]

    def get(self, project: str, id: str) -> Endpoint:
        """One of them, its keys sealed. Raises NotFound."""
        if id == LOCAL_ENDPOINT:
            if (local := self._local(project)) is None:
                raise NotFound(say("There is no such endpoint in this project."))
            return local
        return self._endpoints.shown(project, id)

    def names(self, project: str) -> dict[str, str]:
        """By id."""
        return {endpoint.id: endpoint.name for endpoint in self.list(project)}
