"""Embeds in the state store: the secret that signs them, and the sites that may frame them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, Row, select

from causerie.embeds import Embed, new_embed_secret
from causerie.store.accounts import hold
from causerie.store.embed_schema import embeds
from causerie.store.state import insert_into, transaction
from causerie.vault import Vault

HINT_CHARS = 4


class Embeds:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached. Secrets are encrypted by the vault.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def get(self, project: str) -> Embed:
        """What a project has chosen; it is off where it has not."""
        row = self._row(project)
        if row is None:
            return Embed(project=project)
        return Embed(
            project=project,
            hint=row.hint if row.secret else "",
            made_at=row.made_at if row.secret else None,
            origins=msgspec.json.decode(row.origins, type=tuple[str, ...]),
        )

    def secret(self, project: str) -> str | None:
        """What signs, or None while it is off. Raises Conflict when it was encrypted with another
        secret of the server.
        """
        row = self._row(project)
        return self._vault.decrypt(row.secret) if row is not None and row.secret else None

    def make(self, project: str, now: datetime) -> str:
        """A new secret, which ends every link that an earlier one signed. Raises NotFound for the
        project.
        """
        secret = new_embed_secret()
        self._put(
            project, secret=self._vault.encrypt(secret), hint=secret[-HINT_CHARS:], made_at=now
        )
        return secret

    def end(self, project: str) -> None:
        """Switch it off, which ends every link. Raises NotFound for the project."""
        self._put(project, secret=None, hint="", made_at=None)

    def allow(self, project: str, origins: tuple[str, ...]) -> None:
        """Say which sites may frame it. Raises NotFound for the project."""
        self._put(project, origins=msgspec.json.encode(origins).decode())

    def _row(self, project: str) -> Row[Any] | None:
        with transaction(self._engine) as connection:
            return connection.execute(select(embeds).where(embeds.c.project == project)).first()

    def _put(self, project: str, **values: Any) -> None:
        first = {"project": project, "hint": "", "origins": "[]", **values}
        with transaction(self._engine) as connection:
            hold(connection, project)
            put = insert_into(connection, embeds).values(**first)
            connection.execute(put.on_conflict_do_update(index_elements=["project"], set_=values))
