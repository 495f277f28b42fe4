"""Every address, tried by everybody: members, other projects' people and keys, and nobody."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.routing import Route

from causerie.accounts import KeyKind, Role, hash_token
from causerie.alerts import Alert
from causerie.cases import Case, CopyFrom, Line
from causerie.contexts import Context, Mode, Turn
from causerie.endpoints import Endpoint, Upstream
from causerie.evaluation_runs import CaseResult, Run, RunStatus
from causerie.evaluation_runs import Response as Answered
from causerie.evaluators import CustomEvaluator
from causerie.notes import Note
from causerie.notices import Destination, Kind
from causerie.online_evaluators import OnlineEvaluator
from causerie.removals import Scope, Stage, Target
from causerie.store.alerts import Alerts
from causerie.store.contexts import Contexts
from causerie.store.embeds import Embeds
from causerie.store.endpoints import Endpoints
from causerie.store.evaluation_runs import EvaluationRuns, encode
from causerie.store.evaluation_schema import evaluation_results
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.notes import Notes
from causerie.store.notices import Notices
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.removals import Removals
from causerie.store.sign_ins import SignIns
from causerie.store.state import transaction
from causerie.store.test_sets import TestSets
from causerie.store.topics import Topics
from causerie.store.views import Views
from causerie.vault import open_vault
from causerie.views import View
from tests.conftest import Cast
from tests.understood import kept_topic

# Who tries, in the order of the columns. Signed in: an `owner`, a `member` and a `viewer` of the
# project, and a `guest` who owns another project. With a key: of the `right` kind (for a page,
# that of an admin), of the `wrong` kind, one that is `gone` because it was revoked, and the admin
# key of the `other` project. And `nobody`.
WHO = ("owner", "member", "viewer", "guest", "right", "wrong", "gone", "other", "nobody")
KEYS = WHO[4:8]
STRANGERS = ("guest", "other", "nobody")
LEAST_FIRST = WHO[::-1]
"""So that nobody is refused for what an owner did before."""
FORM_SECRET = "F" * 43
UPSTREAM_KEY = "sk-that-nobody-sees"
PASSWORD = "not the password of anybody"

DOORS = """
                                                    owner memb view gues righ wron gone othe nobo
POST  /api/v1/log/conversation                       401  401  401  401  201  403  401  201  401
POST  /api/v1/log/conversation/upsert                401  401  401  401  201  403  401  201  401
POST  /api/v1/log/conversation/thread                401  401  401  401  201  403  401  201  401
PATCH /api/v1/log/conversation/thread/{id:path}      401  401  401  401  200  403  401  404  401
GET   /api/v1/conversations                          401  401  401  401  200  403  401  200  401
GET   /api/v1/conversations/series                   401  401  401  401  200  403  401  200  401
GET   /api/v1/conversations/series/sentiment         401  401  401  401  200  403  401  200  401
GET   /api/v1/conversations/series/rating            401  401  401  401  200  403  401  200  401
GET   /api/v1/conversations/series/volume            401  401  401  401  200  403  401  200  401
GET   /api/v1/conversations/{id:path}                401  401  401  401  200  403  401  404  401
GET   /api/v1/metrics                                401  401  401  401  200  403  401  200  401
GET   /api/v1/metrics/{name}                         401  401  401  401  404  403  401  404  401
GET   /api/v1/topic_suggestions                      401  401  401  401  200  403  401  200  401
GET   /api/v1/topic_suggestions/{id}/conversations   401  401  401  401  404  403  401  404  401
GET   /api/v1/topic_suggestions/{id}/statistics      401  401  401  401  404  403  401  404  401
GET   /api/v1/suggested_topics                       401  401  401  401  200  403  401  200  401
GET   /api/v1/export                                 401  401  401  401  200  403  401  200  401
POST  /api/v1/sql                                    401  401  401  401  200  403  401  200  401
POST  /mcp                                           401  401  401  401  200  403  401  200  401
DELETE /api/v1/users/{user:path}                     401  401  401  401  202  403  401  202  401
DELETE /api/v1/conversations/{id:path}               401  401  401  401  202  403  401  202  401
POST  /api/v1/test_sets                              401  401  401  401  201  403  401  201  401
GET   /api/v1/test_sets                              401  401  401  401  200  403  401  200  401
DELETE /api/v1/test_sets/{set:path}                  401  401  401  401  200  403  401  404  401
POST  /api/v1/evaluations/run                        401  401  401  401  202  403  401  404  401
GET   /api/v1/evaluations/run                        401  401  401  401  200  403  401  200  401
GET   /api/v1/evaluations/run/{run}                  401  401  401  401  200  403  401  404  401
DELETE /api/v1/evaluations/run/{run}                 401  401  401  401  200  403  401  404  401
GET   /api/v1/evaluations/online                     401  401  401  401  200  403  401  200  401
POST  /api/v1/evaluations/online                     401  401  401  401  201  403  401  201  401
GET   /api/v1/evaluations/online/{evaluator:path}    401  401  401  401  200  403  401  404  401
PATCH /api/v1/evaluations/online/{evaluator:path}    401  401  401  401  200  403  401  404  401
DELETE /api/v1/evaluations/online/{evaluator:path}   401  401  401  401  204  403  401  404  401
GET   /api/v1/audit                                  401  401  401  401  200  403  401  200  401
GET   /api/v1/removals                               401  401  401  401  200  403  401  200  401
GET   /api/v1/removals/{id}                          401  401  401  401  404  403  401  404  401
GET   /health                                        200  200  200  200  200  200  200  200  200
GET   /static/{name:path}                            200  200  200  200  200  200  200  200  200
GET   /favicon.ico                                   307  307  307  307  307  307  307  307  307
GET   /                                              303  303  303  303  303  303  303  303  303
GET   /signin                                        303  303  303  303  200  200  200  200  200
POST  /signin                                        401  401  401  401  401  401  401  401  401
GET   /signin/link/{token}                           410  410  410  410  410  410  410  410  410
POST  /signin/link/{token}                           410  410  410  410  410  410  410  410  410
POST  /language                                      303  303  303  303  303  303  303  303  303
POST  /signout                                       303  303  303  303  303  303  303  303  303
GET   /p/{project}                                   200  200  200  404  303  303  303  303  303
GET   /p/{project}/today                             200  200  200  404  303  303  303  303  303
GET   /p/{project}/start                             200  200  200  404  303  303  303  303  303
POST  /p/{project}/start/key                         200  200  403  404  303  303  303  303  303
GET   /p/{project}/start/waiting                     200  200  200  404  303  303  303  303  303
GET   /p/{project}/conversations                     200  200  200  404  303  303  303  303  303
GET   /p/{project}/conversations/{id:path}           200  200  200  404  303  303  303  303  303
GET   /p/{project}/reports                           200  200  200  404  303  303  303  303  303
GET   /p/{project}/views                             200  200  200  404  303  303  303  303  303
POST  /p/{project}/views                             409  303  403  404  303  303  303  303  303
GET   /p/{project}/views/{view}                      303  303  303  404  303  303  303  303  303
POST  /p/{project}/views/{view}/rename               303  303  403  404  303  303  303  303  303
POST  /p/{project}/views/{view}/remove               404  303  403  404  303  303  303  303  303
POST  /p/{project}/notes                             303  303  403  404  303  303  303  303  303
POST  /p/{project}/notes/{note}/remove               404  303  403  404  303  303  303  303  303
GET   /p/{project}/search                            200  200  200  404  303  303  303  303  303
GET   /p/{project}/reports/funnels                   200  200  200  404  303  303  303  303  303
GET   /p/{project}/reports/funnels/conversations     200  200  200  404  303  303  303  303  303
GET   /p/{project}/alike                             200  200  200  404  303  303  303  303  303
GET   /p/{project}/users/retention                   200  200  200  404  303  303  303  303  303
GET   /p/{project}/users                             200  200  200  404  303  303  303  303  303
GET   /p/{project}/users/engagement                  200  200  200  404  303  303  303  303  303
GET   /p/{project}/users/risk                        200  200  200  404  303  303  303  303  303
GET   /p/{project}/users/{user:path}                 200  200  200  404  303  303  303  303  303
GET   /p/{project}/topics                            200  200  200  404  303  303  303  303  303
GET   /p/{project}/topics/map                        200  200  200  404  303  303  303  303  303
GET   /p/{project}/topics/progress                   200  200  200  404  303  303  303  303  303
GET   /p/{project}/topics/new                        200  200  403  404  303  303  303  303  303
GET   /p/{project}/topics/{topic}                    200  200  200  404  303  303  303  303  303
GET   /p/{project}/topics/{topic}/edit               200  200  403  404  303  303  303  303  303
POST  /p/{project}/topics                            303  303  403  404  303  303  303  303  303
POST  /p/{project}/topics/preview                    200  200  403  404  303  303  303  303  303
POST  /p/{project}/topics/find                       303  303  403  404  303  303  303  303  303
POST  /p/{project}/topics/{topic}                    303  303  403  404  303  303  303  303  303
POST  /p/{project}/topics/{topic}/rename             303  303  403  404  303  303  303  303  303
POST  /p/{project}/topics/{topic}/pin                303  303  403  404  303  303  303  303  303
POST  /p/{project}/topics/{topic}/hide               303  303  403  404  303  303  303  303  303
POST  /p/{project}/topics/{topic}/merge              303  303  403  404  303  303  303  303  303
POST  /p/{project}/topics/{topic}/keep               409  409  403  404  303  303  303  303  303
POST  /p/{project}/topics/{topic}/delete             404  303  403  404  303  303  303  303  303
GET   /p/{project}/reports/sql                       200  200  200  404  303  303  303  303  303
POST  /p/{project}/reports/sql                       303  303  403  404  303  303  303  303  303
GET   /p/{project}/settings/understanding            200  200  200  404  303  303  303  303  303
POST  /p/{project}/settings/understanding            303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/understanding/find       303  303  403  404  303  303  303  303  303
GET   /p/{project}/settings                          200  200  200  404  303  303  303  303  303
GET   /p/{project}/settings/keys                     200  200  200  404  303  303  303  303  303
GET   /p/{project}/settings/privacy                  200  200  200  404  303  303  303  303  303
GET   /p/{project}/evaluations                       200  200  200  404  303  303  303  303  303
GET   /p/{project}/evaluations/new                   200  200  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/new                   303  303  403  404  303  303  303  303  303
GET   /p/{project}/evaluations/cases/{set:path}      200  200  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/cases/{set:path}      409  303  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/drop                  303  303  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/remove                404  303  403  404  303  303  303  303  303
GET   /p/{project}/evaluations/talks                 200  200  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/talks                 303  303  403  404  303  303  303  303  303
GET   /p/{project}/evaluations/sets/{set:path}       200  200  200  404  303  303  303  303  303
GET   /p/{project}/evaluations/runs                  200  200  200  404  303  303  303  303  303
POST  /p/{project}/evaluations/runs                  303  303  403  404  303  303  303  303  303
GET   /p/{project}/evaluations/runs/{run}            200  200  200  404  303  303  303  303  303
GET   /p/{project}/evaluations/runs/{run}/progress   200  200  200  404  303  303  303  303  303
POST  /p/{project}/evaluations/runs/{run}/remove     404  303  403  404  303  303  303  303  303
GET   /p/{project}/evaluations/compare               200  200  200  404  303  303  303  303  303
GET   /p/{project}/evaluations/online                200  200  200  404  303  303  303  303  303
POST  /p/{project}/evaluations/online                409  303  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/online/change         404  404  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/online/remove         404  404  403  404  303  303  303  303  303
GET   /p/{project}/evaluations/evaluators            200  200  200  404  303  303  303  303  303
GET   /p/{project}/evaluations/evaluators/new        200  200  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/evaluators            409  303  403  404  303  303  303  303  303
GET   /p/{project}/evaluations/evaluators/{evaluator} 200 200  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/evaluators/{evaluator} 303 303  403  404  303  303  303  303  303
POST  /p/{project}/evaluations/evaluators/{evaluator}/remove 404 303 403 404 303 303 303 303 303
GET   /p/{project}/reports/alerts                    200  200  200  404  303  303  303  303  303
GET   /p/{project}/reports/alerts/new                200  200  403  404  303  303  303  303  303
GET   /p/{project}/reports/alerts/{alert}            200  200  200  404  303  303  303  303  303
POST  /p/{project}/reports/alerts                    303  303  403  404  303  303  303  303  303
POST  /p/{project}/reports/alerts/{alert}/mute       303  303  403  404  303  303  303  303  303
POST  /p/{project}/reports/alerts/{alert}/snooze     303  303  403  404  303  303  303  303  303
POST  /p/{project}/reports/alerts/{alert}/acknowledge 404  404  403  404  303  303  303  303  303
POST  /p/{project}/reports/alerts/{alert}/remove     404  303  403  404  303  303  303  303  303
GET   /p/{project}/settings/notices                  200  200  200  404  303  303  303  303  303
POST  /p/{project}/settings/notices                  303  303  403  404  303  303  303  303  303
POST  /p/{project}/settings/notices/mail             303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/notices/{place}          303  303  403  404  303  303  303  303  303
POST  /p/{project}/settings/notices/{place}/test     303  303  403  404  303  303  303  303  303
POST  /p/{project}/settings/notices/{place}/remove   404  303  403  404  303  303  303  303  303
GET   /p/{project}/settings/members                  200  200  200  404  303  303  303  303  303
GET   /p/{project}/settings/you                      200  200  200  404  303  303  303  303  303
GET   /p/{project}/models                            200  200  200  404  303  303  303  303  303
GET   /p/{project}/contexts                          200  200  200  404  303  303  303  303  303
GET   /p/{project}/contexts/{context}                200  200  200  404  303  303  303  303  303
POST  /p/{project}/contexts/{context}/undo           303  303  403  404  303  303  303  303  303
POST  /p/{project}/contexts/{context}/delete         404  303  403  404  303  303  303  303  303
GET   /p/{project}/endpoints                         200  200  200  404  303  303  303  303  303
GET   /p/{project}/endpoints/new                     200  200  403  404  303  303  303  303  303
GET   /p/{project}/endpoints/{endpoint}              200  200  200  404  303  303  303  303  303
GET   /p/{project}/endpoints/{endpoint}/edit         200  200  403  404  303  303  303  303  303
POST  /p/{project}/endpoints                         303  303  403  404  303  303  303  303  303
POST  /p/{project}/endpoints/{endpoint}              303  303  403  404  303  303  303  303  303
POST  /p/{project}/endpoints/{endpoint}/remove       404  303  403  404  303  303  303  303  303
POST  /p/{project}/settings/name                     303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/zone                     303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/projects                 303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/keys                     200  200  403  404  303  303  303  303  303
POST  /p/{project}/settings/keys/{key}/limits        303  303  403  404  303  303  303  303  303
POST  /p/{project}/settings/keys/{key}/revoke        303  303  403  404  303  303  303  303  303
GET   /embed/{project}/{token}                       403  403  403  403  403  403  403  403  403
GET   /embed/{project}/{token}/{rest:path}           403  403  403  403  403  403  403  403  403
GET   /p/{project}/settings/embedding                200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/embedding/secret         200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/embedding/off            303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/embedding/sites          303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/embedding/link           409  403  403  404  303  303  303  303  303
GET   /p/{project}/settings/privacy/data             200  403  403  404  303  303  303  303  303
GET   /p/{project}/settings/privacy/data/{removal}   200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/data/retention   303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/data/count       200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/data/user        303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/data/talk        303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/data/find        200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy                  303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/rules            303  403  403  404  303  303  303  303  303
GET   /p/{project}/settings/audit                    200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/audit/days               303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/topics           303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/privacy/try              200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/members                  200  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/members/withdraw         303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/members/{member}/role    303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/members/{member}/remove  303  403  403  404  303  303  303  303  303
POST  /p/{project}/settings/you/language             303  303  303  404  303  303  303  303  303
POST  /p/{project}/settings/you/sessions             303  303  303  404  303  303  303  303  303
POST  /p/{project}/settings/you/password             400  400  400  404  303  303  303  303  303
"""


@dataclass(frozen=True)
class Door:
    """One row of the table."""

    method: str
    path: str
    statuses: dict[str, int]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/") or self.path == "/mcp"

    @property
    def is_evaluation(self) -> bool:
        return self.path.startswith(("/api/v1/test_sets", "/api/v1/evaluations"))

    @property
    def is_form(self) -> bool:
        return self.method == "POST" and not self.is_api


def read_doors() -> list[Door]:
    rows = [line.split() for line in DOORS.strip().splitlines()[1:]]
    return [
        Door(method, path, dict(zip(WHO, map(int, statuses), strict=True)))
        for method, path, *statuses in rows
    ]


ALL = read_doors()
LOOKS = [door for door in ALL if door.method == "GET"]
DEEDS = [door for door in ALL if door.method != "GET"]
FORMS = [door for door in ALL if door.is_form]
OF_A_PROJECT = [door for door in ALL if door.path.startswith("/p/{project}")]


class Street:
    """A project full of words that nobody outside may read, and everybody before its doors."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.accounts = cast.stores.accounts
        self.sign_ins = SignIns(cast.stores.engine)
        self.mine, self.theirs = cast.project, f"{cast.project}-other"
        self.secrets: list[str] = []
        self.sessions: dict[str, tuple[str, str]] = {}
        self.members: dict[str, str] = {}
        self.kept_by = ""
        self._talk()
        self._let_people_in()
        self._cut_keys()
        self._keep_contexts()
        self._keep_topic()
        self._keep_removal()
        self._keep_view()
        self._name_place()
        self._keep_note()
        self._watch()
        self._keep_run()
        self._observe()
        self._keep_evaluator()

    def secret(self, what: str) -> str:
        """A word that stands nowhere else."""
        self.secrets.append(f"{what}-{uuid.uuid4().hex[:12]}")
        return self.secrets[-1]

    def _talk(self) -> None:
        self.conversation = self.secret("conversation")
        self.user = self.secret("user")
        answer = self.cast.log(
            {"role": "user", "message": f"I said {self.secret('word')}."},
            {"role": "assistant", "message": self.secret("answer"), "rating": -1},
            {"type": "event", "name": self.secret("event")},
            how="/thread",
            id=self.conversation,
            feedback=self.secret("feedback"),
            metadata={
                "user_id": self.user,
                "model": self.secret("model"),
                self.secret("field"): self.secret("value"),
            },
        )
        assert answer.status_code == 201
        self.cast.settle()

    def _let_people_in(self) -> None:
        now = self.cast.clock()
        for role in Role:
            name = self.secret(role.value)
            self._let_in(role.value, name, self.mine, role)
            self.kept_by = name if role is Role.MEMBER else self.kept_by
        self._let_in("guest", "guest", self.theirs, Role.OWNER)
        self.invited = f"{self.secret('invited')}@mail.example"
        self.sign_ins.create_link(self.invited, self.mine, Role.VIEWER, now, timedelta(days=1))

    def _keep_topic(self) -> None:
        self.topic = "a-kept-topic"
        name = self.secret("topic")
        Topics(self.cast.stores.engine).put(kept_topic(self.mine, self.topic, name, "word"))

    def _keep_view(self) -> None:
        self.view = "keptview"
        view = View(
            id=self.view,
            project=self.mine,
            name=self.secret("view"),
            page="conversations",
            query="",
            by=f"{self.kept_by}@mail.example",
            created_at=self.cast.clock(),
        )
        Views(self.cast.stores.engine).add(view)

    def _name_place(self) -> None:
        self.place = "a-place"
        place = Destination(
            id=self.place,
            project=self.mine,
            name=self.secret("place"),
            kind=Kind.WEBHOOK,
            # A private one, which is refused before anything is sent.
            address="http://127.0.0.1:9/hook",
        )
        self.notices = Notices(self.cast.stores.engine, open_vault(self.cast.folder, ""))
        self.notices.put(place, self.cast.clock())

    def _keep_note(self) -> None:
        self.note = "keptnote"
        now = self.cast.clock()
        note = Note(
            id=self.note,
            project=self.mine,
            day=now.date(),
            text=self.secret("note"),
            by="",
            created_at=now,
        )
        Notes(self.cast.stores.engine).add(note)

    def _watch(self) -> None:
        self.alert, now = "an-alert", self.cast.clock()
        alert = Alert(
            id=self.alert, project=self.mine, name=self.secret("alert"), metric="conversations"
        )
        self.alerts = Alerts(self.cast.stores.engine)
        self.alerts.put(alert, now, now)

    def _keep_run(self) -> None:
        self.run, self.set, now = f"run-{self.mine}", self.secret("set"), self.cast.clock()
        engine = self.cast.stores.engine
        case = Case(
            name=self.secret("case"),
            messages=(Line("user", self.secret("question")),),
            pregenerated_response="Good",
        )
        TestSets(engine).add(self.mine, self.set, [case], (), CopyFrom.NONE, "", now)
        runs = EvaluationRuns(engine)
        run = Run(
            id=self.run,
            project=self.mine,
            name=self.set,
            version=1,
            iterations=1,
            total=1,
            status=RunStatus.COMPLETED,
            created_at=now,
        )
        runs.begin(run)
        result = CaseResult(
            case=0,
            iteration=1,
            response=Answered(text=self.secret("output")),
            evaluations=(),
            at=now,
        )
        row = {"run": run.id, "position": 0, "iteration": 1, "document": encode(result).decode()}
        with transaction(engine) as connection:
            connection.execute(evaluation_results.insert().values(**row))

    def _observe(self) -> None:
        self.online, now = self.secret("online"), self.cast.clock()
        online = OnlineEvaluator(
            project=self.mine,
            name=self.online,
            evaluator="regex",
            options={"pattern": self.secret("pattern")},
            since=now,
            created_at=now,
            changed_at=now,
        )
        OnlineEvaluators(self.cast.stores.engine).add(online)

    def _keep_evaluator(self) -> None:
        self.evaluator, now = "an_evaluator", self.cast.clock()
        made = CustomEvaluator(
            project=self.mine,
            identifier=self.evaluator,
            name=self.secret("evaluator"),
            instructions="Be kind.",
            created_at=now,
            changed_at=now,
        )
        TestSets(self.cast.stores.engine).put_evaluator(made)

    def _keep_removal(self) -> None:
        self.removals = Removals(self.cast.stores.engine, open_vault(self.cast.folder, ""))
        target = Target(scope=Scope.USER, names=("nobody",))
        asked = self.removals.ask(
            self.mine, target, self.secret("subject"), "mem", self.cast.clock()
        )
        self.removals.save(msgspec.structs.replace(asked, stage=Stage.DONE, target=None))
        self.removal = asked.id

    def _let_in(self, who: str, name: str, project: str, role: Role) -> None:
        now = self.cast.clock()
        member = self.accounts.create_member(f"{name}@mail.example", now)
        self.accounts.join(project, member.id, role)
        self.members[who] = member.id
        self.sessions[who] = self.sign_ins.create_session(member.id, now)

    def _cut_keys(self) -> None:
        name, now = self.secret("key"), self.cast.clock()
        key, self.token = self.accounts.create_key(self.mine, KeyKind.READ, name, now)
        name = self.secret("revoked")
        gone, self.gone = self.accounts.create_key(self.mine, KeyKind.ADMIN, name, now)
        self.accounts.revoke_key(self.mine, gone.id, now)
        self.key = key.id

    def _keep_contexts(self) -> None:
        engine, now = self.cast.stores.engine, self.cast.clock()
        upstream = Upstream(base_url="http://127.0.0.1:9/v1", model="m-1", key=UPSTREAM_KEY)
        self.endpoint = "ep-street"
        made = Endpoint(
            project=self.mine,
            id=self.endpoint,
            name=self.secret("endpoint"),
            upstreams=(upstream,),
            created_at=now,
        )
        Endpoints(engine, open_vault(self.cast.folder, "")).add(made)
        self.context = self.secret("ctx")
        said = f'[{{"role":"user","content":"{self.secret("opening")}"}}]'.encode()
        turns = [Turn(position=at, messages=said, tokens=1, at=now) for at in range(9)]
        context = Context(
            id=self.context,
            project=self.mine,
            endpoint=self.endpoint,
            mode=Mode.SESSION,
            ttl_s=86_400,
            strategy=None,
            initial=said,
            initial_tokens=1,
            created_at=now,
            used_at=now,
            expires_at=now + timedelta(days=1),
            user=self.secret("caller"),
        )
        Contexts(engine).create(context, turns)

    def knock(
        self, door: Door, who: str, *, project: str = "", csrf: str | None = None
    ) -> Response:
        """Try a door. `csrf` is what the form carries instead of the secret it should."""
        cookie, secret = self.sessions.get(who, ("", ""))
        cookies = {"causerie-session": cookie, "causerie-form": FORM_SECRET}
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        if who in KEYS:
            headers["Authorization"] = f"Bearer {self._token(door, who)}"
        if door.path.startswith("/signin"):
            secret = FORM_SECRET
        self.cast.client.cookies.clear()
        return self.cast.client.request(
            door.method,
            self.address(door, project or self.mine),
            headers=headers,
            json=self._body(door) if door.is_api else None,
            data=self._fields(door.path, secret if csrf is None else csrf)
            if door.is_form
            else None,
            follow_redirects=False,
        )

    def address(self, door: Door, project: str) -> str:
        """The address of a door, with what is in the project of the secrets."""
        places = {
            "{project}": project,
            "{id:path}": self.conversation,
            "{key}": self.key,
            "{context}": self.context,
            "{endpoint}": self.endpoint,
            "{topic}": self.topic,
            "{view}": self.view,
            "{place}": self.place,
            "{note}": self.note,
            "{alert}": self.alert,
            "{removal}": self.removal,
            "{run}": self.run,
            "{set:path}": self.set,
            "{evaluator}": self.evaluator,
            "{user:path}": self.user,
            "{member}": self.members["viewer"],
            "{token}": "a-link-that-never-was",
            "{name:path}": "app.css",
            "{evaluator:path}": self.online,
            "{rest:path}": "conversations",
        }
        path = door.path
        for place, name in places.items():
            path = path.replace(place, name)
        return path

    def _token(self, door: Door, who: str) -> str:
        writes = door.method != "GET" and door.path not in ("/api/v1/sql", "/mcp")
        right, wrong = ("ingest", "read") if writes else ("read", "ingest")
        if door.is_evaluation and writes:
            right, wrong = "admin", "ingest"
        if door.method == "DELETE" or door.path.startswith(("/api/v1/removals", "/api/v1/audit")):
            right, wrong = "admin", "read"
        if not door.is_api:
            right, wrong = "admin", "gateway"
        tokens = self.cast.tokens
        own = {"right": tokens[right], "wrong": tokens[wrong]}
        return {**own, "gone": self.gone, "other": tokens["stranger"]}[who]

    def _body(self, door: Door) -> object:
        if "/evaluations/online" in door.path:
            named = {} if door.method == "PATCH" else {"name": "Another", "evaluator": "length"}
            return {**named, "percent": 10}
        if door.method == "PATCH":
            return [{"rating": 1}]
        asked = "SELECT * FROM messages"
        if door.path == "/api/v1/sql":
            return {"sql": asked}
        if door.path == "/mcp":
            params = {"name": "sql", "arguments": {"query": asked, "days": "all"}}
            return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        said = {"role": "user", "message": "Good morning"}
        if door.is_evaluation:
            case = {"name": "one", "messages": [said], "pregenerated_response": "Good morning"}
            return {
                "name": "another",
                "test_cases": [case],
                "test_set_name": self.set,
                "version": 1,
            }
        return {"conversation": {"id": self.conversation, "messages": [said]}}

    def _fields(self, path: str, csrf: str) -> dict[str, str]:
        """What any of the forms asks for."""
        return {
            "csrf": csrf,
            "language": "en",
            "name": "Another name",
            "evaluator": "no_refusal",
            "percent": "10",
            "new_name": "Another project",
            "kind": "keyword" if "/topics" in path else "email" if "/notices" in path else "read",
            "masks": "off",
            "email": self.invited,
            "role": "member",
            "password": PASSWORD,
            "new_password": PASSWORD,
            "words": "one",
            "on": "yes",
            "model": "use-multilingual",
            "calls_per_day": "10",
            "address": "ana@mail.example",
            "user_id": "somebody",
            "conversation": "something",
            "retention_days": "30",
            "topic_users_min": "5",
            "audit_days": "30",
            "base_url_1": "http://127.0.0.1:9/v1",
            "zone": "Europe/Paris",
            "page": "conversations",
            "day": "2026-05-20",
            "text": "Something happened",
            "set": self.set,
            "version": "1",
            "iterations": "1",
            "case": "none",
            "cases": "Where is it?",
            "text_1": "Where is it?",
            "role_1": "user",
            "which": "all",
            "given": "yes",
            "has": "given",
            "instructions": "Be kind.",
            "context": "context_window",
            "model_1": "m-1",
        }

    def state(self) -> object:
        """All that a form could change of the project."""
        accounts, now = self.accounts, self.cast.clock()
        inside = [self.sessions[role.value] for role in Role]
        return (
            accounts.project(self.mine),
            accounts.keys(self.mine),
            accounts.memberships(self.mine),
            Endpoints(self.cast.stores.engine, open_vault(self.cast.folder, "")).list(self.mine),
            Contexts(self.cast.stores.engine).list(self.mine, now),
            Topics(self.cast.stores.engine).all(self.mine),
            Topics(self.cast.stores.engine).history(self.mine),
            Views(self.cast.stores.engine).all(self.mine),
            Notes(self.cast.stores.engine).between(self.mine, date.min, date.max),
            MeaningSettingsStore(self.cast.stores.engine, open_vault(self.cast.folder, "")).shown(
                self.mine
            ),
            [one.id for one in self.removals.list(self.mine)],
            self.notices.destinations(self.mine),
            Embeds(self.cast.stores.engine, open_vault(self.cast.folder, "")).get(self.mine),
            self.alerts.all(self.mine),
            TestSets(self.cast.stores.engine).versions(self.mine),
            TestSets(self.cast.stores.engine).evaluators(self.mine),
            len(EvaluationRuns(self.cast.stores.engine).list(self.mine)),
            len(self.notices.log(self.mine)),
            self.sign_ins.invitations(self.mine, now),
            [self.sign_ins.session(hash_token(token), now) for token, _ in inside],
            len(accounts.projects()),
        )

    def leaks(self, answer: Response) -> list[str]:
        """The secrets in an answer, but for what the question itself had said."""
        said = f"{answer.text} {answer.headers.raw!r}"
        asked = f"{answer.request.url} {answer.request.content!r}"
        return [word for word in self.secrets if word in said and word not in asked]


def of_the_gateway(path: str) -> bool:
    own = ("/v1/", "/api/v3/", "/context", "/api/v1/endpoints", "/api/v1/exchanges")
    return path.startswith(own)


@pytest.fixture
def street(cast: Cast) -> Street:
    return Street(cast)


@pytest.fixture(scope="module")
def quiet_street(shared_cast: Cast) -> Street:
    """For those who only look."""
    return Street(shared_cast)


def test_every_route_is_in_the_table(cast: Cast) -> None:
    app = cast.client.app
    assert isinstance(app, Starlette)
    routes = set()
    for route in app.routes:
        assert isinstance(route, Route), f"{route} has doors that this table cannot see"
        if of_the_gateway(route.path):
            continue  # has a table of its own
        methods = (route.methods or set()) - {"HEAD"}
        routes |= {f"{method} {route.path}" for method in methods}
    assert sorted(routes) == sorted(door.name for door in ALL)


@pytest.mark.parametrize("door", LOOKS, ids=lambda door: door.name)
def test_a_door_opens_to_whom_it_should(quiet_street: Street, door: Door) -> None:
    try_door(quiet_street, door)


@pytest.mark.parametrize("door", DEEDS, ids=lambda door: door.name)
def test_a_deed_is_done_for_whom_it_should(street: Street, door: Door) -> None:
    try_door(street, door)


def try_door(street: Street, door: Door) -> None:
    answers = {who: street.knock(door, who) for who in LEAST_FIRST}
    assert {who: answers[who].status_code for who in WHO} == door.statuses
    assert [street.leaks(answers[who]) for who in STRANGERS] == [[], [], []]


def test_the_secrets_are_there_to_be_leaked(street: Street) -> None:
    pages = [
        street.knock(door, "right" if door.is_api else "owner")
        for door in ALL
        if door.method == "GET"
    ]
    shown = " ".join(page.text for page in pages)
    assert [word for word in street.secrets if word not in shown] == []


def test_a_guest_finds_only_their_own_at_home(street: Street) -> None:
    for door in OF_A_PROJECT:
        if door.is_form:
            continue
        answer = street.knock(door, "guest", project=street.theirs)
        named = any(
            place in door.path
            for place in (
                "{id",
                "{context}",
                "{endpoint}",
                "{topic}",
                "{user",
                "{view",
                "{note",
                "{alert",
                "{removal",
                "{set",
                "{run}",
                "{evaluator}",
            )
        )
        assert answer.status_code == (404 if named else 200)
        assert street.leaks(answer) == []


def test_another_projects_address_looks_like_one_that_never_was(street: Street) -> None:
    for door in OF_A_PROJECT:
        theirs, none = (
            street.knock(door, "guest", project=project) for project in (street.mine, "none")
        )
        assert (theirs.status_code, theirs.text) == (none.status_code, none.text)


def test_what_strangers_send_changes_nothing(street: Street) -> None:
    before = street.state()
    for door in FORMS:
        for who in (*KEYS, *STRANGERS):
            street.knock(door, who)
    assert street.state() == before


@pytest.mark.parametrize(
    "place",
    [
        "{key}",
        "{member}",
        "{id:path}",
        "{context}",
        "{endpoint}",
        "{topic}",
        "{user:path}",
        "{place}",
        "{alert}",
        "{removal}",
        "{set:path}",
        "{run}",
        "{evaluator}",
    ],
)
def test_what_belongs_to_one_project_cannot_be_had_through_another(
    street: Street, place: str
) -> None:
    before = street.state()
    doors = [door for door in OF_A_PROJECT if place in door.path]
    answers = [street.knock(door, "guest", project=street.theirs) for door in doors]
    assert {answer.status_code for answer in answers} == {404}
    assert [street.leaks(answer) for answer in answers] == [[]] * len(doors)
    assert street.state() == before


def test_a_stranger_who_knows_an_id_writes_to_a_conversation_of_their_own(street: Street) -> None:
    path = f"/api/v1/conversations/{street.conversation}"
    before = street.cast.get(path).json()
    for door in ALL:
        if door.is_api and door.method != "GET":
            street.knock(door, "other")
    assert street.cast.get(path).json() == before
    (theirs,) = street.cast.get(path, "stranger").json()["messages"]
    assert theirs["message"] == "Good morning"


@pytest.mark.parametrize("csrf", ["", "wrong", "that of a guest"])
def test_a_form_that_is_not_from_our_page_is_refused(street: Street, csrf: str) -> None:
    before = street.state()
    carried = street.sessions["guest"][1] if csrf == "that of a guest" else csrf
    answers = {door.name: street.knock(door, "owner", csrf=carried) for door in FORMS}
    assert {name: answer.status_code for name, answer in answers.items()} == {
        door.name: 403 for door in FORMS
    }
    assert street.state() == before


def test_a_gateway_key_opens_no_transcript(street: Street) -> None:
    gateway = street.cast.auth("gateway")
    for door in ALL:
        if door.is_api:
            address = street.address(door, street.mine)
            answer = street.cast.client.request(door.method, address, headers=gateway)
            assert answer.status_code == 403


def test_a_session_that_was_ended_opens_nothing(street: Street) -> None:
    signout = next(door for door in ALL if door.path == "/signout")
    assert street.knock(signout, "owner").headers["location"] == "/signin"
    for door in OF_A_PROJECT:
        answer = street.knock(door, "owner")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/signin?next=")
        assert street.leaks(answer) == []
