"""Search, by what was said and by what it means; and the conversations that are like one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.errors import Unavailable
from causerie.reports import ConversationRow, Page, Question, Reports
from causerie.search import FOUND_MAX, Found, Hit, Search, Vector
from causerie.search_words import Wanted, wanted
from causerie.topic_trees import TopicTree
from causerie.topics import Topic
from causerie.web.audited import note
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.excerpts import excerpt
from causerie.web.filtered_pages import FilteredPages
from causerie.web.filters import FILTER_CHARS_MAX
from causerie.web.questions import Asked

SEARCH = "/p/{project}/search"
ALIKE = "/p/{project}/alike"
ALIKE_MAX = 25
COLUMNS = (
    *("id", "tenant", "started_at", "user", "message", "text", "by_words", "cosine"),
    *("topics", "language", "sentiment", "signals"),
)
Vectors = Callable[[str, Sequence[str]], list[tuple[str, tuple[float, ...]]] | None]
"""What texts of a project mean, each by the name of the model and its numbers; None while it is
being computed. Raises Unavailable.
"""


@dataclass(frozen=True)
class Meant:
    """What a search means, or why that is not known: `absent`, `pending`, or `troubled`."""

    vector: Vector | None
    trouble: str = ""


@dataclass(frozen=True)
class Shown:
    """A hit with the words that fit."""

    hit: Hit
    html: Markup


@dataclass(frozen=True)
class Alike:
    """A conversation that is like another, and what they have in common."""

    row: ConversationRow
    cosine: float
    topics: list[Topic]
    language: str
    signals: list[str]
    thumbs: str
    """`up` or `down`, where both were rated so."""


class SearchPages:
    """Sync: the server runs them in its thread pool."""

    def __init__(
        self, search: Search, reports: Reports, vectors: Vectors, filtered: FilteredPages
    ) -> None:
        self._search = search
        self._reports = reports
        self._vectors = vectors
        self._filtered = filtered

    def routes(self) -> list[BaseRoute]:
        """The addresses of both pages."""
        return [Route(SEARCH, self.search), Route(ALIKE, self.alike)]

    def search(self, request: Request) -> Response:
        """What fits, the best first, or all of it to take away."""
        visitor, asked, tree = self._filtered.enter(request)
        sought = request.query_params.get("q", "").strip().replace("\0", "")[:FILTER_CHARS_MAX]
        asked = _kept(asked, ("q", sought))
        words, kind = wanted(sought), request.query_params.get("format")
        if kind == "sql":
            return as_sql("search/words", asked.question, _bound(words))
        meant = self._meant(visitor.project.id, words)
        findings = self._search.find(asked.question, words, meant.vector)
        note(hits=len(findings.found))
        if kind in FORMATS:
            hits = self._search.hits(asked.question, findings.found)
            return download(kind, f"{visitor.project.id}-search", COLUMNS, list(map(_row, hits)))
        page = _page(findings.found, asked.question)
        hits = self._search.hits(asked.question, page.rows)
        return self._filtered.render(
            request,
            "search.html",
            visitor,
            asked,
            tree,
            section="conversations",
            sought=sought,
            page=page,
            shown=[Shown(hit, excerpt(hit.text, words)) for hit in hits],
            findings=findings,
            trouble=meant.trouble,
            is_empty=not findings.found,
        )

    def _meant(self, project: str, words: Wanted) -> Meant:
        text = " ".join(words.words)
        models = self._search.models(project) if text else []
        if not models:
            return Meant(None, "absent" if text else "")
        try:
            found = self._vectors(project, [text])
        except Unavailable:
            return Meant(None, "troubled")
        if found is None:
            return Meant(None, "pending")
        name, numbers = found[0]
        return Meant(Vector(name, numbers)) if name in models else Meant(None, "absent")

    def alike(self, request: Request) -> Response:
        """The conversations that are like one, the nearest first."""
        visitor, asked, tree = self._filtered.enter(request)
        given = request.query_params
        id, tenant = given.get("like", "")[:FILTER_CHARS_MAX], given.get("like_of", "")
        asked = _kept(asked, ("like", id), ("like_of", tenant))
        project = visitor.project.id
        whole = self._reports.conversation(project, id, tenant) if id else None
        found = (
            [
                _alike(whole.row, row, cosine, tree)
                for row, cosine in self._search.alike(asked.question, (tenant, id), ALIKE_MAX)
            ]
            if whole
            else []
        )
        return self._filtered.render(
            request,
            "alike.html",
            visitor,
            asked,
            tree,
            section="conversations",
            like=whole.row if whole else None,
            found=found,
            is_empty=not found,
        )


def _kept(asked: Asked, *more: tuple[str, str]) -> Asked:
    """The same question, with what else its links must keep."""
    return replace(asked, span=(*asked.span, *(pair for pair in more if pair[1])))


def _page(found: list[Found], question: Question) -> Page[Found]:
    pages = max(1, -(-len(found) // question.per_page))
    number = min(question.page, pages)
    start = (number - 1) * question.per_page
    some = found[start : start + question.per_page]
    return Page(some, len(found), number, question.per_page)


def _bound(words: Wanted) -> dict[str, Any]:
    patterns = {"patterns": words.patterns, "whole_patterns": words.whole_patterns}
    return {**patterns, "limit": FOUND_MAX}


def _row(hit: Hit) -> dict[str, Any]:
    row, found = hit.row, hit.found
    return {
        "id": row.id,
        "tenant": row.tenant,
        "started_at": row.started_at,
        "user": row.user,
        "message": found.message,
        "text": hit.text,
        "by_words": found.by_words,
        "cosine": found.cosine,
        "topics": [*row.topics, *row.suggested],
        "language": row.language,
        "sentiment": row.sentiment,
        "signals": row.signals,
    }


def _alike(one: ConversationRow, other: ConversationRow, cosine: float, tree: TopicTree) -> Alike:
    """What two conversations have in common."""
    topics = {*one.topics, *one.suggested} & {*other.topics, *other.suggested}
    rated = (one.thumbs_up and other.thumbs_up, one.thumbs_down and other.thumbs_down)
    return Alike(
        row=other,
        cosine=cosine,
        topics=tree.shown([id for id in (*one.topics, *one.suggested) if id in topics], 2),
        language=one.language if one.language == other.language else "",
        signals=[signal for signal in one.signals if signal in other.signals],
        thumbs="down" if rated[1] else "up" if rated[0] else "",
    )
