"""Scope: the calls that begin inside a block. SCOPES says which blocks are in force."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from causerie.usage.tallies import Call, Tally

if TYPE_CHECKING:
    from causerie.token_usage import Usage

SCOPES: ContextVar[tuple[Scope, ...]] = ContextVar("causerie_usage_scopes", default=())
"""The blocks that are open here, outermost first. The only thing that calls are told apart by."""


class Scope(Tally):
    """A block, `with` or `async with`, that counts what is called inside it.

    Blocks may be nested: a call counts once in each. One scope may be entered again, and goes on
    counting.
    """

    def __enter__(self) -> Self:
        SCOPES.set((*SCOPES.get(), self))
        return self

    def __exit__(self, *_error: Any) -> None:
        # Not by a token: a block may end in another Context than it began in (the fixtures and
        # generators of async frameworks do), or before one that it holds.
        scopes = list(SCOPES.get())
        for place in reversed(range(len(scopes))):
            if scopes[place] is self:
                del scopes[place]
                SCOPES.set(tuple(scopes))
                return

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_error: Any) -> None:
        self.__exit__()


class OpenCall:
    """A call on its way. It belongs to the scopes in which it began, wherever it ends."""

    __slots__ = (
        *("_answering", "_at", "_by_token", "_ended", "_model", "_scopes"),
        *("base_url", "overheard"),
    )

    def __init__(
        self, scopes: tuple[Scope, ...], model: str, base_url: str, *, by_token: bool = True
    ) -> None:
        """`model` is what was asked for. `base_url`, the provider's address, may be set later.
        `by_token`: its price is one of tokens of text alone.
        """
        # A scope that is entered twice is one scope.
        self._scopes = tuple(dict.fromkeys(scopes))
        self._model = model
        self._at = datetime.now(UTC)
        self._by_token = by_token
        self._answering = False
        self._ended = False
        self.base_url = base_url
        self.overheard: Usage | None = None

    def answering(self) -> None:
        """It has begun to answer. Until the provider says what it takes, that is unknown."""
        if not self._ended and not self._answering:
            self._answering = True
            for scope in self._scopes:
                scope.count_unreported(self._model)

    def answered(self, usage: Usage | None, model: str = "") -> None:
        """It was answered, by `model`. What comes after that is not counted again."""
        if self._ended or (usage is None and self._answering):
            self._ended = True
            return
        self._ended = True
        name = model or self._model
        for scope in self._scopes:
            if self._answering:
                scope.count_unreported(self._model, -1)
            if usage is None:
                scope.count_unreported(name)
            else:
                scope.count(Call(name, self.base_url, self._at, usage, self._by_token))

    def failed(self) -> None:
        """It ended in an error."""
        if self._ended:
            return
        self._ended = True
        for scope in self._scopes:
            if self._answering:
                scope.count_unreported(self._model, -1)
            scope.count_failed(self._model, answering=self._answering)


class Overheard:
    """An answer that another counts: what is heard of its tokens is only passed on to that call."""

    __slots__ = ("_call",)

    def __init__(self, call: OpenCall | None) -> None:
        self._call = call

    def answering(self) -> None:
        """It has begun to answer."""

    def answered(self, usage: Usage | None, model: str = "") -> None:
        """It was answered."""
        if self._call is not None:
            self._call.overheard = usage

    def failed(self) -> None:
        """It ended in an error."""
