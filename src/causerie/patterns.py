"""Regular expressions that people write, in a subset whose time grows with the text alone.

Python's engine tries ways to match one after another, and a careless expression has more of them
than there is time for. So an expression is taken apart before it is kept: repeats are bounded,
what can be read in many ways is counted, and what has too many is refused with the reason.

`\\d+` is read as "up to 100 digits": an unbounded repeat takes at most `REPEAT_MAX` signs.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

from causerie.errors import Invalid
from causerie.wording import say

EXPRESSION_CHARS_MAX = 300
REPEAT_MAX = 100
WIDTH_MAX = 2_000
WAYS_MAX = 500
"""How many ways to read the text from one place on an expression may leave open."""

# Signs by which it is seen whether two pieces can match the same one.
_ALPHABET = "".join(map(chr, range(1, 256))) + "中あ한дشא—“€１"
_UNBOUNDED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d*),\}|[*+](?<!\(\*)", re.DOTALL)
_REFUSED = {
    "GROUPREF": "a reference back to a group",
    "GROUPREF_EXISTS": "a condition on a group",
    "ASSERT": "looking ahead or behind",
    "ASSERT_NOT": "looking ahead or behind",
}


@cache
def compiled(expression: str) -> re.Pattern[str]:
    """The expression, ready to search with. Raises Invalid, saying what is wrong with it."""
    if not expression or len(expression) > EXPRESSION_CHARS_MAX:
        raise Invalid(say("an expression has 1 to %(max)s characters", max=EXPRESSION_CHARS_MAX))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(expression)
            bounded = _bounded(expression)
            found = re.compile(bounded)
            # The parser of `re` has no public name; what it returns has been the same for long.
            tree = importlib.import_module("re._parser").parse(bounded)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise Invalid(say("that is no regular expression: %(error)s", error=error)) from error
    if found.flags & re.VERBOSE:
        raise Invalid(say("an expression cannot have comments"))
    if found.search("") is not None:
        raise Invalid(say("an expression must not match an empty text"))
    if _ways(list(tree), frozenset(_ALPHABET), found.flags) > WAYS_MAX:
        raise Invalid(
            say(
                "the expression can be read in too many ways: repeats that may follow "
                "one another must not match the same signs, "
                "and a repeated group must not hold a repeat"
            )
        )
    if tree.getwidth()[1] > WIDTH_MAX:
        raise Invalid(
            say("an expression matches at most %(width_max)s characters", width_max=WIDTH_MAX)
        )
    return found


def _bounded(expression: str) -> str:
    """The same expression with an end to each repeat."""

    def end(match: re.Match[str]) -> str:
        written = match.group()
        if written in ("*", "+"):
            return f"{{{0 if written == '*' else 1},{REPEAT_MAX}}}"
        if match.group(1) is not None:
            least = int(match.group(1) or 0)
            return f"{{{least},{max(least, REPEAT_MAX)}}}"
        return written

    # `a*+` and `a*?` keep their second sign: the first is replaced, the second read as it is.
    pieces: list[str] = []
    last = 0
    for match in _UNBOUNDED.finditer(expression):
        if match.group() == "+" and match.start() == last and pieces and pieces[-1].endswith("}"):
            continue  # possessive
        pieces += [expression[last : match.start()], end(match)]
        last = match.end()
    return "".join([*pieces, expression[last:]])


def _ways(items: Sequence[Any], after: frozenset[str], flags: int) -> int:
    """In how many ways the items can match from one place on.

    `after` are the signs that may come next: a repeat that cannot match them ends in one place.
    """
    ways = 1
    for index, (kind, value) in enumerate(items):
        follow = _follow(items[index + 1 :], after, flags)
        _first_of(str(kind), value, flags)  # refuses what the subset leaves out
        ways = min(ways * _ways_of(str(kind), value, follow, flags), WAYS_MAX + 1)
    return ways


def _ways_of(kind: str, value: Any, after: frozenset[str], flags: int) -> int:
    if kind == "SUBPATTERN":
        return _ways(list(value[3]), after, flags)
    if kind == "ATOMIC_GROUP":
        return _ways(list(value), frozenset(), flags)
    if kind == "BRANCH":
        parts = [_first(list(branch), flags) for branch in value[1]]
        starts = [signs for signs, _ in parts]
        apart = sum(map(len, starts)) == len(frozenset().union(*starts))
        apart = apart and not any(empty for _, empty in parts)
        counts = [_ways(list(branch), after, flags) for branch in value[1]]
        return max(counts) if apart else sum(counts)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _ways_of_repeat(kind, value, after, flags)
    return 1


def _ways_of_repeat(kind: str, value: Any, after: frozenset[str], flags: int) -> int:
    least, most, body = int(value[0]), int(value[1]), list(value[2])
    first = _first(body, flags)[0]
    inner = _ways(body, after | first, flags)
    if inner > 1 and (most > 64 or inner**most > WAYS_MAX):
        return WAYS_MAX + 1
    settled = kind == "POSSESSIVE_REPEAT" or not first & after
    return int(inner**most) * (1 if settled else most - least + 1)


def _follow(items: Sequence[Any], after: frozenset[str], flags: int) -> frozenset[str]:
    """The signs that may come after, given what else the expression has."""
    first, empty = _first(items, flags)
    return first | after if empty else first


def _first(items: Sequence[Any], flags: int) -> tuple[frozenset[str], bool]:
    """The signs with which the items may begin, and whether they may match nothing at all."""
    signs: frozenset[str] = frozenset()
    for kind, value in items:
        own, empty = _first_of(str(kind), value, flags)
        signs |= own
        if not empty:
            return signs, False
    return signs, True


def _first_of(kind: str, value: Any, flags: int) -> tuple[frozenset[str], bool]:
    if kind in _REFUSED:
        raise Invalid(
            say("an expression cannot have %(refused_kind)s", refused_kind=_REFUSED[kind])
        )
    if kind == "AT":
        return frozenset(), True
    if kind == "SUBPATTERN":
        return _first(list(value[3]), flags)
    if kind == "ATOMIC_GROUP":
        return _first(list(value), flags)
    if kind == "BRANCH":
        parts = [_first(list(branch), flags) for branch in value[1]]
        return frozenset().union(*(signs for signs, _ in parts)), any(empty for _, empty in parts)
    if kind.endswith("_REPEAT"):
        signs, empty = _first(list(value[2]), flags)
        return signs, empty or int(value[0]) == 0
    return _signs(kind, value, flags), False


def _signs(kind: str, value: Any, flags: int) -> frozenset[str]:
    """The signs that one piece of the expression matches, of the alphabet and what it names."""
    if kind == "LITERAL":
        return frozenset((chr(value), chr(value).lower(), chr(value).upper()))
    if kind == "ANY":
        return frozenset(_ALPHABET)
    compiler = importlib.import_module("re._compiler")
    parser = importlib.import_module("re._parser")
    state = parser.State()
    state.flags, state.str = flags | re.IGNORECASE, ""
    piece = parser.SubPattern(state, [(getattr(parser, kind), value)])
    matcher = compiler.compile(piece, state.flags)
    return frozenset(sign for sign in _ALPHABET if matcher.match(sign))
