"""Which HTTP client should speak to providers: --calls N [--connections N].

POSTs a chat request of 1 kB to a bare server in a process of its own, which answers with 1 kB, once
after the other and then on many connections at a time; with aiohttp, with httpx2, and with nothing
but two writes and two reads on a socket, which is the floor. All on uvloop, in one run.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import cast

import aiohttp
import httpx2
import msgspec
import uvloop

BODY = msgspec.json.encode(
    {"model": "mock", "messages": [{"role": "user", "content": "A question. " * 80}]}
)
ANSWER = msgspec.json.encode(
    {"model": "mock", "choices": [{"message": {"role": "assistant", "content": "Words. " * 130}}]}
)
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER,
)
HEADERS = {"content-type": "application/json", "authorization": "Bearer nobody"}
WARM_CALLS = 200

Call = Callable[[], Awaitable[bytes]]


class Answers(asyncio.Protocol):
    """Answers each whole request with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one, though not by inheritance.
        self.transport = cast(asyncio.Transport, transport)
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        _, end, body = self.received.partition(b"\r\n\r\n")
        if end and len(body) >= len(BODY):
            self.received = b""
            self.transport.write(REPLY)


def serve(told: Connection) -> None:
    """The mock provider: a process of its own, until it is killed."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


@asynccontextmanager
async def with_aiohttp(port: int, connections: int) -> AsyncIterator[Call]:
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call() -> bytes:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            async with session.post(url, data=BODY, headers=HEADERS) as answer:
                return await answer.read()

        yield call


@asynccontextmanager
async def with_httpx2(port: int, connections: int) -> AsyncIterator[Call]:
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx2.AsyncClient(limits=limits, trust_env=False) as client:

        async def call() -> bytes:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            return (await client.post(url, content=BODY, headers=HEADERS)).content

        yield call


@asynccontextmanager
async def with_sockets(port: int, connections: int) -> AsyncIterator[Call]:
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    lines = [f"{name}: {value}" for name, value in {**HEADERS, "host": "mock"}.items()]
    head = "\r\n".join(["POST / HTTP/1.1", *lines, f"content-length: {len(BODY)}", "", ""])

    async def call() -> bytes:
        reader, writer = await free.get()
        writer.write(head.encode() + BODY)
        await reader.readuntil(b"\r\n\r\n")
        answer = await reader.readexactly(len(ANSWER))
        free.put_nowait((reader, writer))
        return answer

    yield call
    while not free.empty():
        free.get_nowait()[1].close()


CLIENTS = {"sockets": with_sockets, "aiohttp": with_aiohttp, "httpx2": with_httpx2}


async def measure(call: Call, calls: int, connections: int) -> tuple[float, list[float]]:
    """Calls a second, and the milliseconds of each call in order."""
    left = iter(range(calls))
    taken: list[float] = []

    async def work() -> None:
        for _ in left:
            begun = time.perf_counter()
            assert await call() == ANSWER
            taken.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    return calls / (time.perf_counter() - begun), sorted(taken)


async def compare(port: int, calls: int, connections: int) -> None:
    for at_once in (1, connections):
        print(f"\n{at_once} at a time, {calls} calls: a second, p50 ms, p99 ms, ratio to the floor")
        floor = 0.0
        for name, client in CLIENTS.items():
            async with client(port, at_once) as call:
                await measure(call, WARM_CALLS, at_once)
                rate, taken = await measure(call, calls, at_once)
            floor = floor or rate
            p50, p99 = taken[calls // 2], taken[calls * 99 // 100]
            print(f"{name:10} {rate:8.0f} {p50:8.3f} {p99:8.3f} {rate / floor:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    hears, tells = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.Process(target=serve, args=(tells,), daemon=True)
    server.start()
    try:
        uvloop.run(compare(hears.recv(), options.calls, options.connections))
    finally:
        server.kill()
        server.join()


if __name__ == "__main__":
    main()
