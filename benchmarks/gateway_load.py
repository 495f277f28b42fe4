"""Chat completions as fast as they are answered, for `gateway.py`: one run of load, measured.

python -m benchmarks.gateway_load < order.json

Reads an `Order` and prints a `Result`. One connection is a plain blocking socket, which adds the
least to what is measured; many are one event loop. No connection sends before its answer is there.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import cast

import uvloop

from benchmarks.gateway_mock import FIRST_WORD, LAST_WORD

FIRST, LAST = FIRST_WORD.encode(), LAST_WORD.encode()
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
NUMBER = "{number:09}"
SILENCE_S_MAX = 60
SHOWN_BYTES_MAX = 400
HISTORY = (
    ("system", "You are the assistant of a bank. You answer in short and friendly sentences."),
    ("user", "Hello, my new card has not arrived and I leave on Monday, what can I do?"),
    ("assistant", "I am sorry to hear that. Which address should it have been sent to?"),
)
QUESTION = f"To my home, flat 7. My order is {NUMBER}. Can you look where it is now, please?"


@dataclass(frozen=True)
class Order:
    """What to send where, and until when: after `calls`, or after `seconds`."""

    port: int
    path: str
    model: str
    headers: dict[str, str]
    first: int
    """Number of the first call. It is part of the question, so that no two calls are alike."""
    streaming: bool = False
    connections: int = 1
    calls: int = 10**9
    seconds: float = 1e9


@dataclass
class Result:
    """Times are in seconds, each as p50 and p99, without the first call of each connection, which
    has to be accepted first; a call that failed is in `failures` alone.
    """

    calls: int
    seconds: float
    whole: tuple[float, float]
    first_word: tuple[float, float]
    cpu_s: float
    failures: list[str]


@dataclass
class Tally:
    """What happened so far."""

    calls: int = 0
    whole: list[float] = field(default_factory=list)
    first_word: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def note(self, answer: bytes, begin: float, first: float, *, timed: bool) -> None:
        """Take an answer that is whole now."""
        end = time.perf_counter()
        if not (answer.startswith(b"HTTP/1.1 200") and FIRST in answer and LAST in answer):
            self.failures.append(answer[:SHOWN_BYTES_MAX].decode(errors="replace"))
            return
        self.calls += 1
        if timed:
            self.whole.append(end - begin)
            self.first_word.append(first - begin)


class Requests:
    """The requests of an order, whole as they go over the wire, until it is fulfilled."""

    def __init__(self, order: Order) -> None:
        self._before, self._after = template(order)
        self._next = order.first
        self._last = order.first + order.calls
        self._end = time.perf_counter() + order.seconds

    def take(self) -> bytes | None:
        """The next one, or None when it is over."""
        if self._next >= self._last or time.perf_counter() >= self._end:
            return None
        self._next += 1
        return b"%b%09d%b" % (self._before, self._next, self._after)


def template(order: Order) -> tuple[bytes, bytes]:
    """What stands before and after the number in each request."""
    turns = [{"role": role, "content": text} for role, text in (*HISTORY, ("user", QUESTION))]
    document: dict[str, object] = {"model": order.model, "messages": turns, "temperature": 0.7}
    if order.streaming:
        document |= {"stream": True, "stream_options": {"include_usage": True}}
    before, after = json.dumps(document).split(NUMBER)
    own = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(before) + len(after) + 9),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**own, **order.headers}.items())
    return f"POST {order.path} HTTP/1.1\r\n{lines}\r\n{before}".encode(), after.encode()


def complete(answer: bytes) -> bool:
    """Whether head and body of an answer are there."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    if length := LENGTH.search(answer, 0, head):
        return len(answer) >= head + 4 + int(length[1])
    return answer.endswith(b"\r\n0\r\n\r\n")


def send_in_turn(order: Order, tally: Tally) -> None:
    """One connection that blocks."""
    requests = Requests(order)
    with socket.create_connection(("127.0.0.1", order.port), SILENCE_S_MAX) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := requests.take():
            ask(connection, request, tally)


def ask(connection: socket.socket, request: bytes, tally: Tally) -> None:
    """One call, with the time of its first word."""
    answer, first = b"", 0.0
    begin = time.perf_counter()
    connection.sendall(request)
    while not complete(answer):
        piece = connection.recv(65536)
        if not piece:
            break
        answer += piece
        if not first and FIRST in answer:
            first = time.perf_counter()
    tally.note(answer, begin, first, timed=tally.calls > 0)


class Caller(asyncio.Protocol):
    """One connection of many."""

    def __init__(self, requests: Requests, tally: Tally, over: asyncio.Future[None]) -> None:
        self._requests = requests
        self._tally = tally
        self._over = over
        self._answer = b""
        self._begin = self._first = 0.0
        self._warm = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._answer += data
        if not self._first and FIRST in self._answer:
            self._first = time.perf_counter()
        if complete(self._answer):
            self._tally.note(self._answer, self._begin, self._first, timed=self._warm)
            self._warm = True
            self._send()

    def _send(self) -> None:
        request = self._requests.take()
        if request is None:
            self._begin = 0.0
            self._transport.close()
            return
        self._answer, self._first, self._begin = b"", 0.0, time.perf_counter()
        self._transport.write(request)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        if self._begin:
            self._tally.failures.append(f"hung up, {error}, after {self._answer[:80]!r}")
        if not self._over.done():
            self._over.set_result(None)


async def send_at_once(order: Order, tally: Tally) -> None:
    """Many connections in one loop."""
    loop = asyncio.get_running_loop()
    requests = Requests(order)
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(order.connections)]
    for over in ends:
        await loop.create_connection(
            partial(Caller, requests, tally, over),
            "127.0.0.1",
            order.port,
        )
    await asyncio.gather(*ends)


def p50_p99(times: list[float]) -> tuple[float, float]:
    """Both, or nan when there are too few."""
    if len(times) < 2:
        return float("nan"), float("nan")
    hundredths = statistics.quantiles(times, n=100, method="inclusive")
    return hundredths[49], hundredths[98]


def run(order: Order) -> Result:
    """Send it all, and say how it went."""
    tally = Tally()
    gc.disable()
    begin, cpu = time.perf_counter(), time.process_time()
    if order.connections == 1:
        send_in_turn(order, tally)
    else:
        uvloop.run(send_at_once(order, tally))
    return Result(
        calls=tally.calls,
        seconds=time.perf_counter() - begin,
        whole=p50_p99(tally.whole),
        first_word=p50_p99(tally.first_word),
        cpu_s=time.process_time() - cpu,
        failures=tally.failures[:3],
    )


if __name__ == "__main__":
    print(json.dumps(asdict(run(Order(**json.load(sys.stdin))))))
