"""The console of endpoints: which there are, what to paste to call one, their forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import NAME_CHARS_MAX, Role
from causerie.costs import CallQuestion, Costs, Sums
from causerie.endpoints import LOCAL_ENDPOINT, Dialect, Endpoint
from causerie.errors import Conflict, Invalid, Unavailable
from causerie.store.endpoints import ENDPOINTS_MAX, Endpoints
from causerie.web.endpoint_forms import (
    endpoint_of,
    fields_of,
    reason_of,
    upstreams_in,
    with_room,
)
from causerie.web.forms import sentence
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.posts import Form, post
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

ROOT = "/p/{project}/endpoints"
SPENT_DAYS = 7
DONE = {
    "added": say("The endpoint answers from now on. Below is what to paste into an app."),
    "changed": say("The endpoint is changed. New calls keep to it within two seconds."),
    "removed": say("The endpoint is removed. Calls to it are refused."),
}
DIALECTS = {
    Dialect.PLAIN: say("By itself, or not at all"),
    Dialect.OPENAI: say("OpenAI: prompt_cache_key"),
    Dialect.ANTHROPIC: say("Anthropic: cache_control"),
    Dialect.DASHSCOPE: say("DashScope: cache_control, five minutes"),
    Dialect.VLLM: say("vLLM: cache_salt"),
    Dialect.LLAMACPP: say("llama.cpp: a slot for each context"),
    Dialect.XAI: say("xAI: x-grok-conv-id"),
}
Clock = Callable[[], datetime]


class EndpointPages:
    """The pages under `/p/{project}/endpoints`. `forget` is called when an endpoint changed, so
    that the gateway asks for it again.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        offers: Offers,
        costs: Costs,
        doors: Doors,
        pages: Pages,
        base_url: str,
        clock: Clock,
        forget: Callable[[], None],
    ) -> None:
        self._endpoints = endpoints
        self._offers = offers
        self._costs = costs
        self._doors = doors
        self._pages = pages
        self._base_url = base_url
        self._clock = clock
        self._forget = forget

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages and of their forms."""
        one = ROOT + "/{endpoint}"
        return [
            Route(ROOT, self.index),
            post(self._doors, ROOT, Role.MEMBER, self._add),
            Route(f"{ROOT}/new", self.new),
            Route(one, self.show),
            post(self._doors, one, Role.MEMBER, self._change),
            Route(f"{one}/edit", self.edit),
            post(self._doors, f"{one}/remove", Role.MEMBER, self._remove),
        ]

    # ---- what the pages show -----------------------------------------------------------------

    def index(self, request: Request) -> Response:
        """Every endpoint, with what was called in the last days."""
        visitor = self._doors.enter(request)
        project = visitor.project.id
        endpoints = self._offers.list(project)
        calls = self._calls(project) if endpoints else {}
        return self._render(
            request, visitor, "endpoints.html", endpoints=endpoints, sums=calls, days=SPENT_DAYS
        )

    def show(self, request: Request) -> Response:
        """One endpoint, and what to paste to call it."""
        visitor = self._doors.enter(request)
        endpoint = self._offers.get(visitor.project.id, request.path_params["endpoint"])
        sums = self._calls(visitor.project.id)
        return self._render(
            request, visitor, "endpoint.html", endpoint=endpoint, sums=sums, days=SPENT_DAYS
        )

    def new(self, request: Request) -> Response:
        """The form of a new endpoint."""
        visitor = self._doors.enter(request, Role.MEMBER)
        return self._form(request, visitor, None, fields_of(None))

    def edit(self, request: Request) -> Response:
        """The form of an endpoint. The local one has none."""
        visitor = self._doors.enter(request, Role.MEMBER)
        endpoint = self._own(visitor, request)
        return self._form(request, visitor, endpoint, fields_of(endpoint))

    def _own(self, visitor: Visitor, request: Request) -> Endpoint:
        """The endpoint of the address, its keys sealed. Raises NotFound."""
        return self._endpoints.shown(visitor.project.id, request.path_params["endpoint"])

    def _calls(self, project: str) -> dict[str, Sums] | None:
        """What was called of late, by endpoint; None while nobody can say."""
        now = self._clock()
        question = CallQuestion(
            project,
            now - timedelta(days=SPENT_DAYS),
            now + timedelta(minutes=1),
            tenant=None,
            by="endpoint",
            per_page=ENDPOINTS_MAX,
        )
        try:
            return {row.name: row.sums for row in self._costs.rows(question).rows}
        except Unavailable:
            return None

    def _form(
        self,
        request: Request,
        visitor: Visitor,
        endpoint: Endpoint | None,
        fields: Form,
        status: int = 200,
        **context: Any,
    ) -> Response:
        filled = with_room(fields)
        return self._render(
            request,
            visitor,
            "endpoint_form.html",
            status,
            endpoint=endpoint,
            given=filled,
            count=upstreams_in(filled),
            dialects={dialect.value: words for dialect, words in DIALECTS.items()},
            NAME_CHARS_MAX=NAME_CHARS_MAX,
            **{"typed_keys": False, **context},
        )

    def _render(
        self,
        request: Request,
        visitor: Visitor,
        template: str,
        status: int = 200,
        **context: Any,
    ) -> Response:
        done = DONE.get(request.query_params.get("done", ""), "")
        values = {
            "done": done if request.method == "GET" else "",
            "fault": "",
            "field": None,
            "may_manage": visitor.role.covers(Role.MEMBER),
            "url": self._base_url,
            "LOCAL_ENDPOINT": LOCAL_ENDPOINT,
            **context,
        }
        return self._pages.render(
            request, template, visitor, status=status, section="endpoints", **values
        )

    # ---- what their forms do -----------------------------------------------------------------

    def _add(self, request: Request, visitor: Visitor, form: Form) -> Response:
        try:
            made = endpoint_of(form, visitor.project.id, self._clock())
            if made.id == LOCAL_ENDPOINT:
                raise Conflict(
                    say(
                        "%(local_endpoint)s is the model beside the server",
                        local_endpoint=LOCAL_ENDPOINT,
                    ),
                    field="id",
                )
            self._endpoints.add(made)
        except (Invalid, Conflict) as error:
            return self._refuse(request, visitor, None, form, error)
        self._forget()
        return self._back(visitor, f"/{made.id}", "added")

    def _change(self, request: Request, visitor: Visitor, form: Form) -> Response:
        before = self._own(visitor, request)
        try:
            self._endpoints.change(endpoint_of(form, visitor.project.id, self._clock(), before))
        except (Invalid, Conflict) as error:
            return self._refuse(request, visitor, before, form, error)
        self._forget()
        return self._back(visitor, f"/{before.id}", "changed")

    def _remove(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._endpoints.remove(visitor.project.id, request.path_params["endpoint"])
        self._forget()
        return self._back(visitor, "", "removed")

    def _refuse(
        self,
        request: Request,
        visitor: Visitor,
        before: Endpoint | None,
        form: Form,
        error: Invalid | Conflict,
    ) -> Response:
        """The form as it was filled in, with the reason. Keys are not sent back."""
        fields = {name: value for name, value in form.items() if not name.startswith("key_")}
        fault, field = reason_of(error)
        return self._form(
            request,
            visitor,
            before,
            fields,
            409 if isinstance(error, Conflict) else 400,
            fault=sentence(fault),
            field=field,
            typed_keys=any(form.get(name) for name in form if name.startswith("key_")),
        )

    def _back(self, visitor: Visitor, path: str, done: str) -> Response:
        return RedirectResponse(f"/p/{visitor.project.id}/endpoints{path}?done={done}", 303)
