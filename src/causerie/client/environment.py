"""What apps' side takes from the environment, alone there: keys, addresses, a model's name."""

from __future__ import annotations

import os
from pathlib import Path

KEY_NAMES = ("CAUSERIE_KEY", "CONTEXT_TOKEN", "CONTEXT_API_TOKEN")
"""The first that is set counts; the last two are those of the Context service's plugins."""
URL_NAME = "CAUSERIE_URL"


def key_of(given: str | None) -> str:
    """The key that was given, or that of the environment. Raises ValueError when there is none,
    or when it is none that can travel.
    """
    key = given or next((os.environ[name] for name in KEY_NAMES if os.environ.get(name)), "")
    key = key.strip()
    if not key:
        raise ValueError(f"no key: pass one, or set {KEY_NAMES[0]}")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("the key has characters that no key has")
    return key


def url_of(given: str | None) -> str:
    """The address that was given, or that of the environment. Raises ValueError without one."""
    url = given or os.environ.get(URL_NAME, "")
    if not url.strip():
        raise ValueError(f"no address of a server: pass url, or set {URL_NAME}")
    return url.strip()


def data_folder() -> Path:
    """Where programs keep what is a user's own."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def openai_key() -> str | None:
    """The key of an OpenAI-compatible model. Never to be logged."""
    return os.environ.get("OPENAI_API_KEY", "").strip() or None


def openai_base_url() -> str | None:
    """Where that model is; OpenAI's own place if None."""
    names = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
    return next((os.environ[name].strip() for name in names if os.environ.get(name)), None)


def openai_model() -> str | None:
    """Its name."""
    return os.environ.get("OPENAI_MODEL", "").strip() or None
