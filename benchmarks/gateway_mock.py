"""A provider of models that answers at once, for `gateway.py`: its time must not count.

python -m benchmarks.gateway_mock

Prints the port it listens on. Every POST gets the same chat completion, or the same stream of
server-sent events when its body asks for one; nothing else of the request is looked at.
"""

from __future__ import annotations

import asyncio
import gc
import json
from typing import cast

import httptools
import uvloop

FIRST_WORD = "Bonjour"
LAST_WORD = "toujours"
"""Every answer begins and ends with these; the load generator looks for them."""

WORDS = (
    FIRST_WORD,
    ", and thank you for your patience. Your card left our centre",
    " on the third of the month by ordinary post,",
    " and should be in your letter box",
    " within five working days of that.",
    " If you have not got it by Thursday,",
    " tell me here, whatever the time of day,",
    " and another one goes out by courier",
    " the same afternoon, to the address you name,",
    f" with a new number, free of charge, as {LAST_WORD}",
)
MODEL = "mock-model"
CREATED = 1_700_000_000
USAGE = {
    "prompt_tokens": 214,
    "completion_tokens": 48,
    "total_tokens": 262,
    "prompt_tokens_details": {"cached_tokens": 128},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def reply() -> bytes:
    """A whole HTTP answer with one chat completion, about 1 kB."""
    message = {"role": "assistant", "content": "".join(WORDS), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps(
        {
            "id": "chatcmpl-mock",
            "object": "chat.completion",
            "created": CREATED,
            "model": MODEL,
            "choices": [choice],
            "usage": USAGE,
            "system_fingerprint": "fp_mock",
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def event(delta: dict[str, str], finish: str | None, usage: bool = False) -> bytes:
    """One server-sent event of a stream, as one chunk of the HTTP answer."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    document = {
        "id": "chatcmpl-mock",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": MODEL,
        "choices": [] if usage else [choice],
        "usage": USAGE if usage else None,
    }
    return chunk(b"data: " + json.dumps(document).encode() + b"\n\n")


def chunk(data: bytes) -> bytes:
    """Framed for `Transfer-Encoding: chunked`."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream() -> list[bytes]:
    """What is written in each turn of the loop; the first is the head with the first word."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    first = event({"role": "assistant", "content": FIRST_WORD}, None)
    middle = [event({"content": word}, None) for word in WORDS[1:]]
    end = event({}, "stop") + event({}, None, usage=True) + chunk(b"data: [DONE]\n\n")
    return [head + first, *middle, end + b"0\r\n\r\n"]


class Answering(asyncio.Protocol):
    """One connection: a request in, the answer out, the next request."""

    def __init__(self, whole: bytes, pieces: list[bytes]) -> None:
        self._whole = whole
        self._pieces = pieces
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Called by the parser, for each piece."""
        self._body += body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        body, self._body = self._body, b""
        if b'"stream":true' in body or b'"stream": true' in body:
            self._write(0)
        else:
            self._transport.write(self._whole)

    def _write(self, number: int) -> None:
        # One piece a turn, so that each is a segment of its own, as a model's tokens are.
        self._transport.write(self._pieces[number])
        if number + 1 < len(self._pieces) and not self._transport.is_closing():
            self._loop.call_soon(self._write, number + 1)


async def main() -> None:
    """Listen on a free port of this machine until ended."""
    whole, pieces = reply(), stream()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(whole, pieces), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
