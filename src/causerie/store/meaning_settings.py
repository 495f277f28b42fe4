"""How projects want to be understood, in the state store: one JSON document each, with the keys of
other services encrypted.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, delete, select

from causerie.judging import NO_ANSWER
from causerie.meaning_settings import MeaningSettings, Service, checked_settings
from causerie.store.accounts import hold
from causerie.store.endpoints import SEAL, check_key
from causerie.store.state import insert_into, transaction
from causerie.store.state_schema import meaning_settings, verdicts
from causerie.vault import Vault

decode = msgspec.json.Decoder(MeaningSettings).decode
encode = msgspec.json.Encoder().encode


class MeaningSettingsStore:
    """Their SQL, on either engine. Safe in threads; every method is one transaction, and raises
    Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def get(self, project: str) -> MeaningSettings:
        """A project's settings with keys in the clear; the default before any were made. Raises
        Conflict when the secret is another.
        """
        return _with_keys(self.shown(project), self._opened)

    def shown(self, project: str) -> MeaningSettings:
        """The same with sealed keys: they tell only whether there is one."""
        with transaction(self._engine) as connection:
            return _found(connection, project)

    def put(self, project: str, settings: MeaningSettings) -> MeaningSettings:
        """Keep settings, whose keys may be open or sealed; returned as `shown`. Raises Invalid,
        NotFound for the project. With another judge, what the last one could not answer is
        forgotten.
        """
        settings = checked_settings(settings)
        for field, service in (("embeddings", settings.embeddings), ("judge", settings.judge)):
            check_key(service.key, f"{field}.key")
        kept = _with_keys(settings, self._sealed)
        document = encode(kept).decode()
        with transaction(self._engine) as connection:
            hold(connection, project)
            before = _found(connection, project)
            put = insert_into(connection, meaning_settings)
            put = put.values(project=project, document=document)
            same = {"document": document}
            connection.execute(put.on_conflict_do_update(index_elements=["project"], set_=same))
            if before.judge != kept.judge:
                vain = (verdicts.c.project == project, verdicts.c.reason == NO_ANSWER)
                connection.execute(delete(verdicts).where(*vain))
        return kept

    def _sealed(self, key: str) -> str:
        return key if key.startswith(SEAL) else SEAL + self._vault.encrypt(key)

    def _opened(self, key: str) -> str:
        return self._vault.decrypt(key.removeprefix(SEAL))


def _found(connection: Connection, project: str) -> MeaningSettings:
    query = select(meaning_settings.c.document).where(meaning_settings.c.project == project)
    document = connection.execute(query).scalar()
    return MeaningSettings() if document is None else decode(document)


def _with_keys(settings: MeaningSettings, made: Callable[[str], str]) -> MeaningSettings:
    return replace(
        settings,
        embeddings=_with_key(settings.embeddings, made),
        judge=_with_key(settings.judge, made),
    )


def _with_key(service: Service, made: Callable[[str], str]) -> Service:
    return replace(service, key=made(service.key)) if service.key else service
