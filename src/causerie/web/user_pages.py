"""One user's page: since when and how often they come, what they ask, and how it goes for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from datetime import date, datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.errors import NotFound
from causerie.meaning_reports import Part
from causerie.people import People, Person, chosen
from causerie.reports import CONVERSATION_SORTS, ConversationRow, Overview
from causerie.topic_trees import TopicTree
from causerie.web.calendars import calendar
from causerie.web.charts import draw
from causerie.web.downloads import FORMATS, ROWS_MAX, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.filters import WITHOUT_TENANT
from causerie.web.questions import Asked
from causerie.web.signin import Visitor
from causerie.web.user_addresses import user_of, user_part
from causerie.wording import say
from causerie.zones import day_of

WHO = ("user", "tenant")
"""The filters that the address of a user's page stands for."""
PARTS_SHOWN = 8


class UserPages:
    """Sync: the server runs it in its thread pool."""

    def __init__(
        self, people: People, filtered: FilteredPages, clock: Callable[[], datetime]
    ) -> None:
        self._people = people
        self._filtered = filtered
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Its address, which takes whatever follows: the other pages about users come first."""
        return [Route("/p/{project}/users/{user:path}", self.show)]

    def show(self, request: Request) -> Response:
        """One user, or their conversations to take away."""
        visitor, asked, tree = self._filtered.enter(request, CONVERSATION_SORTS)
        user = user_of(request.path_params["user"])
        home = visitor.home
        if asked.question.user not in ("", user):
            # The form of filters names somebody else.
            other = user_part(asked.question.user)
            return RedirectResponse(f"{home}/users/{other}{asked.door(user='')}", 303)
        people = self._people.named(visitor.project.id, user, visitor.project.zone)
        person = chosen(people, asked.question.tenant)
        if person is None:
            raise NotFound(say("There is no such user in this project."))
        here, doors = _narrowed(asked, person)
        kind = request.query_params.get("format")
        if kind == "sql":
            return as_sql("reports/conversations", doors.question)
        if kind in FORMATS:
            return self._take(kind, doors)
        return self._show(request, visitor, (here, doors), tree, person, people)

    def _take(self, kind: str, doors: Asked) -> Response:
        every = replace(doors.question, page=1, per_page=ROWS_MAX)
        rows = [asdict(row) for row in self._people.conversations(every).rows]
        columns = [field.name for field in fields(ConversationRow)]
        name = f"{doors.question.project}-user"
        return download(kind, name, columns, rows)

    def _show(
        self,
        request: Request,
        visitor: Visitor,
        asked: tuple[Asked, Asked],
        tree: TopicTree,
        person: Person,
        people: list[Person],
    ) -> Response:
        here, doors = asked
        question = doors.question
        found = self._people.portrait(question, tree)
        home = visitor.home
        compares = here.compares and self._filtered.reaches(question.previous())
        conversations = f"{home}/conversations"

        def door(day: date) -> str:
            return conversations + doors.query_between(day, day + timedelta(days=1))

        drawn = draw(Overview(found.totals, found.before, found.series, []), doors, conversations)
        charts = {chart.name: chart for chart in drawn}
        return self._filtered.render(
            request,
            "user.html",
            visitor,
            here,
            tree,
            section="users",
            is_empty=not found.totals.conversations,
            here=f"{home}/users/{user_part(person.user)}",
            doors=doors,
            person=person,
            standing=person.standing(day_of(self._clock(), question.zone), question.zone),
            others=[one for one in people if one != person],
            found=found,
            page=found.page,
            totals=found.totals,
            before=found.before if compares else None,
            topics=_topics(found.about.topics, tree),
            calendar=calendar(found.days, door),
            charts=[charts["volume"], charts["mood"]],
            sort=question.sort or CONVERSATION_SORTS[0],
            PARTS_SHOWN=PARTS_SHOWN,
        )


def _narrowed(asked: Asked, person: Person) -> tuple[Asked, Asked]:
    """What the page itself is asked for, and what its doors lead to: this person alone."""
    question = replace(asked.question, user=person.user, tenant=person.tenant)
    rest = tuple(pair for pair in asked.filters if pair[0] not in WHO)
    of = (("tenant", person.tenant),) if person.tenant else ()
    here = replace(asked, question=replace(question, user=""), filters=(*of, *rest))
    who = (("user", person.user), ("tenant", person.tenant or WITHOUT_TENANT))
    return here, replace(asked, question=question, filters=(*who, *rest))


def _topics(parts: Sequence[Part], tree: TopicTree) -> list[Part]:
    """What they talk about most; themes leave it to what is in them."""
    return [part for part in parts if tree.is_leaf(part.value)][:PARTS_SHOWN]
