"""Sustained ingest through HTTP, beside a bare loop that inserts the same rows.

python benchmarks/ingest.py [--seconds 30] [--connections 8]

Starts `causerie serve` on a fresh folder, sends 4-message transcripts over keep-alive connections
for the given time, and waits until all of them are in the analytics store. Then, in the same run,
inserts the same rows with clickhouse-connect into a fresh embedded engine: one insert per
transcript, which is what an app without Causerie would do, and in the batches that the delivery
worker makes, which is the engine's own limit.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from causerie.testing import ServerProcess

MESSAGES = 4
TEXTS = (
    "Hello, my new card has not arrived and I leave on Monday, what can I do?",
    "I am sorry to hear that. Let me look at the delivery: it left our centre on the 3rd and "
    "should be with you within five working days.",
    "That is too late for me. Can you send another one by courier, please?",
    "Yes, a courier card costs nothing this time; it will be there on Friday before noon.",
)


@dataclass
class Load:
    """What one connection sent and how long each answer took, in seconds."""

    latencies: list[float] = field(default_factory=list)
    refused: int = 0


def transcript(number: int) -> dict[str, object]:
    """A log-conversation body of four messages, different for each number."""
    messages = [
        {"role": ("user", "assistant")[index % 2], "message": f"{text} ({number})"}
        for index, text in enumerate(TEXTS)
    ]
    metadata = {"user_id": f"user-{number % 997}", "model": "gpt-4o-mini", "channel": "web"}
    return {"conversation": {"messages": messages, "metadata": metadata}}


def request_bytes(number: int, token: str) -> bytes:
    """The whole request as it goes over the wire, with an id as the clients send it."""
    body = json.dumps(transcript(number)).encode()
    head = (
        "POST /api/v1/log/conversation HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"x-ms-client-request-id: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send(port: int, token: str, first: int, step: int, end: float, load: Load) -> None:
    """One connection: a request, its whole answer, the next request."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = first
        while time.monotonic() < end:
            data = request_bytes(number, token)
            begin = time.perf_counter()
            connection.sendall(data)
            answer = whole_answer(connection)
            load.latencies.append(time.perf_counter() - begin)
            load.refused += not answer.startswith(b"HTTP/1.1 201")
            number += step


def whole_answer(connection: socket.socket) -> bytes:
    """Head and body of one answer; they may come in two pieces."""
    answer = b""
    while chunk := connection.recv(65536):
        answer += chunk
        head, found, body = answer.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]):
            return answer
    return answer


def peak_memory_mib(pid: int) -> float:
    """The most memory the process ever held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def measure_server(seconds: float, connections: int, folder: Path) -> dict[str, float]:
    """Rates and latencies of the real server under load."""
    server = ServerProcess(folder)
    server.start()
    port, token = int(server.endpoint.rsplit(":", 1)[1]), server.key("ingest")
    try:
        loads = [Load() for _ in range(connections)]
        begin = time.monotonic()
        threads = [
            threading.Thread(target=send, args=(port, token, n, connections, begin + seconds, load))
            for n, load in enumerate(loads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - begin
        server.settle()
        settled = time.monotonic() - begin
        latencies = sorted(one for load in loads for one in load.latencies)
        quantiles = statistics.quantiles(latencies, n=100)
        return {
            "conversations": len(latencies),
            "refused": sum(load.refused for load in loads),
            "messages/s acknowledged": MESSAGES * len(latencies) / took,
            "messages/s in the analytics store": MESSAGES * len(latencies) / settled,
            "p50 ms": quantiles[49] * 1000,
            "p99 ms": quantiles[98] * 1000,
            "peak memory MiB": peak_memory_mib(server.pid),
        }
    finally:
        server.stop()


def bare_rate(folder: Path, conversations: int, per_insert: int) -> float:
    """Messages a second of a loop that does nothing but insert the same rows."""
    script = Path(__file__).with_name("bare_insert.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(conversations), str(per_insert)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=8)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = measure_server(chosen.seconds, chosen.connections, Path(folder) / "server")
        single = bare_rate(Path(folder) / "single", min(2_000, int(ours["conversations"])), 1)
        batched = bare_rate(Path(folder) / "batched", int(ours["conversations"]), 1_000)
    for name, value in ours.items():
        print(f"{name:36} {value:12,.1f}")
    rate = ours["messages/s in the analytics store"]
    for name, bare in (("insert per transcript", single), ("4,000 rows an insert", batched)):
        print(f"{'bare loop, ' + name:36} {bare:12,.1f}   ours / bare {rate / bare:.3f}")


if __name__ == "__main__":
    main()
