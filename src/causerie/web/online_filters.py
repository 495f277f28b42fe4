"""The filters of online evaluators: which conversations one judges, as pages have them in their
address. They are about what a conversation is, not about who or what was said in it: whoever is
removed leaves no name behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from causerie.errors import Invalid
from causerie.online_evaluators import OnlineEvaluator
from causerie.reports import Question
from causerie.topic_trees import TopicTree
from causerie.web.chips import chip_words
from causerie.web.questions import Asked, parse
from causerie.wording import say

NAMES = (
    *("model", "not_model", "tenant", "meta", "not_meta", "rating", "language", "not_language"),
    *("mood", "topic", "not_topic", "signal", "not_signal", "source", "endpoint"),
)
OFFERED = ("tenant", "topic", "language", "model")
"""What the form asks for; programs may give any of `NAMES`."""


def checked_query(query: str, project: str, now: datetime, tree: TopicTree) -> str:
    """The filters of a query as they are kept. Raises Invalid where one cannot be understood."""
    given = QueryParams(query.removeprefix("?"))
    for name in given:
        if name not in NAMES:
            words = say("filter: %(name)s is not among %(names)s", name=name[:50], names=_names())
            raise Invalid(words, field="filter")
    asked = _asked(given, project, now, tree)
    if asked.notices:
        raise Invalid(say("filter: %(reason)s", reason=asked.notices[0]), field="filter")
    return urlencode(asked.filters)


def narrowed(online: OnlineEvaluator, now: datetime, tree: TopicTree) -> Question | None:
    """The question that the filters ask, whose span does not count; None while one of them names
    what is not there, because it would be left out and find too much.
    """
    asked = _asked(QueryParams(online.query), online.project, now, tree)
    return None if asked.notices else asked.question


def filters_of(online: OnlineEvaluator, now: datetime, tree: TopicTree) -> Asked:
    """The filters as a page shows them; `notices` say what is not there."""
    return _asked(QueryParams(online.query), online.project, now, tree)


def query_of(form: Mapping[str, str]) -> str:
    """The query of what a form asks for."""
    return urlencode([(name, form[name]) for name in OFFERED if form.get(name)])


def words_of(asked: Asked) -> list[tuple[str, str]]:
    """Each filter in words: what stands before it, and its value."""
    return [chip_words(name, value, asked.titles) for name, value in asked.filters]


def _names() -> str:
    return ", ".join(NAMES)


def _asked(given: QueryParams, project: str, now: datetime, tree: TopicTree) -> Asked:
    return parse(project, given, now, lambda: None, tree=tree)
