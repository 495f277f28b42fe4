"""Dispatch: the worker that sends notices, and makes those of what changed when they are due.

Each notice is held by one process while it is sent, by a few threads, so that a server that does
not answer keeps nobody else waiting. What fails in passing is tried again, later each time; then
what else waits for that destination waits as long.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

import msgspec

from causerie.clock import Clock
from causerie.errors import CauserieError, NotFound, Unavailable
from causerie.mail import Mail, MailServer
from causerie.notices import WAITS, Destination, Kind, Letter, Notice, wait_after
from causerie.store.notices import Notices
from causerie.webhooks import NotSent, Webhooks, signature

INTERVAL_S = 5
SENDERS = 4
BATCH = 16
SWEEP_ROUNDS = 1_000
STOP_SECONDS_MAX = 5
NO_SERVER = (
    "there is no mail server: an owner names one under Settings, Notifications, or the operator by "
    "CAUSERIE_MAIL_SERVER"
)
Compose = Callable[[Notice, Destination, datetime], Letter]
"""Says a notice in words, in the destination's language. Raises CauserieError."""
log = logging.getLogger(__name__)


class Dispatch:
    """Sends in threads of its own, or by the caller's hand (`step`)."""

    def __init__(
        self,
        notices: Notices,
        mail: Mail,
        webhooks: Webhooks,
        server: MailServer | None,
        compose: Compose,
        holder: str,
        clock: Clock,
    ) -> None:
        self._notices = notices
        self._mail = mail
        self._webhooks = webhooks
        self._server = server
        self._compose = compose
        self._holder = holder
        self._clock = clock
        self._rounds = 0
        self._stopping = threading.Event()
        self._waking = threading.Event()
        self._senders = ThreadPoolExecutor(SENDERS, "dispatch")
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more; what is not sent is after the next start."""
        self._stopping.set()
        self._waking.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)
        self._senders.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        """There is something to send."""
        self._waking.set()

    def step(self) -> int:
        """Make what is due, send what waits, and wait until that is done; how many were taken."""
        now = self._clock()
        self._notices.announce(now)
        taken = self._notices.take(self._holder, now, BATCH)
        wait([self._senders.submit(self.send, notice) for notice in taken])
        return len(taken)

    def try_out(self, project: str, destination: str, key: str) -> Notice:
        """Send a test now, once, and what came of it. Raises NotFound."""
        self._notices.destination(project, destination)
        made = self._notices.hold(
            project, destination, key, "test", {}, self._holder, self._clock()
        )
        self.send(msgspec.structs.replace(made, attempts=len(WAITS)))
        found = self._notices.one(project, key)
        return found or made

    def send(self, notice: Notice) -> None:
        """Send one notice that is held, and write down what came of it."""
        try:
            self._deliver(notice)
        except NotFound:
            self._notices.failed(notice, self._holder, "what it is about was removed", None)
        except NotSent as error:
            self._fail(notice, error.message, permanent=error.permanent)
        except CauserieError as error:
            self._fail(notice, error.message, permanent=not isinstance(error, Unavailable))
        except Exception:  # the edge of a thread: the notice must not be lost with it
            log.exception("notice %s was not sent, trying again", notice.id)
            self._fail(notice, "something went wrong here; the log has it", permanent=False)
        else:
            self._notices.sent(notice, self._holder, self._clock())

    def _fail(self, notice: Notice, error: str, *, permanent: bool) -> None:
        pause = None if permanent else wait_after(notice.attempts + 1)
        again_at = None if pause is None else self._clock() + pause
        log.warning("notice %s was not sent: %s", notice.id, error)
        self._notices.failed(notice, self._holder, error, again_at)

    def _deliver(self, notice: Notice) -> None:
        sealed = self._notices.destination(notice.project, notice.destination)
        destination = self._notices.opened(sealed)
        letter = self._compose(notice, destination, self._clock())
        if destination.kind is Kind.EMAIL:
            server = self._notices.mail_server(notice.project)
            own = server is not None
            server = server or self._server
            if server is None:
                raise NotSent(NO_SERVER, permanent=True)
            self._mail.send(server, destination.address, letter, identity(notice), own=own)
        else:
            self._post(notice, destination, letter)

    def _post(self, notice: Notice, destination: Destination, letter: Letter) -> None:
        slack = destination.kind is Kind.SLACK
        body = msgspec.json.encode({"text": letter.slack} if slack else _envelope(notice, letter))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Causerie",
            "Idempotency-Key": identity(notice),
        }
        if destination.secret and not slack:
            at = int(self._clock().timestamp())
            headers["Causerie-Signature"] = signature(destination.secret, at, body)
        self._webhooks.post(destination.address, body, headers)

    def _run(self) -> None:
        while not self._stopping.is_set():
            taken = self._round()
            if not taken:
                self._waking.wait(INTERVAL_S)
            self._waking.clear()

    def _round(self) -> int:
        self._rounds += 1
        try:
            if self._rounds % SWEEP_ROUNDS == 1:
                self._notices.sweep(self._clock())
            return self.step()
        except CauserieError as error:
            log.warning("notices wait: %s", error)
        except Exception:  # the edge of a thread: it must go on, whatever one round met
            log.exception("notices wait")
        return 0


def identity(notice: Notice) -> str:
    """What stays the same when a notice is sent again."""
    return f"causerie-notice-{notice.id}-{int(notice.created_at.timestamp())}"


def _envelope(notice: Notice, letter: Letter) -> Mapping[str, Any]:
    return {
        "id": identity(notice),
        "type": notice.subject,
        "project": notice.project,
        "created_at": notice.created_at,
        **letter.document,
    }
