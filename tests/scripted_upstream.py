"""A provider of models that does what tests tell it: OpenAI's API on loopback, or its failures.

    with ScriptedUpstream() as upstream:
        upstream.then(refuse(429, retry_after="2"), answer("Good morning.").but(cached=7))

A request is answered by the marker in its last message from the user, such as
`<<cut_stream after=2>>`; else by what `then` still holds; else by what was said `always`; else as a
well-behaved model would. As a program (`python -m tests.scripted_upstream [PORT]`) it prints its
port, listens to markers, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.scripted_model import MARKER, Reply, ScriptedModel, words

WAIT_SECONDS_MAX = 60.0
LOOK_INTERVAL_SECONDS = 0.002
CUT_PAUSE_SECONDS = 0.1
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


def answer(text: str | None = None) -> Reply:
    """Says so."""
    return Reply(text)


def reasoning(thought: str, text: str | None = None) -> Reply:
    """Thinks aloud first."""
    return Reply(text, reasoning=thought)


def tool_calls(name: str, arguments: Any, *more: tuple[str, Any]) -> Reply:
    """Calls functions."""
    calls = ((name, arguments), *more)
    return Reply(
        "", tools=tuple((name, json.dumps(given, ensure_ascii=False)) for name, given in calls)
    )


def finish(reason: str) -> Reply:
    """Ends for this reason."""
    return Reply(finish=reason)


def cached(tokens: int) -> Reply:
    """Claims to have read so many tokens before."""
    return Reply(cached=tokens)


def no_usage() -> Reply:
    """Does not say what it took."""
    return Reply(usage=False)


def stall(seconds: float, after: int | None = None) -> Reply:
    """Says nothing for a while: before its head, or after so many frames."""
    return Reply(wait_s=seconds, wait_after=after)


def hold(after: int = -1) -> Reply:
    """Says nothing until `release`: before its head, or after so many frames."""
    return Reply(hold_after=after)


def slow_stream(pause_s: float = 0.05, text: str | None = None) -> Reply:
    """Pauses before each frame."""
    return Reply(text, pause_s=pause_s)


def status(code: int = 500) -> Reply:
    """Fails with this HTTP status."""
    return _failure(code, "The model is unwell.")


def refuse(status: int = 429, retry_after: object = None) -> Reply:
    """Has too much to do; `retry_after` is the header."""
    refused = _failure(status, "Too many requests.")
    return refused if retry_after is None else refused.but(retry_after=str(retry_after))


def _failure(code: int, message: str) -> Reply:
    error = {"message": message, "type": "scripted", "param": None, "code": f"scripted_{code}"}
    return Reply(status=code, raw=json.dumps({"error": error}).encode())


def garbage(body: str = "<html>No model lives here.</html>") -> Reply:
    """Answers 200 and something that is no JSON."""
    return Reply(raw=body.encode(), kind="text/html")


def wrong_shape() -> Reply:
    """Answers 200 and JSON that is no completion."""
    return Reply(raw=b'{"choices": "none", "usage": [1]}')


def close_at_once() -> Reply:
    """Closes the connection without a byte."""
    return Reply(drop=True)


def cut_stream(after: int = 2) -> Reply:
    """Closes the connection after so many frames, or in the middle of a whole answer."""
    return Reply(cut_after=after)


def half_frame(after: int = 2) -> Reply:
    """The same, with half of the next frame."""
    return Reply(cut_after=after, half=True)


def error_frame(after: int = 2) -> Reply:
    """Breaks off with an error in the stream."""
    frame = b'data: {"error": {"message": "Lost my thread.", "type": "scripted", "code": "lost"}}'
    return Reply(last_after=after, last_frame=frame)


def bad_frame(after: int = 2) -> Reply:
    """Breaks off with a frame that is no JSON."""
    return Reply(last_after=after, last_frame=b'data: {"choices": [')


def no_done() -> Reply:
    """Ends its stream without `[DONE]`."""
    return Reply(done=False)


def odd_frames(text: str | None = None) -> Reply:
    """Frames with comments, names, other line ends, and cut anywhere, letters too."""
    return Reply(text, odd=True)


SCRIPTS: dict[str, Callable[..., Reply]] = {
    script.__name__: script
    for script in (
        *(answer, reasoning, tool_calls, finish, cached, no_usage, stall, hold, slow_stream),
        *(status, refuse, garbage, wrong_shape, close_at_once, cut_stream, half_frame),
        *(error_frame, bad_frame, no_done, odd_frames),
    )
}


@dataclass
class Seen:
    """A request as it came, and whether its answer could be sent to the end."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in small letters."""
    raw: bytes
    ended: bool = False
    """The answer was sent as it was meant, broken or whole."""
    hung_up: bool = False
    """The client closed the connection before."""

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return json.loads(self.raw)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the model was to read."""
        read: list[dict[str, Any]] = self.body["messages"]
        return read


class ScriptedUpstream:
    """The provider, in a thread of its own."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.requests: list[Seen] = []
        self.model = ScriptedModel()
        self._script: deque[Reply] = deque()
        self._always = Reply()
        self._connections: set[_Connection] = set()

    @property
    def url(self) -> str:
        """What clients call its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def last(self) -> Seen:
        """The latest request."""
        return self.requests[-1]

    @property
    def hung_up(self) -> bool:
        """Whether a client closed the connection before the end of its answer."""
        return any(seen.hung_up for seen in self.requests)

    def then(self, *replies: Reply) -> None:
        """What the next requests get, one each."""
        self._script.extend(replies)

    def always(self, reply: Reply) -> None:
        """What requests get that no script is left for."""
        self._always = reply

    def release(self) -> None:
        """Lets go all that are on hold now."""
        self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        for connection in self._connections:
            connection.released.set()

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition on what was seen. Raises TimeoutError."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {len(self.requests)} requests")
            time.sleep(LOOK_INTERVAL_SECONDS)

    def start(self) -> None:
        """Listens; a second time on the same port."""
        self._loop = asyncio.new_event_loop()
        made = self._loop.create_server(self._connect, "127.0.0.1", self.port)
        self._server = self._loop.run_until_complete(made)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def _connect(self) -> _Connection:
        return _Connection(self, self._connections)

    def stop(self) -> None:
        """Closes all connections; from now on new ones are refused."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)
        await self._server.wait_closed()
        await asyncio.sleep(0)  # so that cancelled answers get to their end

    def __enter__(self) -> ScriptedUpstream:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def reply(self, seen: Seen) -> Reply:
        """What this request gets."""
        if seen.method != "POST":
            return Reply()
        marker = MARKER.search(last_words(seen))
        if marker:
            return SCRIPTS[marker[1]](**dict(_option(pair) for pair in marker[2].split()))
        return self._script.popleft() if self._script else self._always


def last_words(seen: Seen) -> str:
    """The text of the last message from the user of a chat."""
    try:
        asked = [message for message in seen.messages if message.get("role") == "user"]
    except (ValueError, KeyError, TypeError):
        return ""
    return words(asked[-1]) if asked else ""


def _option(pair: str) -> tuple[str, Any]:
    name, _, value = pair.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


class _Connection(asyncio.Protocol):
    """One connection: requests one after another, and the moment when the client hangs up."""

    def __init__(self, upstream: ScriptedUpstream, open_ones: set[_Connection]) -> None:
        self._upstream = upstream
        self._open_ones = open_ones
        self._received = bytearray()
        self._answering: tuple[Seen, asyncio.Task[None]] | None = None
        self.released = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_ones.add(self)

    def abort(self) -> None:
        """Ends it from this side."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.discard(self)
        if self._answering:
            seen, task = self._answering
            seen.hung_up = not seen.ended
            task.cancel()

    def _go_on(self) -> None:
        seen = None if self._answering else taken(self._received)
        if seen:
            self.released.clear()
            self._upstream.requests.append(seen)
            self._answering = seen, asyncio.get_running_loop().create_task(self._serve(seen))

    async def _serve(self, seen: Seen) -> None:
        try:
            await self._answer(seen, self._upstream.reply(seen))
            seen.ended = True
        finally:
            self._answering = None
            if not seen.ended:  # nobody shall wait for an answer that this program has not
                self._transport.abort()
        if not self._transport.is_closing():
            self._go_on()

    async def _answer(self, seen: Seen, reply: Reply) -> None:
        if reply.drop:
            seen.ended = True
            return self._transport.abort()
        if reply.wait_after is None:
            await asyncio.sleep(reply.wait_s)
        if reply.hold_after == -1:
            await self.released.wait()
        if reply.raw is None and self._upstream.model.streams(seen.path, seen.raw):
            return await self._stream(seen, reply, list(self._frames(seen.body, reply)))
        self._whole(seen, reply)

    def _frames(self, asked: dict[str, Any], reply: Reply) -> Iterator[bytes]:
        for chunk in self._upstream.model.chunks(asked, reply):
            yield b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
        if reply.done:
            yield b"data: [DONE]\n\n"

    async def _stream(self, seen: Seen, reply: Reply, frames: Sequence[bytes]) -> None:
        self._transport.write(STREAM_HEAD)
        for number, frame in enumerate(frames):
            await self._before(number, reply)
            if number == reply.cut_after:
                self._send(frame[: len(frame) // 2] if reply.half else b"")
                # What comes together with a broken end is not read any more.
                await asyncio.sleep(CUT_PAUSE_SECONDS)
                seen.ended = True
                return self._transport.close()
            if number == reply.last_after:
                self._send(reply.last_frame + b"\n\n")
                break
            for piece in odd(frame, number) if reply.odd else (frame,):
                self._send(piece)
                await asyncio.sleep(0)
        self._transport.write(b"0\r\n\r\n")

    async def _before(self, number: int, reply: Reply) -> None:
        await asyncio.sleep(reply.pause_s)
        if number == reply.wait_after:
            await asyncio.sleep(reply.wait_s)
        if number == reply.hold_after:
            await self.released.wait()

    def _send(self, data: bytes) -> None:
        if data:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _whole(self, seen: Seen, reply: Reply) -> None:
        code, body = reply.status, reply.raw
        if body is None:
            code, body = self._upstream.model.whole(seen.path, seen.raw, reply)
        again = "" if reply.retry_after is None else f"Retry-After: {reply.retry_after}\r\n"
        self._transport.write(
            f"HTTP/1.1 {code} {REASONS.get(code, 'Scripted')}\r\n{again}"
            f"Content-Type: {reply.kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        self._transport.write(body if reply.cut_after is None else body[: len(body) // 2])
        if reply.cut_after is not None:
            seen.ended = True
            self._transport.close()


def odd(frame: bytes, number: int) -> Iterator[bytes]:
    """The same event in other bytes, one at a time."""
    data = frame.removeprefix(b"data: ").removesuffix(b"\n\n")
    written = (
        b": still here\n\ndata: " + data + b"\n\n",
        b"data:" + data + b"\r\n\r\n",
        b"event: message\ndata: " + data + b"\nid: 7\n\n",
    )[number % 3]
    return (written[at : at + 1] for at in range(len(written)))


def taken(received: bytearray) -> Seen | None:
    """The first request, taken out of what was received; None while it is not all there."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    start = end + 4
    length = int(headers.get("content-length", 0))
    if len(received) < start + length:
        return None
    method, path, _ = first.split(" ")
    body = bytes(received[start : start + length])
    del received[: start + length]
    return Seen(method, path, headers, body)


def main() -> None:
    """Serves until its standard input ends, so that it never outlives who started it."""
    with ScriptedUpstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as upstream:
        sys.stdout.write(f"{upstream.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
