"""How a page is made: the templates, how they write numbers and times, and their static files."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Callable
from datetime import date, datetime, timedelta
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Member
from causerie.errors import NotFound
from causerie.meanings import message_mood, mood_of
from causerie.visits import NEW_DAYS, VETERAN_DAYS, VETERAN_VISITS
from causerie.web.amounts import amount, bill, compact, latency, money, price
from causerie.web.filters import pack, unpack
from causerie.web.meaning_words import (
    EVENT_WORDS,
    GOOD_SIGNALS,
    KIND_WORDS,
    LANGUAGES,
    MOOD_WORDS,
    SIGNAL_WORDS,
    SPEAKER_WORDS,
    TREND_WORDS,
    language,
)
from causerie.web.questions import BY_PERIOD, PERIOD_WORDS
from causerie.web.speech import OFFERED, accepted, speaking, speech, spoken
from causerie.web.user_addresses import user_part
from causerie.wording import say, say_many, tell
from causerie.zones import DEFAULT_ZONE

Clock = Callable[[], datetime]
UNKNOWN = "–"
SIGNED_MIN = 0.005
SAMPLE_RATED_MIN = 10
"""Fewer ratings than this are shown as a small sample."""
THEMES = ("light", "dark")
LANGUAGE_COOKIE = "language"
ERROR_TITLES = {
    400: say("This cannot be understood"),
    401: say("You are not signed in"),
    403: say("This is not for you"),
    404: say("Not found"),
    405: say("This page takes no form"),
    409: say("That does not fit"),
    413: say("This is too large"),
    429: say("Too many requests"),
    500: say("Something went wrong here"),
    502: say("The model's provider failed"),
    503: say("Not available at this moment"),
    504: say("The model's provider took too long"),
}
ROLE_WORDS = {"viewer": say("viewer"), "member": say("member"), "owner": say("owner")}
STATIC_SECONDS_MAX = 365 * 24 * 3600
# What may run or be drawn comes from this server alone; nothing is written into the page itself.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


WORDS_AND_RULES: dict[str, Any] = {
    "SAMPLE_RATED_MIN": SAMPLE_RATED_MIN,
    "mood_of": mood_of,
    "message_mood": message_mood,
    "LANGUAGES": LANGUAGES,
    "MOOD_WORDS": MOOD_WORDS,
    "TREND_WORDS": TREND_WORDS,
    "SIGNAL_WORDS": SIGNAL_WORDS,
    "GOOD_SIGNALS": GOOD_SIGNALS,
    "EVENT_WORDS": EVENT_WORDS,
    "KIND_WORDS": KIND_WORDS,
    "ROLE_WORDS": ROLE_WORDS,
    "SPEAKER_WORDS": SPEAKER_WORDS,
    "PERIOD_WORDS": PERIOD_WORDS,
    "BY_PERIOD": BY_PERIOD,
    "packed": pack,
    "unpacked": unpack,
}
"""What any template can use."""


class Guest(Protocol):
    """Who looks at a page."""

    @property
    def member(self) -> Member:
        """The one who is signed in."""

    @property
    def theme(self) -> str:
        """Light or dark, or empty for what their browser kept."""


class Pages:
    """Draws templates. One for the whole server; safe in threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files = StaticFiles()
        self._templates = Environment(
            loader=PackageLoader("causerie.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n"],
        )
        _speak(self._templates)
        _know_people(self._templates)
        self._templates.filters.update(
            number=number,
            percent=percent,
            signed=signed,
            duration=duration,
            urlpart=urlpart,
            amount=amount,
            bill=bill,
            compact=compact,
            latency=latency,
            money=money,
            price=price,
            language=language,
            capitalize=capitalize,
        )
        self._templates.filters.update(self._times())
        self._templates.globals.update(
            static=self._files.address, icon=self._icon, **WORDS_AND_RULES
        )

    def _times(self) -> dict[str, Callable[..., Any]]:
        """How times are written, in the zone of the project that the page is about."""

        def zoned(write: Callable[..., str]) -> Callable[..., str]:
            return pass_context(lambda context, value: write(value, zone=zone_of(context)))

        return {
            "day": zoned(day),
            "hour": zoned(hour),
            "full": zoned(full),
            "moment": zoned(lambda value, zone: moment(value, self._clock(), zone)),
            "ago": zoned(lambda value, zone: ago(value, self._clock(), zone)),
        }

    def routes(self) -> list[BaseRoute]:
        """Where the static files are."""
        return [
            Route("/static/{name:path}", self._files.answer, name="static"),
            Route("/favicon.ico", self._favicon),
        ]

    def _favicon(self, request: Request) -> Response:
        # Browsers ask for it where no head names the icon: raw JSON has none.
        return RedirectResponse(self._files.address("mark.svg"))

    def render(
        self,
        request: Request,
        template: str,
        visitor: Guest | None,
        *,
        status: int = 200,
        **context: Any,
    ) -> HTMLResponse:
        """A page. `visitor` is who looks at it, None before sign-in; `section` marks the rail."""
        theme = (visitor.theme if visitor else "") or request.cookies.get("theme", "")
        values = {
            "visitor": visitor,
            "section": "",
            "carry": "",
            "notices": (),
            "path": request.url.path,
            "here": _address(request),
            "theme": theme if theme in THEMES else "",
            "now": self._clock(),
            **context,
        }
        with speaking(language_of(request, visitor)) as now:
            html = self._templates.get_template(template).render(values, speech=now)
        return HTMLResponse(html, status, headers=HEADERS)

    def draw(self, template: str, language: str, **context: Any) -> str:
        """Something to be read elsewhere, such as a mail, in that language."""
        with speaking(language) as now:
            return self._templates.get_template(template).render(context, speech=now)

    def error(
        self, request: Request, status: int, message: str, visitor: Guest | None = None
    ) -> HTMLResponse:
        """A page that says what happened and what to do."""
        return self.render(
            request,
            "error.html",
            visitor,
            status=status,
            code=status,
            title=ERROR_TITLES.get(status, HTTPStatus(status).phrase.capitalize()),
            message=message,
        )

    def _icon(self, name: str) -> Markup:
        address = self._files.address("icons.svg")
        return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(
            address, name
        )


def _speak(templates: Environment) -> None:
    """Has templates say their texts in the language of the page, with numbers as it writes them."""
    texts: Any = templates
    texts.install_gettext_callables(_gettext, _ngettext, newstyle=True)
    templates.globals.update(
        gettext=_gettext,
        _=_gettext,
        ngettext=_ngettext,
        pgettext=lambda *given, **values: speech().pgettext(*given, **values),
        npgettext=lambda *given, **values: speech().npgettext(*given, **values),
        OFFERED=OFFERED,
    )
    templates.policies["ext.i18n.trimmed"] = True
    templates.policies["json.dumps_function"] = lambda data, **how: json.dumps(
        spoken(data), ensure_ascii=False, **how
    )


def _know_people(templates: Environment) -> None:
    """What pages about users and topics need: where a user's page is, who is new, small shares."""
    templates.filters.update(userpart=user_part, month=month, tenths=tenths, points=points)
    templates.filters.update(tenth=tenth, hundredth=hundredth)
    templates.globals.update(
        NEW_DAYS=NEW_DAYS, VETERAN_DAYS=VETERAN_DAYS, VETERAN_VISITS=VETERAN_VISITS
    )


def _gettext(message: str, /, **values: object) -> Markup:
    return speech().gettext(message, **values)


def _ngettext(one: str, many: str, num: int, /, **values: object) -> Markup:
    return speech().ngettext(one, many, num, **values)


def language_of(request: Request, visitor: Guest | None) -> str:
    """What a page is to be in: the member's choice, that of this browser, or what it asks for."""
    chosen = visitor.member.language if visitor else ""
    for code in (chosen, request.cookies.get(LANGUAGE_COOKIE, "")):
        if code in OFFERED:
            return code
    return accepted(request.headers.get("accept-language", ""))


def _address(request: Request) -> str:
    """Where a form that any page has leads back to; empty for what cannot be asked for again."""
    if request.method != "GET":
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query


class StaticFiles:
    """The files of `static/`, read once. An address carries a digest, so it is kept for a year."""

    def __init__(self) -> None:
        root = Path(str(resources.files("causerie.web"))) / "static"
        self._bodies = {
            file.relative_to(root).as_posix(): file.read_bytes()
            for file in sorted(root.rglob("*"))
            if file.is_file()
        }
        self._digests = {
            name: hashlib.sha256(body).hexdigest()[:12] for name, body in self._bodies.items()
        }

    def address(self, name: str) -> str:
        """Where the page finds a file. A file that was not built has an address that says so."""
        return f"/static/{name}?v={self._digests.get(name, 'missing')}"

    def answer(self, request: Request) -> Response:
        """One file. Raises NotFound."""
        name = request.path_params["name"]
        if name not in self._bodies:
            raise NotFound(say("no such file"))
        digest = self._digests[name]
        # A module imported by another is asked for without a digest: it is checked every time.
        versioned = request.query_params.get("v") == digest
        fresh = f"public, max-age={STATIC_SECONDS_MAX}, immutable" if versioned else "no-cache"
        headers = {
            "Cache-Control": fresh,
            "ETag": f'"{digest}"',
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(self._bodies[name], media_type=kind, headers=headers)


def number(value: float | None) -> str:
    """`12,345`, or a dash for what is not known."""
    return UNKNOWN if value is None else speech().decimal(value, "#,##0")


def percent(share: float | None) -> str:
    """A share of one as `81 %`, or a dash for what is not known."""
    return UNKNOWN if share is None else speech().percent(share)


def signed(value: float | None) -> str:
    """`+0.42` or `−0.42`, or a dash for what is not known."""
    if value is None:
        return UNKNOWN
    # What rounds to nothing has no sign.
    sign = "" if abs(value) < SIGNED_MIN else "−" if value < 0 else "+"
    return f"{sign}{speech().decimal(abs(value), '0.00')}"


def tenths(share: float | None) -> str:
    """A small share of one as `8.1 %`, or a dash for what is not known."""
    if share is None:
        return UNKNOWN
    return speech().percent_pattern.replace("0", speech().decimal(share * 100, "#,##0.0"))


def tenth(value: float) -> str:
    """`2.1`."""
    return speech().decimal(value, "#,##0.0")


def hundredth(value: float) -> str:
    """`0.12`."""
    return speech().decimal(value, "#,##0.00")


def points(difference: float) -> str:
    """A difference of two shares as `+2.1` or `−0.8`."""
    return f"{'−' if difference < 0 else '+'}{speech().decimal(abs(difference) * 100, '0.0')}"


def zone_of(context: Context) -> str:
    """The zone of the project that a page is about; UTC before sign-in."""
    visitor = context.get("visitor")
    return visitor.project.zone if visitor else DEFAULT_ZONE


def day(value: date, zone: str = DEFAULT_ZONE) -> str:
    """`4 March 2024`. That of a moment is the day that it was in the zone."""
    shown = value.astimezone(ZoneInfo(zone)) if isinstance(value, datetime) else value
    return speech().day(shown)


def month(value: date) -> str:
    """`Mar`."""
    return speech().month_alone(value)


def hour(value: datetime, zone: str = DEFAULT_ZONE) -> str:
    """`09:12`."""
    return f"{value.astimezone(ZoneInfo(zone)):%H:%M}"


def full(value: datetime, zone: str = DEFAULT_ZONE) -> str:
    """`4 March 2024, 09:12:03 UTC`, or with the name of another zone."""
    shown = value.astimezone(ZoneInfo(zone))
    time = f"{shown:%H:%M:%S} {zone}"
    return tell(say("%(day)s, %(time)s", day=speech().day(shown), time=time))


def moment(value: datetime, now: datetime, zone: str = DEFAULT_ZONE) -> Markup:
    """`4 Mar, 09:12`, with the year where it is another; all of it on hover, with the zone."""
    near = _short_day(value, now, zone)
    return _time(value, tell(say("%(day)s, %(time)s", day=near, time=hour(value, zone))), zone)


def ago(value: datetime, now: datetime, zone: str = DEFAULT_ZONE) -> Markup:
    """`3 min ago`, `2 h ago`, `5 days ago`, and the date for what is longer ago."""
    seconds = (now - value).total_seconds()
    if seconds < 0 or seconds >= 7 * 86_400:
        return _time(value, _short_day(value, now, zone), zone)
    return _time(value, tell(_lately(int(seconds))), zone)


def _lately(seconds: int) -> str:
    if seconds < 60:
        return say("just now")
    if seconds < 3_600:
        return say("%(num)s\u00a0min ago", num=seconds // 60)
    if seconds < 86_400:
        return say("%(num)s\u00a0h ago", num=seconds // 3_600)
    days = seconds // 86_400
    if days == 1:
        return say("yesterday")
    return say_many("%(num)s\u00a0day ago", "%(num)s\u00a0days ago", days)


def _short_day(value: datetime, now: datetime, zone: str) -> str:
    shown, today = value.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    return speech().short_day(shown, year=shown.year != today.year)


def _time(value: datetime, text: str, zone: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(), full(value, zone), escape(text)
    )


def duration(value: timedelta) -> str:
    """The largest two units: `3 days 4 h`, `12 min 5 s`."""
    seconds = int(value.total_seconds())
    for size, smaller in ((86_400, 3_600), (3_600, 60), (60, 1)):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            first = tell(_length(whole, size))
            if not rest // smaller:
                return first
            second = tell(_length(rest // smaller, smaller))
            return tell(say("%(first)s %(second)s", first=first, second=second))
    return tell(_length(seconds, 1))


def _length(count: int, unit_s: int) -> str:
    if unit_s == 86_400:
        return say_many("%(num)s\u00a0day", "%(num)s\u00a0days", count)
    if unit_s == 3_600:
        return say("%(num)s\u00a0h", num=count)
    if unit_s == 60:
        return say("%(num)s\u00a0min", num=count)
    return say("%(num)s\u00a0s", num=count)


def capitalize(text: str) -> str:
    """A text with a large first letter, the others as they are."""
    told = tell(text)
    return told[:1].upper() + told[1:]


def urlpart(value: str) -> str:
    """Text as one part of a path."""
    return quote(value, safe="")
