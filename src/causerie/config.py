"""Settings: the only reader of the environment. Every variable stands in docs/settings.md."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from causerie.errors import Invalid

FLUSH_INTERVAL_MS_MAX = 60_000
MEANING_PROCESSES_MAX = 64
PORT_MAX = 65_535
SQL_SECONDS_MAX = 60
SQL_MEMORY_MB_MIN = 50
SWITCH = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
AUDIT_ADDRESSES = ("full", "network", "none")
WHEN_BUSY = ("refuse", "retry", "wait")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Settings:
    """What the operator chose. A field `flush_interval_ms` is read from
    `CAUSERIE_FLUSH_INTERVAL_MS`; a secret may come from a file named by `…_FILE`.
    """

    data: Path = Path("data")
    """Folder of the embedded stores, the TLS files, `secret.key` and nothing else."""
    host: str = "127.0.0.1"
    port: int = 8123
    public_url: str = ""
    """What people and clients type to reach the server; by default scheme, host and port."""
    events_url: str = ""
    """`clickhouse://user:password@host:8123/database`, or nothing for the embedded engine."""
    events_read_url: str = ""
    """The same for typed SQL alone, as a user who may do nothing but read; by default `events_url`.
    """
    events_cluster: str = ""
    """Name of the ClickHouse cluster to spread the tables over, or nothing for one server."""
    state_url: str = ""
    """`postgresql://user:password@host/database`, or nothing for SQLite in the data folder."""
    secret: str = field(default="", repr=False)
    """Encrypts the upstream keys of endpoints; if none, one is made in the data folder."""
    tls_certificate: str = ""
    tls_key: str = ""
    flush_interval_ms: int = 500
    """How long the delivery worker waits for more before it moves what is in the inbox."""
    meaning_processes: int = min(2, os.cpu_count() or 1)
    """How many processes understand what comes in; 0 leaves it without meaning."""
    when_busy: str = "refuse"
    """What a second call of a busy session gets: `refuse`, `retry` or `wait`."""
    ark_limits: bool = False
    """Refuse the times to live that Ark refuses, instead of keeping contexts as asked."""
    open_project: str = ""
    """Id of the project whose gateway answers without a key, or nothing for none."""
    audit_addresses: str = "full"
    """What the audit keeps of a client's address: `full`, its `network`, or `none` of it."""
    sql_seconds: int = 10
    """How long a query that somebody types may take."""
    sql_memory_mb: int = 500
    """How much memory it may take; as many as two run at once."""
    mail_server: str = field(default="", repr=False)
    """`smtps://user:password@host`, or `smtp://` for STARTTLS: takes mails of projects without one
    of their own.
    """
    mail_from: str = ""
    """The e-mail address that those mails are from."""
    private_addresses: bool = False
    """Whether webhooks and mail servers of projects may be on this machine or in its networks."""
    log_level: str = "info"

    @property
    def embedded(self) -> bool:
        """Whether the analytics engine runs inside this process."""
        return not self.events_url

    @property
    def state_address(self) -> str:
        """The state store's address as SQLAlchemy takes it."""
        if not self.state_url:
            return f"sqlite:///{(self.data / 'state.db').resolve()}"
        scheme, _, rest = self.state_url.partition("://")
        return (
            f"postgresql+psycopg://{rest}"
            if scheme in ("postgresql", "postgres")
            else self.state_url
        )

    @property
    def base_url(self) -> str:
        """Address to show people, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.tls_certificate else "http"
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def overriding(self, **given: Any) -> Settings:
        """These settings with those of `given` that are not None, checked."""
        changed = {name: value for name, value in given.items() if value is not None}
        return check(replace(self, **changed))


SECRETS = ("events_url", "events_read_url", "state_url", "secret", "mail_server")
VARIABLES = {name: f"CAUSERIE_{name.upper()}" for name in Settings.__dataclass_fields__}


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment. Raises Invalid, naming the variable, on a bad value."""
    given: dict[str, Any] = {}
    for name, variable in VARIABLES.items():
        text = _text(environ, variable, secret=name in SECRETS)
        if text is not None:
            given[name] = _convert(variable, text, type(getattr(Settings(), name)))
    return check(Settings(**given))


def _text(environ: Mapping[str, str], variable: str, *, secret: bool) -> str | None:
    file = environ.get(f"{variable}_FILE") if secret else None
    if not file:
        return environ.get(variable)
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise Invalid(f"{variable}_FILE cannot be read: {error}", field=variable) from error


def _convert(variable: str, text: str, kind: type) -> Any:
    try:
        return SWITCH[text.strip().lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise Invalid(f"{variable} is not {kind.__name__}: {text!r}", field=variable) from error


def check(settings: Settings) -> Settings:
    """The same settings. Raises Invalid when they contradict each other."""
    if not 0 <= settings.port <= PORT_MAX:
        raise Invalid(f"CAUSERIE_PORT is not between 0 and {PORT_MAX}", field="port")
    if not 1 <= settings.flush_interval_ms <= FLUSH_INTERVAL_MS_MAX:
        raise Invalid(
            f"CAUSERIE_FLUSH_INTERVAL_MS is not between 1 and {FLUSH_INTERVAL_MS_MAX}",
            field="flush_interval_ms",
        )
    if not 0 <= settings.meaning_processes <= MEANING_PROCESSES_MAX:
        raise Invalid(
            f"CAUSERIE_MEANING_PROCESSES is not between 0 and {MEANING_PROCESSES_MAX}",
            field="meaning_processes",
        )
    if not 1 <= settings.sql_seconds <= SQL_SECONDS_MAX:
        raise Invalid(
            f"CAUSERIE_SQL_SECONDS is not between 1 and {SQL_SECONDS_MAX}", field="sql_seconds"
        )
    if settings.sql_memory_mb < SQL_MEMORY_MB_MIN:
        raise Invalid(f"CAUSERIE_SQL_MEMORY_MB is under {SQL_MEMORY_MB_MIN}", field="sql_memory_mb")
    if settings.log_level not in LOG_LEVELS:
        raise Invalid(f"CAUSERIE_LOG_LEVEL is none of {', '.join(LOG_LEVELS)}", field="log_level")
    if settings.audit_addresses not in AUDIT_ADDRESSES:
        known = ", ".join(AUDIT_ADDRESSES)
        raise Invalid(f"CAUSERIE_AUDIT_ADDRESSES is none of {known}", field="audit_addresses")
    if settings.when_busy not in WHEN_BUSY:
        raise Invalid(f"CAUSERIE_WHEN_BUSY is none of {', '.join(WHEN_BUSY)}", field="when_busy")
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise Invalid(
            "CAUSERIE_TLS_CERTIFICATE and CAUSERIE_TLS_KEY go together", field="tls_certificate"
        )
    if settings.events_cluster and settings.embedded:
        raise Invalid("CAUSERIE_EVENTS_CLUSTER needs CAUSERIE_EVENTS_URL", field="events_cluster")
    _check_address("events_url", settings.events_url, ("clickhouse", "clickhouses"))
    _check_address("state_url", settings.state_url, ("postgresql", "postgres", "sqlite"))
    return settings


def _check_address(name: str, address: str, schemes: Sequence[str]) -> None:
    """Never says the address itself: it may hold a password."""
    if not address:
        return
    scheme = address.partition("://")[0]
    if scheme not in schemes:
        starts = " or ".join(f"{scheme}://" for scheme in schemes if scheme != "postgres")
        raise Invalid(f"{VARIABLES[name]} starts with {starts}", field=name)
    if scheme != "sqlite" and not _is_understood(address):
        raise Invalid(
            f"{VARIABLES[name]} cannot be understood; in a user or password, characters such as "
            "@ and / are percent-encoded",
            field=name,
        )


def _is_understood(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.port != 0 and "@" not in parts.path + parts.query + parts.fragment
    except ValueError:
        return False
