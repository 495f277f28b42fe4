"""What goes wrong in a session, said once in the log, with the session's id.

SessionError
├── NotConfigured        no key, no session id, or one that cannot be
├── SessionBusy          another turn of that session did not end within the wait
├── SessionLost          the hold ran out in mid-turn and another took it: the turn is not kept
├── StoreUnavailable     where the sessions are cannot be reached, or fails
├── ModelFailed          the chain raised; `status` is its HTTP status, where it has one
└── InteractionsFailed   a group of ModelFailed, one for each prompt that got no answer
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

SESSION_CHARS_MAX = 200
log = logging.getLogger("causerie.sessions")


class SessionError(Exception):
    """Base. `session` is the id, empty where there is none. What caused it is chained."""

    def __init__(self, message: str, session: str = "") -> None:
        super().__init__(message)
        self.session = session
        self.logged = False


class NotConfigured(SessionError):
    """Something is missing that only the app can give."""


class SessionBusy(SessionError):
    """Another turn of that session did not end within the wait."""


class SessionLost(SessionError):
    """The hold ran out in the middle of the turn and another took it: the turn is not kept."""


class StoreUnavailable(SessionError):
    """Where the sessions are cannot be reached, or fails."""


class ModelFailed(SessionError):
    """The chain raised. `status` is its HTTP status, where it has one."""

    def __init__(self, message: str, session: str = "", status: int | None = None) -> None:
        super().__init__(message, session)
        self.status = status


class InteractionsFailed(ExceptionGroup[ModelFailed], SessionError):
    """Prompts that got no answer. `interactions` has all outcomes, and what they took."""

    def __new__(cls, message: str, failures: Sequence[ModelFailed], interactions: Any) -> Self:
        return super().__new__(cls, message, failures)

    def __init__(self, message: str, failures: Sequence[ModelFailed], interactions: Any) -> None:
        self.session = ""
        # Each of them is in the log already.
        self.logged = True
        self.interactions = interactions

    # A group of these alone, where Python's derives one of anything.
    def derive(self, failures: Sequence[ModelFailed]) -> InteractionsFailed:  # type: ignore[override]
        """The same for some of them."""
        return InteractionsFailed(self.message, failures, self.interactions)


@contextmanager
def reported(session: str = "") -> Iterator[None]:
    """An error that passes is in the log once, with the id of its session."""
    try:
        yield
    except SessionError as error:
        error.session = error.session or session
        report(error)
        raise


def report(error: SessionError) -> None:
    """Say it in the log, unless that was done. What the provider or the database said is not in it:
    that travels as the cause.
    """
    if not error.logged:
        error.logged = True
        log.error("session %s: %s: %s", shown(error.session), type(error).__name__, error)


def shown(session: str) -> str:
    """The id as it is in the log: in one line, of letters that every log takes."""
    name = str(session)[:SESSION_CHARS_MAX]
    return (name if name.isprintable() else ascii(name)) or "-"


@contextmanager
def answering(session: str = "") -> Iterator[None]:
    """Whatever the chain raises becomes ModelFailed."""
    try:
        yield
    except SessionError:
        raise
    except Exception as error:  # an app's chain may raise anything; nothing is swallowed
        status = getattr(error, "status_code", None)
        code = status if isinstance(status, int) else None
        said = f"{type(error).__name__}{f', status {code}' if code else ''}"
        raise ModelFailed(f"the chain gave no answer: {said}", session, code) from error
