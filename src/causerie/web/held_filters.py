"""The query of a page in an embed: what its view holds stays, what a reader chooses narrows it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import QueryParams

from causerie.topic_trees import TopicTree
from causerie.web.filters import FILTERS_MAX, Pairs, members, of_name, read_filters

OWN = ("days", "since", "until", "period", "sort", "page", "part", "message", "at", "left", "q")
"""What a reader chooses: the time, the order, what is opened."""
HELD = ("metric", "split", "currency", "step", "by", "window")
"""What a view is about. It is never the reader's choice."""
OF_WORDS = ("text", "feedback_says")
"""Filters that tell what was said, by whether anything fits."""
GROUPS = {"feedback_says": "feedback"}
"""Names of which one overrides the other: they are held together."""


def held_filters(query: str, tree: TopicTree) -> Pairs:
    """The filters of a view, but for its tenant: that is said by the token."""
    return tuple(pair for pair in read_filters(QueryParams(query), tree, []) if pair[0] != "tenant")


def narrowed(
    given: QueryParams, query: str, tree: TopicTree, *, is_view: bool, reads: bool
) -> QueryParams:
    """The query of a page: that of the view itself where an address has none, else that of the
    address within the view. A reader who may not read what was said cannot ask for it either.
    """
    view, held = QueryParams(query), held_filters(query, tree)
    entered = is_view and not given
    own = view if entered else given
    pairs = [pair for pair in own.multi_items() if pair[0] in OWN]
    pairs += [pair for pair in view.multi_items() if pair[0] in HELD]
    wanted: Pairs = () if entered else read_filters(given, tree, [])
    if not reads:
        wanted = tuple(pair for pair in wanted if pair[0] not in OF_WORDS)
    return QueryParams([*pairs, *_within(wanted, held, tree)])


def _within(wanted: Pairs, held: Pairs, tree: TopicTree) -> list[tuple[str, str]]:
    """What a view holds, and what narrows it further, in place of it or beside it."""
    found: list[tuple[str, str]] = []
    for name in dict.fromkeys(name for name, _ in held):
        kept, asked = of_name(held, name), of_name(wanted, name)
        narrows = bool(asked) and _narrows(name, asked, kept, tree)
        found += [(name, value) for value in (asked if narrows else kept)]
    names = {GROUPS.get(name, name) for name, _ in held}
    beside = [pair for pair in wanted if _is_beside(pair, names, held)]
    return [*found, *beside[: FILTERS_MAX - len(found)]]


def _narrows(name: str, asked: Sequence[str], kept: Sequence[str], tree: TopicTree) -> bool:
    """Whether a filter finds nothing that the one of the view does not."""
    if name.startswith("not_"):
        return set(kept) <= set(asked)
    if name == "topic":
        return set(members(tuple(asked), tree)) <= set(members(tuple(kept), tree))
    return set(asked) <= set(kept)


def _is_beside(pair: tuple[str, str], names: set[str], held: Pairs) -> bool:
    """Whether it is a filter that the view has none of, so that it can only narrow."""
    name, value = pair
    if name == "tenant":
        return False
    if name == "meta":
        keys = {kept.partition(":")[0] for kept in of_name(held, "meta")}
        return value.partition(":")[0] not in keys
    return GROUPS.get(name, name) not in names
