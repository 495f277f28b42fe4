"""How a page is made: the templates, how they write numbers and times, and their static files."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable
from datetime import date, datetime, timedelta
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.errors import NotFound
from causerie.meanings import message_mood, mood_of
from causerie.visits import NEW_DAYS, VETERAN_DAYS, VETERAN_VISITS
from causerie.web.amounts import amount, bill, compact, latency, money, price
from causerie.web.meaning_words import (
    EVENT_WORDS,
    GOOD_SIGNALS,
    KIND_WORDS,
    LANGUAGES,
    MOOD_WORDS,
    SIGNAL_WORDS,
    TREND_WORDS,
    language,
)
from causerie.web.user_addresses import user_part
from causerie.zones import DEFAULT_ZONE

Clock = Callable[[], datetime]
UNKNOWN = "–"
SAMPLE_RATED_MIN = 10
"""Fewer ratings than this are shown as a small sample."""
THEMES = ("light", "dark")
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
        )
        self._templates.filters.update(
            number=number,
            percent=percent,
            signed=signed,
            month=month,
            duration=duration,
            urlpart=urlpart,
            amount=amount,
            bill=bill,
            compact=compact,
            latency=latency,
            money=money,
            price=price,
            language=language,
            userpart=user_part,
        )
        self._templates.filters.update(self._times())
        self._templates.globals.update(
            static=self._files.address,
            icon=self._icon,
            SAMPLE_RATED_MIN=SAMPLE_RATED_MIN,
            mood_of=mood_of,
            message_mood=message_mood,
            LANGUAGES=LANGUAGES,
            MOOD_WORDS=MOOD_WORDS,
            TREND_WORDS=TREND_WORDS,
            SIGNAL_WORDS=SIGNAL_WORDS,
            GOOD_SIGNALS=GOOD_SIGNALS,
            EVENT_WORDS=EVENT_WORDS,
            KIND_WORDS=KIND_WORDS,
            NEW_DAYS=NEW_DAYS,
            VETERAN_DAYS=VETERAN_DAYS,
            VETERAN_VISITS=VETERAN_VISITS,
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
        self, request: Request, template: str, visitor: object, *, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A page. `visitor` is who looks at it, None before sign-in; `section` marks the rail."""
        theme = request.cookies.get("theme", "")
        values = {
            "visitor": visitor,
            "section": "",
            "carry": "",
            "notices": (),
            "path": request.url.path,
            "theme": theme if theme in THEMES else "",
            "now": self._clock(),
            **context,
        }
        html = self._templates.get_template(template).render(values)
        return HTMLResponse(html, status, headers=HEADERS)

    def error(
        self, request: Request, status: int, message: str, visitor: object = None
    ) -> HTMLResponse:
        """A page that says what happened and what to do."""
        return self.render(
            request,
            "error.html",
            visitor,
            status=status,
            code=status,
            title=HTTPStatus(status).phrase.capitalize(),
            message=message,
        )

    def _icon(self, name: str) -> Markup:
        address = self._files.address("icons.svg")
        return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(
            address, name
        )


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
            raise NotFound("no such file")
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
    return UNKNOWN if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """A share of one as `81 %`, or a dash for what is not known."""
    return UNKNOWN if share is None else f"{share * 100:.0f}\u00a0%"


def signed(value: float | None) -> str:
    """`+0.42` or `−0.42`, or a dash for what is not known."""
    if value is None:
        return UNKNOWN
    return f"{'−' if value < 0 else '+'}{abs(value):.2f}"


def zone_of(context: Context) -> str:
    """The zone of the project that a page is about; UTC before sign-in."""
    visitor = context.get("visitor")
    return visitor.project.zone if visitor else DEFAULT_ZONE


def day(value: date, zone: str = DEFAULT_ZONE) -> str:
    """`4 March 2024`. That of a moment is the day that it was in the zone."""
    shown = value.astimezone(ZoneInfo(zone)) if isinstance(value, datetime) else value
    return f"{shown.day} {shown:%B %Y}"


def month(value: date) -> str:
    """`Mar`."""
    return f"{value:%b}"


def hour(value: datetime, zone: str = DEFAULT_ZONE) -> str:
    """`09:12`."""
    return f"{value.astimezone(ZoneInfo(zone)):%H:%M}"


def full(value: datetime, zone: str = DEFAULT_ZONE) -> str:
    """`4 March 2024, 09:12:03 UTC`, or with the name of another zone."""
    shown = value.astimezone(ZoneInfo(zone))
    return f"{shown.day} {shown:%B %Y, %H:%M:%S} {zone}"


def moment(value: datetime, now: datetime, zone: str = DEFAULT_ZONE) -> Markup:
    """`4 Mar, 09:12`, with the year where it is another; all of it on hover, with the zone."""
    return _time(value, f"{_short_day(value, now, zone)}, {hour(value, zone)}", zone)


def ago(value: datetime, now: datetime, zone: str = DEFAULT_ZONE) -> Markup:
    """`3 min ago`, `2 h ago`, `5 days ago`, and the date for what is longer ago."""
    seconds = (now - value).total_seconds()
    if seconds < 0 or seconds >= 7 * 86_400:
        return _time(value, _short_day(value, now, zone), zone)
    if seconds < 60:
        return _time(value, "just now", zone)
    if seconds < 3_600:
        return _time(value, f"{seconds // 60:.0f}\u00a0min ago", zone)
    if seconds < 86_400:
        return _time(value, f"{seconds // 3_600:.0f}\u00a0h ago", zone)
    days = int(seconds // 86_400)
    return _time(value, "yesterday" if days == 1 else f"{days}\u00a0days ago", zone)


def _short_day(value: datetime, now: datetime, zone: str) -> str:
    shown, today = value.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    year = "" if shown.year == today.year else f" {shown.year}"
    return f"{shown.day} {shown:%b}{year}"


def _time(value: datetime, text: str, zone: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(), full(value, zone), escape(text)
    )


def duration(value: timedelta) -> str:
    """The largest two units: `3 days 4 h`, `12 min 5 s`."""
    seconds = int(value.total_seconds())
    for unit, size, part, smaller in (
        ("day", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            name = "days" if unit == "day" and whole > 1 else unit
            more = f" {rest // smaller}\u00a0{part}" if rest // smaller else ""
            return f"{whole}\u00a0{name}{more}"
    return f"{seconds}\u00a0s"


def urlpart(value: str) -> str:
    """Text as one part of a path."""
    return quote(value, safe="")
