"""A chat model that is only a script: OpenAI's chat completions on loopback, streamed or whole.

    scripted_openai.py [PORT [DELAY_MS]]

Prints the port that it listens on, then serves until it is stopped, each answer after DELAY_MS. Its
reply to a text is always `reply_to(text)`; its tokens are the words. Who says `<<NAME TOWN>>` is
answered with a call of NAME for that town, if such a function has been offered.
"""

import json
import re
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CREATED = 1_700_000_000
CALL = re.compile(r"<<(\w+) (\w+)>>")


def reply_to(text: str) -> str:
    """What the model says to a last message of `text`."""
    return f"You said: {text}"


class ScriptedOpenAI(BaseHTTPRequestHandler):
    """POST /v1/chat/completions; anything else is not found."""

    protocol_version = "HTTP/1.1"
    # Else the body waits 40 ms for the acknowledgement of the head.
    disable_nagle_algorithm = True
    delay_s = 0.0

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.delay_s)
        if self.path != "/v1/chat/completions":
            self._send(404, "application/json", b'{"error":{"message":"No such path."}}')
        elif asked.get("stream"):
            events = "".join(f"data: {data}\n\n" for data in chunks(asked))
            self._send(200, "text/event-stream", events.encode())
        else:
            self._send(200, "application/json", json.dumps(completion(asked)).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the port is all that this program prints."""


class Listener(ThreadingHTTPServer):
    """One for many callers at once."""

    request_queue_size = 128


def completion(asked: dict[str, Any]) -> dict[str, Any]:
    """The whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": reply(asked)}
    if calls := called(asked):
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return {**head(asked, "chat.completion"), "choices": [choice], "usage": usage(asked)}


def chunks(asked: dict[str, Any]) -> Iterator[str]:
    """The answer in events of one word each, then its usage if that was asked for."""
    common = head(asked, "chat.completion.chunk")
    for delta, finish in deltas(asked):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        yield json.dumps({**common, "choices": [choice]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield json.dumps({**common, "choices": [], "usage": usage(asked)})
    yield "[DONE]"


def deltas(asked: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    yield {"role": "assistant", "content": ""}, None
    if calls := called(asked):
        yield {"tool_calls": [{"index": 0, **calls[0]}]}, None
        yield {}, "tool_calls"
        return
    for number, word in enumerate(reply(asked).split(" ")):
        yield {"content": f" {word}" if number else word}, None
    yield {}, "stop"


def called(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The call that the last message asks for, if it is the user's and there are functions."""
    last = asked["messages"][-1]
    found = CALL.search(text_of(last))
    if not (found and asked.get("tools") and last["role"] == "user"):
        return []
    function = {"name": found[1], "arguments": json.dumps({"city": found[2]})}
    return [{"id": f"call_{found[2]}", "type": "function", "function": function}]


def head(asked: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": CREATED, "model": asked["model"]}


def usage(asked: dict[str, Any]) -> dict[str, int]:
    prompt = sum(len(text_of(message).split()) for message in asked["messages"])
    said = len(reply(asked).split())
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


def reply(asked: dict[str, Any]) -> str:
    return reply_to(text_of(asked["messages"][-1]))


def text_of(message: dict[str, Any]) -> str:
    """A message's text, which travels as a string or as parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


if __name__ == "__main__":
    port, delay_ms = (*map(int, sys.argv[1:]), 0, 0)[:2]
    ScriptedOpenAI.delay_s = delay_ms / 1_000
    server = Listener(("127.0.0.1", port), ScriptedOpenAI)
    print(server.server_port, flush=True)
    server.serve_forever()
