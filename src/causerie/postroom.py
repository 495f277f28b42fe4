"""Where notices are made and sent, put together."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.clock import Clock
from causerie.config import Settings
from causerie.dispatch import Dispatch
from causerie.errors import Invalid
from causerie.mail import Mail, MailServer, mail_server
from causerie.mornings import Mornings
from causerie.store.notices import Notices
from causerie.store.progress import Progress
from causerie.store.topics import Topics
from causerie.stores import Stores, holder
from causerie.switchboard import Shelves
from causerie.web.letters import Letters
from causerie.web.pages import Pages
from causerie.webhooks import Webhooks


@dataclass(frozen=True)
class Postroom:
    """What is opened for notices."""

    notices: Notices
    dispatch: Dispatch
    mornings: Mornings
    has_mail_server: bool
    """Whether the operator named a server that takes mails."""

    def start(self) -> None:
        """Begin to send."""
        self.dispatch.start()

    def stop(self) -> None:
        """End; what is not sent is after the next start."""
        self.dispatch.stop()


def open_postroom(
    settings: Settings, stores: Stores, shelves: Shelves, pages: Pages, clock: Clock
) -> Postroom:
    """Everything over open stores; nothing runs yet. Raises Invalid for a mail server that cannot
    be understood.
    """
    engine, accounts = stores.engine, stores.accounts
    notices = Notices(engine, shelves.vault)
    mornings = Mornings(stores.events, stores.reports, accounts, shelves.spending, Progress(engine))
    letters = Letters(accounts, Topics(engine), mornings, pages, settings.base_url)
    server = operators_server(settings)
    allowed = settings.private_addresses
    dispatch = Dispatch(
        notices, Mail(allowed), Webhooks(allowed), server, letters.compose, holder(settings), clock
    )
    return Postroom(notices, dispatch, mornings, server is not None)


def operators_server(settings: Settings) -> MailServer | None:
    """The server that the operator named. Raises Invalid, naming the variable."""
    if not settings.mail_server:
        return None
    try:
        return mail_server(settings.mail_server, settings.mail_from)
    except Invalid as error:
        name = "MAIL_FROM" if error.field == "sender" else "MAIL_SERVER"
        raise Invalid(f"CAUSERIE_{name}: {error.message}", field=f"CAUSERIE_{name}") from error
