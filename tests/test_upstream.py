"""What providers send becomes events and errors, however it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.errors import Invalid, TooMany, UpstreamFailed, UpstreamSlow
from causerie.upstream import FRAME_BYTES_MAX, Frames, refusal

STREAM = (
    b": a comment\n\n"
    b'data: {"a":1}\n\n'
    b"event: named\r\ndata:{}\r\n\r\n"
    b"id: 7\ndata: one\ndata: two\n\n"
    b"data: \xe5\x9c\xa8\n\n"
    b"\n\ndata: [DONE]\n\n"
)
EVENTS = [b'{"a":1}', b"{}", b"one\ntwo", "在".encode(), b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_are_the_same_wherever_the_network_cuts(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    frames = Frames()
    pieces = [STREAM[a:b] for a, b in pairwise(places)]
    assert [event for piece in pieces for event in frames.feed(piece)] == EVENTS


def test_a_line_without_end_is_a_failure() -> None:
    with pytest.raises(UpstreamFailed, match="without end"):
        list(Frames().feed(b"x" * (FRAME_BYTES_MAX + 1)))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Invalid) for status in (400, 413, 422)),
        *((status, UpstreamSlow) for status in (408, 504)),
        *((status, UpstreamFailed) for status in (301, 401, 403, 404, 500, 503, 529)),
        (429, TooMany),
    ],
)
def test_a_refusal_is_the_callers_fault_or_the_providers(
    status: int, kind: type[Exception]
) -> None:
    assert type(refusal(status, {}, b"{}")) is kind


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (b'{"error":{"message":"too long","code":"context_length_exceeded"}}', "too long", None),
        (b'{"error":"too long"}', "too long", "invalid_request"),
        (b'{"message":"too long"}', "too long", "invalid_request"),
        (b'{"error":{"message":["x"],"code":7}}', "refused", "invalid_request"),
        (b"[]", "refused", "invalid_request"),
        (b"<html>", "refused", "invalid_request"),
        (b"", "refused", "invalid_request"),
    ],
)
def test_what_the_provider_says_is_said_again(body: bytes, message: str, code: str | None) -> None:
    error = refusal(400, {}, body)
    assert message in error.message and error.code == (code or "context_length_exceeded")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e99"}, None),
        ({}, None),
    ],
)
def test_when_to_try_again_is_passed_on(headers: dict[str, str], seconds: float | None) -> None:
    error = refusal(429, headers, b"")
    assert isinstance(error, TooMany) and error.retry_after_s == seconds
