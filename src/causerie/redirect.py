"""One line that sends an app's Context clients here: `causerie.redirect_getcontext(url)`."""

from __future__ import annotations

import functools
import ipaddress
from typing import Any
from urllib.parse import urlsplit


def redirect_getcontext(url: str) -> None:
    """Make every `getcontext.ContextAPI` made from now on talk to the server at `url`.

    Works for the synchronous and the asynchronous client, and for plugins that make their own
    client and have no option for its address. An endpoint that the app names itself is kept.
    Plain http, which the clients refuse, is allowed on loopback addresses only. Calling it again
    with another address changes the address.

    Raises ValueError for an address that is neither https nor on loopback, and ImportError when
    `context-python` is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http or https address: {url!r}")
    plain = parts.scheme == "http"
    if plain and not _is_loopback(parts.hostname):
        raise ValueError(f"the key would travel unprotected to {parts.hostname}: use https")
    from getcontext.generated import ContextAPI  # not a dependency of ours: the app has it
    from getcontext.generated.aio import ContextAPI as AsyncContextAPI

    for client in (ContextAPI, AsyncContextAPI):
        _redirect(client, url.rstrip("/"), plain=plain)


def _redirect(client: Any, url: str, *, plain: bool) -> None:
    # The original stays reachable, so that a second redirect does not wrap the first.
    original = getattr(client.__init__, "__wrapped__", client.__init__)

    @functools.wraps(original)
    def init(self: Any, credential: Any, *, endpoint: str = url, **options: Any) -> None:
        if plain and endpoint == url:
            options.setdefault("authentication_policy", _header_policy(credential.token))
        original(self, credential, endpoint=endpoint, **options)

    client.__init__ = init


def _header_policy(token: str) -> Any:
    """The clients' own policy refuses http before anything is sent; this one only adds the key."""
    from azure.core.pipeline.policies import HeadersPolicy

    return HeadersPolicy({"Authorization": f"Bearer {token}"})


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
