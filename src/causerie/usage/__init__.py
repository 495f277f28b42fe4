"""`track()`: counts tokens and cost of everything called inside a block.

with track() as usage:
    model.invoke("Good day.")
print(usage.total_tokens, usage.total_cost)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causerie.usage.hooks import watch
from causerie.usage.scopes import Scope
from causerie.usage.tallies import ModelUsage

if TYPE_CHECKING:
    from causerie.prices import Prices

__all__ = ["ModelUsage", "OpenAICallback", "Scope", "get_openai_callback", "track"]


class OpenAICallback(Scope):
    """A scope whose cost is a float, for scripts that add floats to it: hence the other type."""

    @property
    def total_cost(self) -> float | None:  # type: ignore[override]
        """All costs as a float; None when one is unknown."""
        cost = super().total_cost
        return None if cost is None else float(cost)


def track(prices: Prices | None = None) -> Scope:
    """A block, `with` or `async with`, that counts what is called inside it.

    Counted are LangChain's chat models and LLMs of every provider, and the `openai` client: whole
    answers and streams, batches, tasks and threads. `prices` says what calls cost; None takes all
    the tables that we know.
    """
    watch()
    return Scope(prices)


def get_openai_callback() -> OpenAICallback:
    """`track()` under the name that LangChain gives it; its `total_cost` is a float or None."""
    watch()
    return OpenAICallback()
