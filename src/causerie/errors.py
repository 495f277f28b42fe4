"""One class per answer a caller can get.

CauserieError
├── Invalid            what was sent cannot be understood; names the field      (400)
│   └── TooLarge       a named limit is exceeded                                (413)
├── Unauthenticated    no key or session, or an unknown one                     (401)
├── Forbidden          known, but not allowed to do this                        (403)
├── NotFound           nothing under that name for this caller                  (404)
├── Gone               it was there, and its time is over                       (410)
├── Conflict           the state of things forbids it                           (409)
│   └── Busy           somebody else is at it at this moment                    (409)
├── TooMany            over a limit per minute or a budget; says when to retry   (429)
├── UpstreamFailed     the model's provider refused, broke off or made no sense  (502)
│   └── UpstreamSlow   the model's provider did not answer in time               (504)
└── Unavailable        a store cannot be reached now; nothing was kept          (503)

The status of each is in one table, in `web/edge.py`. Anything else that is raised is a bug:
it is logged whole and answered as "internal error".
"""

from __future__ import annotations


class CauserieError(Exception):
    """Base of everything a caller can be told. `code` names the case; one error may have a code of
    its own. `message` is English; `wording` is what pages show, in their language if it is marked.
    """

    code = "error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = str(message)
        self.wording = message
        self.field = field


class Invalid(CauserieError):
    """What was sent cannot be understood; `field` names the part."""

    code = "invalid_request"


class TooLarge(Invalid):
    """A named limit is exceeded."""

    code = "too_large"


class Unauthenticated(CauserieError):
    """No key or session came with the request, or an unknown one."""

    code = "unauthenticated"


class Forbidden(CauserieError):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(CauserieError):
    """Nothing under that name for this caller."""

    code = "not_found"


class Gone(CauserieError):
    """What was there until its time was over."""

    code = "gone"


class Conflict(CauserieError):
    """The present state forbids it."""

    code = "conflict"


class Busy(Conflict):
    """Somebody else is at it at this moment."""

    code = "busy"


class TooMany(CauserieError):
    """Over a limit. `retry_after_s` says when it may be tried again, None that waiting is no help
    soon; `limit` names the limit: requests, tokens, budget, or upstream.
    """

    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, limit: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.retry_after_s = retry_after_s


class UpstreamFailed(CauserieError):
    """The model's provider refused, broke off or made no sense. `reached` is False where it cannot
    have seen anything of the request, `lasting` is True where waiting is no help.
    """

    code = "upstream_failed"

    def __init__(self, message: str, *, reached: bool = True, lasting: bool = False) -> None:
        super().__init__(message)
        self.reached = reached
        self.lasting = lasting


class UpstreamSlow(UpstreamFailed):
    """The model's provider did not answer in time."""

    code = "upstream_slow"


class Unavailable(CauserieError):
    """A store cannot be reached now; nothing was kept."""

    code = "unavailable"
