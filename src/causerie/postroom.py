"""Where notices are made and sent, put together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from causerie.alarms import Alarms, Ask
from causerie.alert_readings import AlertReadings
from causerie.alerts import Alert
from causerie.clock import Clock
from causerie.config import Settings
from causerie.discretion import Discretion
from causerie.dispatch import Dispatch
from causerie.errors import Invalid, NotFound
from causerie.mail import Mail, MailServer, mail_server
from causerie.metric_reports import MetricReports
from causerie.mornings import Mornings
from causerie.reports import Question
from causerie.store.accounts import Accounts
from causerie.store.alerts import Alerts
from causerie.store.notices import Notices
from causerie.store.progress import Progress
from causerie.stores import Stores, holder
from causerie.switchboard import Shelves
from causerie.topic_trees import TopicTree
from causerie.web.alert_pages import ask
from causerie.web.letters import Letters
from causerie.web.pages import Pages
from causerie.webhooks import Webhooks


@dataclass(frozen=True)
class Postroom:
    """What is opened for notices."""

    notices: Notices
    dispatch: Dispatch
    mornings: Mornings
    alerts: Alerts
    readings: AlertReadings
    alarms: Alarms
    has_mail_server: bool
    """Whether the operator named a server that takes mails."""

    def start(self) -> None:
        """Begin to watch and to send."""
        self.dispatch.start()
        self.alarms.start()

    def stop(self) -> None:
        """End; what is not sent is after the next start."""
        self.alarms.stop()
        self.dispatch.stop()


def open_postroom(
    settings: Settings,
    stores: Stores,
    shelves: Shelves,
    pages: Pages,
    discretion: Discretion,
    clock: Clock,
) -> Postroom:
    """Everything over open stores; nothing runs yet. Raises Invalid for a mail server that cannot
    be understood.
    """
    engine, accounts = stores.engine, stores.accounts
    notices = Notices(engine, shelves.vault)
    mornings = Mornings(stores.events, stores.reports, accounts, shelves.spending, Progress(engine))
    alerts = Alerts(engine)
    letters = Letters(accounts, discretion, mornings, alerts, pages, settings.base_url)
    server = operators_server(settings)
    allowed = settings.private_addresses
    dispatch = Dispatch(
        notices, Mail(allowed), Webhooks(allowed), server, letters.compose, holder(settings), clock
    )
    readings = AlertReadings(stores.events, MetricReports(stores.events))
    alarms = Alarms(
        alerts,
        readings,
        asker(accounts, discretion),
        stores.inbox,
        holder(settings),
        clock,
        dispatch.wake,
    )
    return Postroom(
        notices, dispatch, mornings, alerts, readings, alarms, has_mail_server=server is not None
    )


def asker(accounts: Accounts, discretion: Discretion) -> Ask:
    """Who tells what the filters of an alert ask."""

    def of(alert: Alert, now: datetime) -> tuple[Question, TopicTree]:
        project = accounts.project(alert.project)
        if project is None:
            raise NotFound("there is no such project")
        return ask(alert, now, discretion.tree(project.id), project.zone)

    return of


def operators_server(settings: Settings) -> MailServer | None:
    """The server that the operator named. Raises Invalid, naming the variable."""
    if not settings.mail_server:
        return None
    try:
        return mail_server(settings.mail_server, settings.mail_from)
    except Invalid as error:
        name = "MAIL_FROM" if error.field == "sender" else "MAIL_SERVER"
        raise Invalid(f"CAUSERIE_{name}: {error.message}", field=f"CAUSERIE_{name}") from error
