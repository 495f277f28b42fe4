"""The dashboard's part of the map: which page is handed what."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping

from starlette.routing import BaseRoute

from causerie.beside import Beside
from causerie.clock import Clock
from causerie.config import Settings
from causerie.costs import Costs
from causerie.discretion import Discretion
from causerie.engagement import Engagement
from causerie.funnels import Funnels
from causerie.happenings import Happenings
from causerie.inventory import Inventory
from causerie.laboratory import Laboratory
from causerie.lodge import Lodge
from causerie.meaning_reports import MeaningReports
from causerie.meaning_settings import Service
from causerie.metric_reports import MetricReports
from causerie.people import People
from causerie.postroom import Postroom
from causerie.queries.desk import QueryDesk
from causerie.reports import Reports
from causerie.retention import RetentionReport
from causerie.risks import RiskReport
from causerie.search import Search
from causerie.store.embeds import Embeds
from causerie.store.events import EventStore
from causerie.store.last_looks import LastLooks
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.notes import Notes
from causerie.store.outcomes import Outcomes
from causerie.store.progress import Progress
from causerie.store.sign_ins import SignIns
from causerie.store.topics import Topics
from causerie.store.verdicts import Verdicts
from causerie.store.views import Views
from causerie.stores import Stores
from causerie.switchboard import Shelves
from causerie.tenant_topics import TenantTopics
from causerie.topic_changes import TopicChanges
from causerie.topics import new_topic_id
from causerie.web.alert_pages import AlertPages
from causerie.web.audit_pages import AuditPages
from causerie.web.case_pages import CasePages
from causerie.web.context_pages import ContextPages
from causerie.web.cost_pages import CostPages
from causerie.web.dashboard import Dashboard
from causerie.web.edge import Keys
from causerie.web.embed_pages import EmbedPages, Handler
from causerie.web.embed_settings import EmbedSettings
from causerie.web.endpoint_pages import EndpointPages
from causerie.web.engagement_pages import EngagementPages
from causerie.web.evaluation_pages import EvaluationPages
from causerie.web.evaluator_pages import EvaluatorPages
from causerie.web.explore_pages import ExplorePages
from causerie.web.filtered_pages import FilteredPages
from causerie.web.funnel_pages import FunnelPages
from causerie.web.key_limits import Ledger
from causerie.web.language_pages import LanguagePages
from causerie.web.morning_pages import MorningPages
from causerie.web.note_pages import NotePages
from causerie.web.notice_pages import NoticePages
from causerie.web.offers import Offers
from causerie.web.online_pages import OnlinePages
from causerie.web.pages import Pages
from causerie.web.removal_pages import RemovalPages
from causerie.web.retention_pages import RetentionPages
from causerie.web.risk_pages import RiskPages
from causerie.web.run_pages import RunPages
from causerie.web.search_pages import SearchPages
from causerie.web.settings_pages import SettingsPages
from causerie.web.signin import Doors, SignIn
from causerie.web.sql_pages import SqlPages
from causerie.web.talk_case_pages import TalkCasePages
from causerie.web.topic_forms import Trials
from causerie.web.topic_map_pages import TopicMapPages
from causerie.web.topic_pages import TopicPages
from causerie.web.understanding_pages import UnderstandingPages
from causerie.web.user_pages import UserPages
from causerie.web.view_pages import ViewPages
from causerie.workshop import Workshop


class Showroom:
    """Every page that a person looks at."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        shelves: Shelves,
        workshop: Workshop,
        pages: Pages,
        keys: Keys,
        offers: Offers,
        clock: Clock,
        forget: Callable[[], None],
        desk: QueryDesk,
        postroom: Postroom,
        lodge: Lodge,
        discretion: Discretion,
        laboratory: Laboratory,
    ) -> None:
        self.settings = settings
        self.stores = stores
        self.shelves = shelves
        self.workshop = workshop
        self.pages = pages
        self.keys = keys
        self.offers = offers
        self.clock = clock
        self.forget = forget
        self.desk = desk
        self.postroom = postroom
        self.lodge = lodge
        self.discretion = discretion
        self.laboratory = laboratory
        self.sign_ins = SignIns(stores.engine)
        self.doors = Doors(stores.accounts, self.sign_ins, settings, clock)
        self.topics = Topics(stores.engine)
        self.views = Views(stores.engine)
        self.notes = Notes(stores.engine)
        self.meanings = MeaningReports(stores.events)
        self.costs = Costs(stores.events)
        self.beside = Beside()
        self.filtered = FilteredPages(
            stores.reports,
            Inventory(stores.reports, clock),
            discretion,
            self.views,
            self.notes,
            self.doors,
            pages,
            clock,
        )

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            *self._morning(),
            *self._accounts(),
            *self._conversations(),
            *self._users(),
            *NotePages(
                self.notes, self.doors, self.clock, random.Random(secrets.token_bytes(32))
            ).routes(),
            *ViewPages(
                self.views,
                self.doors,
                self.pages,
                self.clock,
                random.Random(secrets.token_bytes(32)),
            ).routes(),
            *self._topics(),
            *ExplorePages(MetricReports(self.stores.events), self.filtered).routes(),
            *self._funnels(),
            *SqlPages(self.desk, self.views, self.filtered, self.doors).routes(),
            *self._evaluations(),
            *self._understanding(),
            *self._embeds(),
            *self._gateway(),
        ]

    def _morning(self) -> list[BaseRoute]:
        accounts, looks = self.stores.accounts, LastLooks(self.stores.engine)
        postroom = self.postroom
        return [
            *MorningPages(postroom.mornings, looks, accounts, self.filtered, self.clock).routes(),
            *AlertPages(
                postroom.alerts,
                postroom.readings,
                postroom.notices,
                self.filtered,
                self.doors,
                self.clock,
            ).routes(),
            *NoticePages(
                postroom.notices,
                postroom.dispatch.try_out,
                postroom.dispatch.wake,
                self.doors,
                self.pages,
                self.clock,
                has_mail_server=postroom.has_mail_server,
            ).routes(),
        ]

    def _accounts(self) -> list[BaseRoute]:
        accounts, doors, pages = self.stores.accounts, self.doors, self.pages
        settings, clock = self.settings, self.clock
        return [
            *LanguagePages(accounts, doors).routes(),
            *RemovalPages(
                self.lodge.removals,
                self.lodge.removing,
                self.lodge.events,
                accounts,
                doors,
                pages,
                clock,
                self.keys.forget,
            ).routes(),
            *AuditPages(
                self.lodge.log, self.lodge.auditing, accounts, doors, pages, self.keys.forget
            ).routes(),
            *SignIn(accounts, self.sign_ins, doors, pages, settings, clock).routes(),
            *SettingsPages(
                accounts,
                self.sign_ins,
                doors,
                pages,
                settings,
                clock,
                self.keys.forget,
                self.offers,
                Ledger(self.costs, self.shelves.spending),
                self.stores.reports,
            ).routes(),
        ]

    def _conversations(self) -> list[BaseRoute]:
        stores = self.stores
        finding = self._search_pages(stores.events, self.filtered)
        own = self._dashboard(stores.events, self.filtered)
        return [*finding.routes(), *own.routes()]

    def _search_pages(self, events: EventStore, filtered: FilteredPages) -> SearchPages:
        reports = Reports(events)
        return SearchPages(Search(events, reports), reports, self.workshop.queries.of, filtered)

    def _dashboard(self, events: EventStore, filtered: FilteredPages) -> Dashboard:
        return Dashboard(
            Reports(events),
            MeaningReports(events),
            Happenings(events),
            Outcomes(events),
            filtered,
            self.beside,
            self.stores.accounts,
            self.doors,
            self.pages,
            self.settings,
            self.clock,
        )

    def _users(self) -> list[BaseRoute]:
        events, filtered, clock = self.stores.events, self.filtered, self.clock
        people = People(events, self.stores.reports, self.meanings, self.costs, self.beside)
        return [
            *RetentionPages(RetentionReport(events), filtered, clock).routes(),
            *EngagementPages(Engagement(events), filtered, self.beside).routes(),
            *RiskPages(RiskReport(events), filtered).routes(),
            *UserPages(people, filtered, clock).routes(),
        ]

    def _topics(self) -> list[BaseRoute]:
        map_of = TopicMapPages(self.meanings, self.topics, self.filtered)
        return [*map_of.routes(), *self._topic_pages(self.stores.events, self.filtered).routes()]

    def _topic_pages(self, events: EventStore, filtered: FilteredPages) -> TopicPages:
        engine, reports = self.stores.engine, Reports(events)
        source = random.Random(secrets.token_bytes(32))
        changes = TopicChanges(
            self.topics, Verdicts(engine), self.clock, lambda: new_topic_id(source)
        )
        return TopicPages(
            reports,
            MeaningReports(events),
            self.topics,
            changes,
            Progress(engine),
            Trials(reports, self.workshop.nearest, self.workshop.judged),
            filtered,
            self.beside,
            self.doors,
            self._find_again,
            self.pages,
            self.clock,
        )

    def _embeds(self) -> list[BaseRoute]:
        stores = self.stores
        embeds = Embeds(stores.engine, self.shelves.vault)
        topics = TenantTopics(self.filtered.tree, self.clock)
        return [
            *EmbedPages(
                embeds,
                stores.accounts,
                self.views,
                topics,
                stores.events,
                self._rooms,
                self.pages,
                self.clock,
            ).routes(),
            *EmbedSettings(
                embeds,
                self.views,
                stores.reports,
                self.doors,
                self.pages,
                self.settings,
                self.clock,
            ).routes(),
        ]

    def _rooms(
        self, events: EventStore, filtered: FilteredPages
    ) -> Mapping[str, Mapping[str, Handler]]:
        """What can be embedded: the pages as members have them, over what an embed may read."""
        reports, clock = Reports(events), self.clock
        own, finding = self._dashboard(events, filtered), self._search_pages(events, filtered)
        funnels = FunnelPages(Funnels(events, reports), Happenings(events), filtered)
        lists = {"/conversations": own.conversations}
        retention = RetentionPages(RetentionReport(events), filtered, clock)
        return {
            "overview": {"": own.overview},
            "conversations": {**lists, "/conversations/{id:path}": own.conversation},
            "search": {"/search": finding.search},
            "topics": {"/topics": self._topic_pages(events, filtered).index},
            "users": {"/users": own.users},
            "engagement": {
                "/users/engagement": EngagementPages(Engagement(events), filtered, self.beside).show
            },
            "retention": {"/users/retention": retention.retention},
            "risk": {"/users/risk": RiskPages(RiskReport(events), filtered).show},
            "explore": {"/reports": ExplorePages(MetricReports(events), filtered).explore},
            "funnels": {
                "/reports/funnels": funnels.funnel,
                "/reports/funnels/conversations": funnels.reached,
            },
        }

    def _funnels(self) -> list[BaseRoute]:
        events = self.stores.events
        funnels = Funnels(events, self.stores.reports)
        return FunnelPages(funnels, Happenings(events), self.filtered).routes()

    def _evaluations(self) -> list[BaseRoute]:
        sets, runs = self.laboratory.sets, self.laboratory.runs
        offers, doors, pages, clock = self.offers, self.doors, self.pages, self.clock
        estimates, new_uid = self.laboratory.estimates, lambda: secrets.token_hex(16)
        outcomes = Outcomes(self.stores.events)

        def judge(project: str) -> Service:
            return self.workshop.settings.get(project).judge

        return [
            *EvaluationPages(
                sets, runs, estimates, offers, doors, pages, clock, lambda id: bool(judge(id))
            ).routes(),
            *CasePages(sets, offers, doors, pages, clock).routes(),
            *TalkCasePages(
                sets, self.stores.reports, outcomes.present, offers, self.filtered, doors, clock
            ).routes(),
            *RunPages(
                sets, runs, self.laboratory.evaluating, offers, doors, pages, clock, new_uid
            ).routes(),
            *EvaluatorPages(sets, judge, offers, doors, pages, clock).routes(),
            *OnlinePages(
                self.laboratory.online,
                outcomes,
                sets,
                self.laboratory.observing.wake,
                judge,
                self.filtered,
                doors,
                pages,
                clock,
            ).routes(),
        ]

    def _understanding(self) -> list[BaseRoute]:
        engine = self.stores.engine
        wishes = MeaningSettingsStore(engine, self.shelves.vault)
        return UnderstandingPages(
            wishes, Progress(engine), self.offers, self.doors, self.pages, self._find_again
        ).routes()

    def _find_again(self, project: str, by: str) -> None:
        self.workshop.discovery.ask(project, by)
        self.workshop.enrichment.wake(project)

    def _gateway(self) -> list[BaseRoute]:
        shelves, costs, offers = self.shelves, self.costs, self.offers
        doors, pages, url, clock = self.doors, self.pages, self.settings.base_url, self.clock
        accounts, forget = self.stores.accounts, self.forget
        return [
            *CostPages(costs, accounts, self.discretion, offers, doors, pages, url, clock).routes(),
            *ContextPages(shelves.contexts, offers, doors, pages, url, clock).routes(),
            *EndpointPages(
                shelves.endpoints, offers, costs, doors, pages, url, clock, forget
            ).routes(),
        ]
