"""What a form sends, and the secret in it that says it is ours."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from causerie.errors import Forbidden, Invalid, TooLarge
from causerie.web.speech import speech
from causerie.wording import Wording, say

FORM_BYTES_MAX = 64 * 1024
FORM_FIELDS_MAX = 250
FORM_TYPE = "application/x-www-form-urlencoded"
CSRF_FIELD = "csrf"
STALE = say("This page had become too old. Go back, load it again and send the form once more.")


async def read_form(request: Request, most: int = FORM_BYTES_MAX) -> dict[str, str]:
    """The fields of a form. Raises TooLarge over `most` bytes, Invalid when it is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Invalid(say("this page takes a form"))
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge(say("a form has at most %(form_bytes_max)s bytes", form_bytes_max=most))
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except ValueError as error:
        raise Invalid(say("the form cannot be read")) from error
    if any("\0" in value for _, value in pairs):
        raise Invalid(say("the form has a NUL character in it"))
    return dict(pairs)


def check_csrf(form: Mapping[str, str], secret: str) -> None:
    """Raises Forbidden unless the form carries the secret, compared in constant time."""
    given = form.get(CSRF_FIELD, "")
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        raise Forbidden(STALE)


def whole_of(form: Mapping[str, str], field: str, most: int) -> int:
    """A whole number from 1 on in a form. Raises Invalid, naming the field."""
    text = form.get(field, "").strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= most):
        raise Invalid(say("a number from 1 to %(most)s is expected", most=most), field=field)
    return int(text)


def sentence(words: str) -> str:
    """What an error says, as a sentence of a page; in its language if it is marked."""
    return words.shaped(_as_sentence) if isinstance(words, Wording) else _as_sentence(words)


def _as_sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{speech().full_stop}"
