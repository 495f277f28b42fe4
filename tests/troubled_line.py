"""A line between a client and a real server that can be cut, slowed, or made to talk nonsense."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from types import TracebackType
from urllib.parse import urlsplit

NONSENSE = {
    "page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
    "missing page": b"HTTP/1.1 404 Gone\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno",
    "another's success": b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
    "noise": b"\x00\xff SSH-2.0-nothing\r\n\r\n",
    "half an answer": b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{",
    "endless headers": b"HTTP/1.1 201 Created\r\n" + b"X-Y: z\r\n" * 200,
    "empty": b"",
    "broken": b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
}
MISTAKE = "mistake"
"""What the server answers when it finds a mistake of its own."""
MISTAKEN = b'{"error":{"code":"internal_error","message":"internal error"}}'
CUT = "cut"
"""The server gets the request, and its answer is thrown away."""
SILENT = "silent"
"""What is sent is swallowed."""


class TroubledLine:
    """Listens on loopback and passes on to `target`. `trouble` is what happens to requests from
    now on, `requests` counts what came in each trouble, `accepted` the connections. Answers wait
    for `delay_s`, and while `resume` is cleared.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.trouble = ""
        self.requests: Counter[str] = Counter()
        self.accepted = 0
        self.delay_s = 0.0
        self.resume = threading.Event()
        self.resume.set()
        self._ends: set[socket.socket] = set()
        self._listener = self._listen(0)

    @property
    def url(self) -> str:
        """Its own address, the same for as long as it is there."""
        return f"http://127.0.0.1:{self._port}"

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def hang_up(self) -> None:
        """Nobody answers, and what was going on is cut."""
        # Else the thread that accepts would keep the port.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._ends):
            _close(end)

    def pick_up(self) -> None:
        """As before."""
        self._listener = self._listen(self._port)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        self._ends.add(end)
        parts = urlsplit(self.target)
        where = (parts.hostname, parts.port)
        with contextlib.suppress(OSError), end, socket.create_connection(where) as server:
            while self._pass_on(end, server):
                pass
        self._ends.discard(end)

    def _pass_on(self, end: socket.socket, server: socket.socket) -> bool:
        """One request and its answer. Returns whether more can follow."""
        request = _message(end)
        if not request:
            return False
        trouble = self.trouble
        self.requests[trouble] += 1
        if trouble in NONSENSE:
            end.sendall(NONSENSE[trouble])
            return False
        if trouble == MISTAKE:
            head = f"HTTP/1.1 500 Oops\r\nContent-Length: {len(MISTAKEN)}\r\n\r\n"
            end.sendall(head.encode() + MISTAKEN)
            return True
        if trouble == SILENT:
            return True
        server.sendall(request)
        answer = _message(server)
        time.sleep(self.delay_s)
        self.resume.wait(30)
        if trouble == CUT or not answer:
            return False
        end.sendall(answer)
        return True

    def __enter__(self) -> TroubledLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.resume.set()
        self.hang_up()


def _message(end: socket.socket) -> bytes:
    """A request or answer, as long as its headers tell; nothing when the other side left."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = end.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    while len(body) < sum(lengths):
        body += end.recv(65536)
    return head + b"\r\n\r\n" + body


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
