"""OpenAI's Responses API as it travels: what is asked, in the words of a chat, and the response."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from causerie.errors import Invalid
from causerie.wire.items import Document

TRUNCATIONS = ("auto", "disabled")
INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer ended before its end, by the finish reason of a chat."""
HONOURED = frozenset({"max_tool_calls", "stream_options", "caching", "session"})
"""What is understood and changes nothing: no tools are called here, no events padded, and providers
remember beginnings by themselves.
"""
WHERE = re.compile(r"at `\$\.?(\w+)")
encode = msgspec.json.Encoder().encode


class Conversation(Struct):
    """A conversation, by its id."""

    id: str


class Text(Struct, omit_defaults=True):
    """What form the answer has."""

    format: dict[str, Any] | None = None
    verbosity: str | None = None


class Asked(Struct):
    """The body of a request, as far as it is not passed on as it came."""

    model: str | None = None
    input: str | list[Any] | None = None
    instructions: str | list[Any] | None = None
    previous_response_id: str | None = None
    conversation: str | Conversation | None = None
    store: bool | None = None
    stream: bool | None = None
    metadata: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: Text | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: dict[str, Any] | None = None
    truncation: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    expire_at: int | None = None
    """Seconds since 1970, as Ark's clients say it."""
    include: list[str] | None = None
    background: bool | None = None
    prompt: Any = None
    context_management: Any = None
    top_logprobs: int | None = None
    messages: Any = None
    n: Any = None


KNOWN = HONOURED | frozenset(Asked.__struct_fields__)
decode_asked = msgspec.json.Decoder(Asked).decode


def asked_of(body: bytes) -> Asked:
    """What is asked. Raises Invalid, also for what OpenAI offers and we do not."""
    try:
        asked = decode_asked(body)
    except msgspec.ValidationError as error:
        found = WHERE.search(str(error))
        raise Invalid(str(error), field=found[1] if found else "body") from None
    refused = {
        "background": asked.background and "no response is made in the background",
        "prompt": asked.prompt and "no prompts are kept here",
        "context_management": asked.context_management and "conversations are not compacted",
        "top_logprobs": asked.top_logprobs and "no probabilities are given",
        "include": "message.output_text.logprobs" in (asked.include or ())
        and "no probabilities are given",
        "messages": asked.messages is not None and "it is called input here",
        "n": asked.n not in (None, 1) and "there is one answer",
        "truncation": asked.truncation not in (None, *TRUNCATIONS) and "auto or disabled",
        "previous_response_id": bool(asked.previous_response_id and asked.conversation)
        and "a response goes on with this or with a conversation, not both",
    }
    for field, why in refused.items():
        if why:
            raise Invalid(f"{field}: {why}", field=field)
    return asked


def conversation_of(asked: Asked) -> str:
    """The id of the conversation that is gone on with; empty without one."""
    given = asked.conversation
    return given.id if isinstance(given, Conversation) else given or ""


# ---- in the words of a chat ----------------------------------------------------------------------


def chat_parameters(asked: Asked, body: Mapping[str, Raw], length: str) -> dict[str, Raw]:
    """The parameters of a chat that asks for the same; `length` is the provider's name for the most
    tokens that an answer may have. What is not known here stays as it came. Raises Invalid.
    """
    text = asked.text or Text()
    tools = [_tool(tool, f"tools[{place}]") for place, tool in enumerate(asked.tools or ())]
    said = {
        length: asked.max_output_tokens,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "user": asked.user,
        "safety_identifier": asked.safety_identifier,
        "reasoning_effort": (asked.reasoning or {}).get("effort"),
        "verbosity": text.verbosity,
        "response_format": _format(text.format),
        "tools": tools or None,
        # Without tools, providers refuse to be told how to use them.
        "tool_choice": _choice(asked.tool_choice) if tools else None,
        "parallel_tool_calls": asked.parallel_tool_calls if tools else None,
    }
    rest = {name: value for name, value in body.items() if name not in KNOWN}
    return rest | {name: Raw(encode(value)) for name, value in said.items() if value is not None}


def _tool(tool: Document, where: str) -> Document:
    if tool.get("type") != "function":
        message = f"{where}: only functions can be called here, no tools of type {tool.get('type')}"
        raise Invalid(message, field=where)
    if not isinstance(tool.get("name"), str):
        raise Invalid(f"{where}.name: a text is expected", field=f"{where}.name")
    names = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": _set(tool, names)}


def _choice(given: str | Document | None) -> str | Document | None:
    if given is None or isinstance(given, str):
        return given
    if given.get("type") != "function":
        raise Invalid("tool_choice: auto, none, required or a function", field="tool_choice")
    return {"type": "function", "function": _set(given, ("name",))}


def _format(given: Document | None) -> Document | None:
    if given is None or given.get("type") == "text":
        return None
    if given.get("type") == "json_schema":
        schema = _set(given, ("name", "description", "schema", "strict"))
        return {"type": "json_schema", "json_schema": schema}
    if given.get("type") == "json_object":
        return {"type": "json_object"}
    raise Invalid("text.format: text, json_object or json_schema", field="text.format")


def _set(given: Document, names: tuple[str, ...]) -> Document:
    return {name: given[name] for name in names if given.get(name) is not None}


# ---- the response --------------------------------------------------------------------------------


def begun(id: str, created: int, model: str, asked: Asked, store: bool) -> Document:
    """A response of which nothing is known yet but what was asked."""
    text = asked.text or Text()
    reasoning = {"effort": None, "summary": None, **(asked.reasoning or {})}
    return {
        "id": id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "max_tool_calls": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "previous_response_id": asked.previous_response_id or None,
        "conversation": None,
        "reasoning": reasoning,
        "safety_identifier": asked.safety_identifier,
        "service_tier": "default",
        "store": store,
        "temperature": asked.temperature,
        "text": {**msgspec.to_builtins(text), "format": text.format or {"type": "text"}},
        "tool_choice": asked.tool_choice or "auto",
        "tools": asked.tools or [],
        "top_logprobs": 0,
        "top_p": asked.top_p,
        "truncation": asked.truncation or "auto",
        "usage": None,
        "user": asked.user,
        "metadata": {},
    }


def ended(
    response: Document, model: str, output: list[Document], finish_reason: str, usage: Document
) -> Document:
    """The same with its answer."""
    reason = INCOMPLETE.get(finish_reason)
    status = "incomplete" if reason else "completed"
    if output and reason:
        output = [*output[:-1], {**output[-1], "status": status}]
    return {
        **response,
        "status": status,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": model or response["model"],
        "output": output,
        "usage": usage,
    }


def failed(response: Document, output: list[Document], code: str, message: str) -> Document:
    """The same with what went wrong."""
    error = {"code": code, "message": message}
    return {**response, "status": "failed", "error": error, "output": output}
