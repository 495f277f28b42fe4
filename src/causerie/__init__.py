"""Causerie: analytics of conversations with language models. What an app imports by name."""

from causerie.redirect import redirect_getcontext

__all__ = ["__version__", "redirect_getcontext"]
__version__ = "0.1.0"
