"""Removal: a person, a conversation, or what is too old, to be taken out of every place; its proof.

What is kept of a removal says nothing about who it was for: the subject is a digest keyed by the
project's secret, and the target, which has to be known while the work goes on, is encrypted and
forgotten at its end.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from enum import StrEnum

import msgspec

DIGEST_BYTES = 16
KEPT_ELSEWHERE = (
    "copies that were downloaded or exported, backups, what clients keep in their own spool, "
    "logs of a ClickHouse or PostgreSQL server, and what model providers keep"
)


class Scope(StrEnum):
    """What is removed."""

    USER = "user"
    CONVERSATION = "conversation"
    AGE = "age"
    """Conversations that ended before a moment."""


class Stage(StrEnum):
    """How far a removal is; each may be begun again."""

    HIDE = "hide"
    """What the state store has of it goes; then nobody sees the rest, and what arrives is new."""
    ROWS = "rows"
    """The analytics store writes the parts anew that hold it."""
    MARKS = "marks"
    """And those that say what was removed."""
    PARTS = "parts"
    """The files of before are taken off the disk."""
    PAGES = "pages"
    """The state store's file is written anew."""
    PROOF = "proof"
    DONE = "done"


STAGES = tuple(Stage)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for."""

    scope: Scope
    names: tuple[str, ...] = ()
    """A user's id in the forms that may be kept, or a conversation's id."""
    tenant: str | None = ""
    """None means every tenant."""
    before: datetime | None = None
    """Of an age: exclusive."""


class Check(msgspec.Struct, frozen=True):
    """What was looked through at the end, and how much was still there."""

    place: str
    left: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What is said when a removal is done."""

    id: str
    project: str
    scope: Scope
    subject: str
    """Keyed digest of the target."""
    before: datetime | None
    asked_by: str
    """The id of a member or key, `retention`, or `command`."""
    asked_at: datetime
    done_at: datetime
    removed: dict[str, int]
    """Place to how many."""
    checked: tuple[Check, ...]
    not_covered: str = KEPT_ELSEWHERE
    seal: str = ""
    """Keyed digest of all the rest."""

    @property
    def complete(self) -> bool:
        """Whether nothing was left anywhere."""
        return not any(check.left for check in self.checked)


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """One removal, going on or done."""

    id: str
    project: str
    scope: Scope
    subject: str
    asked_by: str
    asked_at: datetime
    target: Target | None
    """Forgotten when it is done."""
    before: datetime | None = None
    stage: Stage = Stage.HIDE
    versions: tuple[int, ...] = ()
    """What the rows that mark it in the analytics store were written under."""
    rounds: int = 0
    """How often it began anew because more had come in meanwhile."""
    removed: dict[str, int] = {}
    checked: tuple[Check, ...] = ()
    done_at: datetime | None = None
    proof: Proof | None = None
    trouble: str = ""
    """Why it waits, in words."""

    @property
    def step(self) -> int:
        """How many stages are done, of `len(STAGES) - 1`."""
        return STAGES.index(self.stage)

    @property
    def found(self) -> int:
        """How many conversations it took."""
        return self.removed.get("conversations", 0)


def subject_of(scope: Scope, name: str, tenant: str | None, salt: bytes) -> str:
    """A digest that tells nobody without the project's secret who is meant."""
    said = msgspec.json.encode([scope.value, name, tenant])
    return hashlib.blake2b(said, key=salt, digest_size=DIGEST_BYTES).hexdigest()


def sealed(proof: Proof, salt: bytes) -> Proof:
    """The proof with its seal: a change of anything in it shows."""
    return msgspec.structs.replace(proof, seal=_seal(proof, salt))


def is_genuine(proof: Proof, salt: bytes) -> bool:
    """Whether the seal is that of the proof."""
    return hmac.compare_digest(proof.seal, _seal(proof, salt))


def _seal(proof: Proof, salt: bytes) -> str:
    plain = msgspec.json.encode(msgspec.structs.replace(proof, seal=""), order="deterministic")
    return hashlib.blake2b(plain, key=salt, digest_size=DIGEST_BYTES).hexdigest()
