"""A provider on loopback that reports the usage it is told to report.

It is reached as an HTTP proxy: clients keep the address of the provider that they mean, send what
they would send there, and get their answer here. The last text of a request may be a JSON object:
`model` and `usage` are what the answer says of itself, `n` how many choices it has, `status` an
error to fail with, `torn` ends a stream before its time.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
WORDS = ("Good", " day", " to", " you.")


def told(**answer: Any) -> str:
    """A text that tells the provider what to answer."""
    return json.dumps(answer)


class UsageProvider:
    """Serves while its block lasts. `proxy` is its address, for clients that take a proxy."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hosts = []  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def hosts(self) -> list[str]:
        """The hosts that requests were meant for, in the order in which they came."""
        hosts: list[str] = self._server.hosts  # type: ignore[attr-defined]
        return hosts


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.server.hosts.append(self.headers["Host"])  # type: ignore[attr-defined]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        script = _script(asked)
        if "status" in script:
            error = {"error": {"message": "As you wish.", "type": "scripted"}}
            self._send(script["status"], "application/json", json.dumps(error))
            return
        kind = urlsplit(self.path).path.rpartition("/v1/")[2] or urlsplit(self.path).path
        if asked.get("stream"):
            pieces = (_events if "responses" in kind else _chunks)(asked, script)
            self._send(200, "text/event-stream", "".join(pieces))
        else:
            self._send(200, "application/json", json.dumps(_answer(kind, asked, script)))

    def _send(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def _script(asked: dict[str, Any]) -> dict[str, Any]:
    text = asked["messages"][-1]["content"] if "messages" in asked else None
    text = text if text is not None else asked.get("input", asked.get("prompt", ""))
    while isinstance(text, list) and text:
        text = text[-1]
    if isinstance(text, dict):
        text = text.get("text") or text.get("content", "")
    if isinstance(text, list):
        text = text[-1].get("text", "")
    try:
        script = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return script if isinstance(script, dict) else {}


def _head(asked: dict[str, Any], script: dict[str, Any], kind: str) -> dict[str, Any]:
    model = script.get("model") or asked.get("model") or "a-deployment"
    return {"id": "answer-1", "object": kind, "created": 1_700_000_000, "model": model}


def _answer(kind: str, asked: dict[str, Any], script: dict[str, Any]) -> dict[str, Any]:
    usage = script.get("usage", USAGE)
    if "embeddings" in kind:
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        data = [
            {"object": "embedding", "index": place, "embedding": [0.5, 0.25]}
            for place in range(len(texts))
        ]
        return {**_head(asked, script, "list"), "data": data, "usage": usage}
    if "responses" in kind:
        return _response(asked, script)
    choices: list[dict[str, Any]] = []
    for index in range(asked.get("n") or 1):
        said: dict[str, Any] = {"message": {"role": "assistant", "content": _text(script)}}
        if "chat" not in kind:
            said = {"text": "".join(WORDS)}
        choices.append({"index": index, "finish_reason": script.get("finish", "stop"), **said})
    whole = _head(asked, script, "chat.completion" if "chat" in kind else "text_completion")
    return {**whole, "choices": choices, "usage": usage}


def _text(script: dict[str, Any]) -> str:
    return str(script.get("says", "".join(WORDS)))


def _chunks(asked: dict[str, Any], script: dict[str, Any]) -> Iterator[str]:
    head = _head(asked, script, "chat.completion.chunk")
    for word in WORDS:
        delta = {"role": "assistant", "content": word}
        yield _data({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    if script.get("torn"):
        yield _data({"error": {"message": "Torn."}})
        return
    yield _data({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield _data({**head, "choices": [], "usage": script.get("usage", USAGE)})
    yield "data: [DONE]\n\n"


def _response(asked: dict[str, Any], script: dict[str, Any]) -> dict[str, Any]:
    usage = script.get("usage", USAGE)
    words = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    if usage is not None:
        details = {
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        usage = {**details, **{words.get(name, name): value for name, value in usage.items()}}
    content = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
    said = {"type": "message", "id": "msg-1", "role": "assistant", "status": "completed"}
    return {
        **_head(asked, script, "response"),
        "created_at": 1_700_000_000,
        "status": "completed",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "output": [{**said, "content": [content]}],
        "usage": usage,
    }


def _events(asked: dict[str, Any], script: dict[str, Any]) -> Iterator[str]:
    whole = _response(asked, script)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    place = {"item_id": "msg-1", "output_index": 0, "content_index": 0, "logprobs": []}
    item = {**whole["output"][0], "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": word} for word in WORDS),
        {"type": "response.completed", "response": whole},
    ]
    for number, event in enumerate(events):
        yield f"event: {event['type']}\n" + _data({**event, "sequence_number": number})


def _data(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document)}\n\n"
