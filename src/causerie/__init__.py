"""Causerie: analytics of conversations with language models. What an app imports by name."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from causerie.redirect import redirect_getcontext

if TYPE_CHECKING:
    from causerie import usage
    from causerie.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "__version__", "redirect_getcontext", "usage"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What only those who ask for it shall load: the server starts without."""
    if name in ("AsyncClient", "Client"):
        from causerie import client

        return getattr(client, name)
    if name == "usage":
        return import_module("causerie.usage")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
