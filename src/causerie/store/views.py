"""Saved views in the state store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from causerie.errors import Conflict, NotFound
from causerie.store.state import transaction
from causerie.store.state_schema import views
from causerie.views import VIEWS_MAX, View


class Views:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, project: str) -> list[View]:
        """Every view of a project, by name."""
        query = select(views).where(views.c.project == project)
        with transaction(self._engine) as connection:
            found = [_view(row) for row in connection.execute(query)]
        return sorted(found, key=lambda view: (view.name.casefold(), view.id))

    def get(self, project: str, id: str) -> View:
        """One view. Raises NotFound."""
        query = select(views).where(*_one(project, id))
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"no view {id[:100]!r}", field="view")
        return _view(row)

    def add(self, view: View) -> None:
        """Keep a view. Raises Conflict when the project has one of that name, or too many."""
        with transaction(self._engine) as connection:
            of = select(func.count()).where(views.c.project == view.project)
            if (connection.execute(of).scalar() or 0) >= VIEWS_MAX:
                raise Conflict(f"a project has at most {VIEWS_MAX} (VIEWS_MAX) views")
            _check_free(connection, view.project, view.name)
            values = {name: getattr(view, name) for name in view.__struct_fields__}
            connection.execute(views.insert().values(**values))

    def rename(self, project: str, id: str, name: str) -> None:
        """Call a view otherwise. Raises NotFound; Conflict when another has that name."""
        with transaction(self._engine) as connection:
            _check_free(connection, project, name, besides=id)
            changed = views.update().where(*_one(project, id)).values(name=name)
            if not connection.execute(changed).rowcount:
                raise NotFound(f"no view {id[:100]!r}", field="view")

    def delete(self, project: str, id: str) -> None:
        """Forget a view. Raises NotFound."""
        with transaction(self._engine) as connection:
            if not connection.execute(views.delete().where(*_one(project, id))).rowcount:
                raise NotFound(f"no view {id[:100]!r}", field="view")


def _one(project: str, id: str) -> tuple[Any, Any]:
    return views.c.project == project, views.c.id == id


def _check_free(connection: Connection, project: str, name: str, besides: str = "") -> None:
    names = select(views.c.name).where(views.c.project == project, views.c.id != besides)
    # Compared here, because SQLite knows the letters of English alone.
    if any(other.casefold() == name.casefold() for (other,) in connection.execute(names)):
        raise Conflict(f"there is a view called {name!r} already", field="name")


def _view(row: Row[Any]) -> View:
    return View(**dict(row._mapping))
