"""What a language model has answered, and how often it was asked, in the state store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, or_, select, update

from causerie.judging import Inquiry, Verdict
from causerie.store.state import insert_into, slices, transaction
from causerie.store.state_schema import asking_days, verdicts

Asked = tuple[str, bytes]
"""A question, and the digest of the text that it is about."""


JUDGED = ("evaluator", "evaluation")
"""How questions about answers begin."""


@dataclass(frozen=True)
class Day:
    """What a project has asked on a day."""

    calls: int = 0
    tokens: int = 0


def day_of(at: datetime) -> str:
    """A day in UTC, as it is kept."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


class Verdicts:
    """Their SQL, on either engine. Safe in threads; every method is one transaction, and raises
    Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, project: str, asked: Collection[Asked]) -> dict[Asked, Verdict]:
        """What is known already of what is to be asked."""
        by_question: dict[str, set[bytes]] = {}
        for question, digest in asked:
            by_question.setdefault(question, set()).add(digest)
        found: dict[Asked, Verdict] = {}
        with transaction(self._engine) as connection:
            for question, digests in by_question.items():
                of = select(verdicts.c.text, verdicts.c.verdict, verdicts.c.reason).where(
                    verdicts.c.project == project, verdicts.c.question == question
                )
                for some in slices(sorted(digests)):
                    rows = connection.execute(of.where(verdicts.c.text.in_(some)))
                    for text, verdict, reason in rows:
                        found[question, bytes(text)] = Verdict(verdict, reason)
        return found

    def keep(
        self, project: str, inquiry: Inquiry, verdict: Verdict, at: datetime, tokens: int = 0
    ) -> None:
        """Keep an answer for good, and count what it took."""
        row = {
            "project": project,
            "question": inquiry.question,
            "text": inquiry.digest,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "at": at,
        }
        with transaction(self._engine) as connection:
            put = insert_into(connection, verdicts).values(**row)
            same = ["project", "question", "text"]
            changed = {name: row[name] for name in ("verdict", "reason", "at")}
            connection.execute(put.on_conflict_do_update(index_elements=same, set_=changed))
            if tokens:
                spent = update(asking_days).where(*_of(project, day_of(at)))
                connection.execute(spent.values(tokens=asking_days.c.tokens + tokens))

    def reserve(self, project: str, day: str, most: int) -> bool:
        """Count a call before it is made; False, and nothing counted, when there were `most`. Of
        all processes together there are never more.
        """
        if most < 1:
            return False
        with transaction(self._engine) as connection:
            begun = insert_into(connection, asking_days).values(
                project=project, day=day, calls=1, tokens=0
            )
            counted = begun.on_conflict_do_update(
                index_elements=["project", "day"],
                set_={"calls": asking_days.c.calls + 1},
                where=asking_days.c.calls < most,
            )
            return connection.execute(counted.returning(asking_days.c.calls)).first() is not None

    def give_back(self, project: str, day: str) -> None:
        """Take back a call that reached nobody."""
        called = update(asking_days).where(*_of(project, day), asking_days.c.calls > 0)
        with transaction(self._engine) as connection:
            connection.execute(called.values(calls=asking_days.c.calls - 1))

    def day(self, project: str, day: str) -> Day:
        """What was asked on a day."""
        query = select(asking_days.c.calls, asking_days.c.tokens).where(*_of(project, day))
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        return Day() if row is None else Day(row.calls, row.tokens)

    def forget(self, project: str, question: str) -> None:
        """Forget the answers to a question that nobody asks any more."""
        of = (verdicts.c.project == project, verdicts.c.question == question)
        with transaction(self._engine) as connection:
            connection.execute(delete(verdicts).where(*of))

    def forget_judged(self, project: str) -> None:
        """Forget what judges said of answers, which they may have quoted. What is kept of it only
        saves asking again.
        """
        with transaction(self._engine) as connection:
            connection.execute(delete(verdicts).where(*judged_of(project)))


def judged_of(project: str) -> tuple[ColumnElement[bool], ...]:
    """What judges said of answers, as a condition."""
    of = or_(*(verdicts.c.question.like(f"{kind}:%") for kind in JUDGED))
    return verdicts.c.project == project, of


def _of(project: str, day: str) -> tuple[Any, Any]:
    return asking_days.c.project == project, asking_days.c.day == day
