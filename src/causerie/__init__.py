"""Causerie: analytics of conversations with language models. What an app imports by name."""

from typing import TYPE_CHECKING, Any

from causerie.redirect import redirect_getcontext

if TYPE_CHECKING:
    from causerie.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "__version__", "redirect_getcontext"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The clients, for who asks for them: the server, which does not, starts without."""
    if name in ("AsyncClient", "Client"):
        from causerie import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
