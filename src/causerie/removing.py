"""The worker that removes, stage by stage, each noted before the next: a kill loses nothing.

What is removed is what the stores have when the work begins, and what was said before it was asked
for and comes in while it goes on. What arrives afterwards for the same user is new and is kept.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import msgspec
from msgspec.structs import replace

from causerie.accounts import Project
from causerie.conversations import trim_metadata
from causerie.delivery import Delivery
from causerie.errors import Invalid, Unavailable
from causerie.exchanges import Exchange
from causerie.ingest import pseudonym
from causerie.journal import FAILED_SUFFIX, SUFFIX, records
from causerie.recordings import Begun, Ended, decode_record
from causerie.removals import (
    STAGES,
    Check,
    Proof,
    Removal,
    Scope,
    Stage,
    Target,
    sealed,
    subject_of,
)
from causerie.store.accounts import Accounts
from causerie.store.event_removals import HIDDEN_AT_ONCE, EventRemovals
from causerie.store.removals import Removals
from causerie.store.state_removals import StateRemovals
from causerie.wording import say

USER_CHARS_MAX = 4_000
IDLE_INTERVAL_S = 10.0
RETRY_INTERVAL_S = 2.0
LOOK_INTERVAL_S = 0.2
STAGE_SECONDS_MAX = 600
"""A stage that waits for the engine longer than that is begun again."""
ROUNDS_MAX = 5
STOP_SECONDS_MAX = 10
log = logging.getLogger(__name__)


class Removing:
    """Works in a thread of its own, or by the caller's hand (`drain`). Of many processes the one
    that writes to the analytics store does it.
    """

    def __init__(
        self,
        removals: Removals,
        events: EventRemovals,
        state: StateRemovals,
        accounts: Accounts,
        delivery: Delivery,
        journals: Path,
        clock: Callable[[], datetime],
    ) -> None:
        self._removals = removals
        self._events = events
        self._state = state
        self._accounts = accounts
        self._delivery = delivery
        self._journals = journals
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="removing", daemon=True)
        self._stages: dict[Stage, Callable[[Removal, Project, Target], Removal]] = {
            Stage.HIDE: self._hide,
            Stage.ROWS: self._erase_rows,
            Stage.MARKS: self._erase_marks,
            Stage.PARTS: self._await_files,
            Stage.PAGES: self._compact,
            Stage.PROOF: self._prove,
        }

    # ---- who asks ------------------------------------------------------------------------------

    def remove_user(
        self, project: Project, user: str, tenant: str | None, asked_by: str
    ) -> Removal:
        """Ask that all of a user goes; `tenant` None means in every tenant. Raises Invalid."""
        asked = ask_for_user(self._removals, project, user, tenant, asked_by, self._clock())
        self._wake.set()
        return asked

    def remove_conversation(self, project: Project, id: str, tenant: str, asked_by: str) -> Removal:
        """Ask that a conversation goes, with the context it was held in."""
        target = Target(scope=Scope.CONVERSATION, names=(id,), tenant=tenant)
        return self._ask(project, target, id, asked_by)

    def remove_older(self, project: Project, before: datetime, asked_by: str) -> Removal:
        """Ask that all goes that ended before a moment."""
        target = Target(scope=Scope.AGE, tenant=None, before=before)
        return self._ask(project, target, before.isoformat(), asked_by)

    def _ask(self, project: Project, target: Target, name: str, asked_by: str) -> Removal:
        subject = subject_of(target.scope, name, target.tenant, project.salt)
        asked = self._removals.ask(project.id, target, subject, asked_by, self._clock())
        self._wake.set()
        return asked

    def retire(self) -> None:
        """Ask, for each project that keeps transcripts for some days only, that older ones go."""
        open_ages = {one.project for one in self._removals.open() if one.scope is Scope.AGE}
        for project in self._accounts.projects():
            if project.retention_days is None or project.id in open_ages:
                continue
            before = self._clock() - timedelta(days=project.retention_days)
            if self._events.older(project.id, before):
                self.remove_older(project, before, "retention")

    # ---- the thread ----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, first with what a kill left half done."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop at the next step: the rest is done after the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(IDLE_INTERVAL_S)
            self._wake.clear()
            try:
                self.drain()
            except Unavailable as error:
                log.warning("a removal waits: %s", error)
                self._stopping.wait(RETRY_INTERVAL_S)
            except Exception:  # the edge of a thread: it must go on, whatever one round met
                log.exception("a removal failed, trying again")
                self._stopping.wait(IDLE_INTERVAL_S)

    def drain(self, progress: Callable[[Removal], None] = lambda removal: None) -> None:
        """Do all that is asked for, in the caller's thread. Raises Unavailable, with the stage to
        be done again.
        """
        for removal in self._removals.open():
            if not self._delivery.leads():
                return
            self._finish(removal, progress)

    def _finish(self, removal: Removal, progress: Callable[[Removal], None]) -> None:
        project = self._accounts.project(removal.project)
        while removal.stage is not Stage.DONE and not self._stopping.is_set():
            assert project is not None and removal.target is not None
            try:
                removal = self._stages[removal.stage](removal, project, removal.target)
            except Unavailable as error:
                self._removals.save(replace(removal, trouble=error.message))
                raise
            removal = replace(removal, trouble="")
            self._removals.save(removal)
            progress(removal)

    # ---- the stages ----------------------------------------------------------------------------

    def _hide(self, removal: Removal, project: Project, target: Target) -> Removal:
        """From here on what arrives is new: while nobody else writes, all that is there is marked,
        and what waits is dropped.
        """
        found = HIDDEN_AT_ONCE
        while found >= HIDDEN_AT_ONCE:

            def work(renewed: Callable[[], int]) -> None:
                nonlocal removal, found
                removal = replace(removal, versions=(*removal.versions, renewed()))
                # Noted first: what a kill leaves half marked is found by it.
                self._removals.save(removal)
                waiting = self._state.waiting(project.id, target)
                found = self._events.hide_conversations(
                    project.id, target, removal.versions, waiting
                )
                keys = self._events.keys(project.id, removal.versions) | waiting
                dropped = self._state.drop_waiting(project.id, target, keys)
                forgotten = self._state.drop_identities(project.id, keys)
                removal = _counted(removal, **self._state.drop_cases(project.id, keys))
                removal = _counted(removal, waiting=dropped, identities=forgotten)
                # While it can still be read what was said, and in which contexts.
                removal = self._forget(removal, project, target)
                self._events.hide_rest(project.id, target, removal.versions)

            if not self._delivery.rewrite(work):
                raise Unavailable("another process writes to the analytics store")
        return _next(removal)

    def _forget(self, removal: Removal, project: Project, target: Target) -> Removal:
        """Contexts, what models answered, and what topics quote."""

        def known(user: str) -> set[str]:
            return aliases(user, project.salt)

        contexts = self._state.contexts_of(project.id, target, known)
        if target.scope is not Scope.AGE:
            # Those of an age have a time to live of their own.
            contexts += self._events.contexts(project.id, target, removal.versions)
        removal = _counted(removal, **self._state.drop_contexts(project.id, contexts))
        texts: list[str] = []
        if self._state.has_answers(project.id):
            texts = self._events.texts(project.id, removal.versions)
            answers = self._state.drop_answers(project.id, texts)
            quotes = self._state.drop_quotes(project.id, texts)
            removal = _counted(removal, answers=answers, quotes=quotes)
        return _counted(removal, **self._state.drop_mentions(project.id, target, texts))

    def _erase_rows(self, removal: Removal, project: Project, target: Target) -> Removal:
        marked = self._events.marked(project.id, removal.versions)
        removal = replace(removal, removed={**removal.removed, **marked})
        if not any(marked.values()):
            return replace(removal, stage=Stage.PAGES)
        self._events.erase_rows(project.id, removal.versions)
        self._await(self._events.erasing)
        left = self._events.left(project.id, removal.versions)
        if any(left.values()):
            raise Unavailable("the analytics store still has rows that it was to write anew")
        keys = self._events.keys(project.id, removal.versions)
        left["identities"] = self._state.count_identities(project.id, keys)
        left["cases"] = self._state.count_cases(project.id, keys)
        checked = tuple(Check(place, rows) for place, rows in left.items())
        return _next(replace(removal, checked=checked))

    def _erase_marks(self, removal: Removal, project: Project, target: Target) -> Removal:
        self._events.erase_marks(project.id, removal.versions)
        self._await(self._events.erasing)
        return _next(removal)

    def _await_files(self, removal: Removal, project: Project, target: Target) -> Removal:
        moment = self._events.now()
        self._await(lambda: self._events.files(moment))
        checked = (*removal.checked, Check("files of parts", self._events.files(moment)))
        return _next(replace(removal, checked=checked))

    def _compact(self, removal: Removal, project: Project, target: Target) -> Removal:
        self._state.compact()
        return _next(removal)

    def _prove(self, removal: Removal, project: Project, target: Target) -> Removal:
        self._await(lambda: sum(1 for _ in self._told(project, target, removal, SUFFIX)))
        late = self._events.late(project.id, target, removal.asked_at)
        if late and removal.rounds < ROUNDS_MAX:
            return replace(removal, stage=Stage.HIDE, rounds=removal.rounds + 1)
        named = self._events.named(project.id, target, max(removal.versions))
        marks = sum(self._events.marked(project.id, removal.versions).values())
        contexts = self._state.contexts_of(
            project.id, target, lambda user: aliases(user, project.salt)
        )
        checked = (
            *removal.checked,
            Check("any table, by name", named + late),
            Check("marks", marks),
            Check("contexts", len(contexts)),
            Check("journal", len(list(self._told(project, target, removal, FAILED_SUFFIX)))),
        )
        proof = Proof(
            id=removal.id,
            project=project.id,
            scope=removal.scope,
            subject=removal.subject,
            before=removal.before,
            asked_by=removal.asked_by,
            asked_at=removal.asked_at,
            done_at=self._clock(),
            removed=removal.removed,
            checked=checked,
        )
        return replace(
            removal,
            stage=Stage.DONE,
            target=None,
            checked=checked,
            done_at=proof.done_at,
            proof=sealed(proof, project.salt),
        )

    def _await(self, left: Callable[[], int]) -> None:
        end = monotonic() + STAGE_SECONDS_MAX
        while left():
            if monotonic() > end or self._stopping.wait(LOOK_INTERVAL_S):
                raise Unavailable("the analytics store has not yet written its parts anew")

    def _told(
        self, project: Project, target: Target, removal: Removal, suffix: str
    ) -> Iterator[Exchange]:
        """What journals still tell of the target from before it was asked for."""
        for path in self._journals.glob(f"*{suffix}"):
            for exchange in _exchanges(path, project.id):
                about = target.names if target.scope is Scope.USER else ()
                same = target.tenant is None or target.tenant == exchange.tenant
                ids = (exchange.conversation, exchange.id)
                named = target.scope is Scope.CONVERSATION and set(ids) & set(target.names)
                if same and exchange.at <= removal.asked_at and (exchange.user in about or named):
                    yield exchange


def ask_for_user(
    removals: Removals,
    project: Project,
    user: str,
    tenant: str | None,
    asked_by: str,
    now: datetime,
) -> Removal:
    """Ask that all of a user goes; whoever has the stores does it. Raises Invalid."""
    if not user.strip() or len(user) > USER_CHARS_MAX:
        raise Invalid(
            say("user_id: 1 to %(most)s characters", most=USER_CHARS_MAX), field="user_id"
        )
    names = tuple(sorted(aliases(user, project.salt)))
    target = Target(scope=Scope.USER, names=names, tenant=tenant)
    subject = subject_of(Scope.USER, user, tenant, project.salt)
    return removals.ask(project.id, target, subject, asked_by, now)


def aliases(user: str, salt: bytes) -> set[str]:
    """The forms in which a user's id may be kept: as it was sent, cut, or as a pseudonym."""
    kept = trim_metadata({"user_id": user})[0]["user_id"]
    return {user, kept, pseudonym(user, salt)}


def _next(removal: Removal) -> Removal:
    return replace(removal, stage=STAGES[removal.step + 1])


def _counted(removal: Removal, **more: int) -> Removal:
    """With what was removed from some places more."""
    sums = {place: removal.removed.get(place, 0) + count for place, count in more.items()}
    return replace(removal, removed={**removal.removed, **sums})


def _exchanges(path: Path, project: str) -> Iterator[Exchange]:
    try:
        for raw in records(path):
            record = decode_record(raw)
            if isinstance(record, Begun | Ended) and record.recording.project == project:
                yield record.recording.exchange
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", path.name, error)
