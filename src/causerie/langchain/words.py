"""Messages, inputs and outputs of LangChain as what people can read.

Whatever a runnable takes or gives comes here: chat messages, texts, dicts of them, documents,
prompts, models of pydantic. Nothing of LangChain is imported: a message is what has a type and a
content, so that every version's messages are understood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from causerie.client.items import Item, readable

ROLES = {
    "human": "user",
    "user": "user",
    "ai": "assistant",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}
SILENT_PARTS = frozenset(
    {
        *("tool_use", "tool_call", "tool_call_chunk", "function_call", "input_json_delta"),
        *("thinking", "redacted_thinking", "reasoning", "reasoning_content", "non_standard"),
    }
)
"""Parts of a content that are no words: calls, which stand beside it, and what a model thought."""
HISTORY_KEYS = ("chat_history", "history")
INPUT_KEYS = ("messages", "input", "question", "query", "prompt", "human_input", "user_input")
OUTPUT_KEYS = ("output", "answer", "text", "result", "response", "content", "generation")
TEXT_CHARS_MAX = 200_000
"""The longest text that is made of something that is none."""


@dataclass
class Talk:
    """What a run was given: all that has been said, and what of it is new."""

    whole: list[Item] = field(default_factory=list)
    new: list[Item] = field(default_factory=list)
    continues: bool = False
    """The model has said something before."""


# ---- what a run was given ------------------------------------------------------------------------


def talk_of(given: Any) -> Talk:
    """The inputs of a chain, as messages."""
    messages = messages_in(given)
    if messages is not None:
        return talk_of_messages(messages)
    if isinstance(given, Mapping):
        return _talk_of_fields(given)
    return _asked(text_of(given))


def _asked(text: str) -> Talk:
    said = [_said("user", text)] if text else []
    return Talk(said, said)


def _talk_of_fields(given: Mapping[str, Any]) -> Talk:
    history = next((found for key in HISTORY_KEYS if (found := messages_in(given.get(key)))), [])
    fields = {key: value for key, value in given.items() if key not in HISTORY_KEYS}
    key = next((key for key in INPUT_KEYS if fields.get(key)), None)
    asked = fields if key is None else fields[key]
    messages = messages_in(asked)
    if messages is not None:
        return talk_of_messages([*history, *messages])
    talk = _asked(text_of(asked))
    before = talk_of_messages(history or ())
    return Talk([*before.whole, *talk.whole], talk.new, before.continues)


def talk_of_messages(messages: Sequence[Any]) -> Talk:
    """The last that the model said, and all before it, is history."""
    answered = [place for place, one in enumerate(messages) if role_of(one) == "assistant"]
    cut = answered[-1] + 1 if answered else 0
    # Apart from each other: a tool's answer stands with its call only where both are meant.
    return Talk(items_of_messages(messages), items_of_messages(messages[cut:]), bool(answered))


def messages_in(value: Any) -> list[Any] | None:
    """The chat messages that a value is, or has; None when it is something else."""
    to_messages = getattr(value, "to_messages", None)
    if callable(to_messages):
        return list(to_messages())
    if _is_message(value):
        return [value]
    if isinstance(value, Mapping):
        inner = value.get("messages")
        return None if inner is None or isinstance(inner, Mapping) else messages_in(inner)
    if isinstance(value, list | tuple) and value and all(map(_is_any_message, value)):
        return list(value)
    return None


def _is_message(value: Any) -> bool:
    return hasattr(value, "content") and isinstance(getattr(value, "type", None), str)


def _is_any_message(value: Any) -> bool:
    """Also those that LangChain would make a message of: ("user", "…") and {"role": "user", …}."""
    if isinstance(value, Mapping):
        return ("role" in value or "type" in value) and "content" in value
    if isinstance(value, tuple):
        return len(value) == 2 and isinstance(value[0], str) and value[0] in ROLES
    return _is_message(value)


# ---- messages ------------------------------------------------------------------------------------


def role_of(message: Any) -> str:
    """user, assistant, system or tool; what LangChain does not name keeps its own name."""
    if isinstance(message, tuple):
        return ROLES[message[0]]
    if isinstance(message, Mapping):
        named = str(message.get("role") or message.get("type"))
    else:
        # Pieces of a stream have types such as AIMessageChunk.
        named = str(message.type).removesuffix("MessageChunk").lower()
        named = str(getattr(message, "role", None) or named) if named == "chat" else named
    return "tool" if named in ("tool", "function") else ROLES.get(named, named)


def items_of_messages(messages: Iterable[Any]) -> list[Item]:
    """Messages as the server takes them. A tool's answer stands with its call."""
    items: list[Item] = []
    calls: dict[str, Item] = {}
    for message in messages:
        role = role_of(message)
        if role == "tool":
            _answer(message, items, calls)
            continue
        text = words_of(_field(message, "content"))
        asked = list(_field(message, "tool_calls") or ()) if role == "assistant" else []
        if text or not asked:
            items.append(_said(role, text))
        for call in asked:
            item = call_of(call)
            calls[str(_field(call, "id"))] = item
            items.append(item)
    return items


def _answer(message: Any, items: list[Item], calls: Mapping[str, Item]) -> None:
    text = words_of(_field(message, "content"))
    call = calls.get(str(_field(message, "tool_call_id")))
    if call is None:
        items.append(tool_item(_field(message, "name"), observation=text))
    else:
        call["observation"] = text


def call_of(call: Any) -> Item:
    """A call that a model asks for, in LangChain's words or OpenAI's."""
    function = _field(call, "function")
    if function is None:
        return tool_item(_field(call, "name"), _field(call, "args"))
    return tool_item(_field(function, "name"), _field(function, "arguments"))


def tool_item(name: Any, given: Any = None, observation: str | None = None) -> Item:
    """A tool's call as the server takes it."""
    item: Item = {"type": "tool", "name": str(name or "tool")}
    if given not in (None, ""):
        item["input"] = plain(given)
    if observation is not None:
        item["observation"] = observation
    return item


def _said(role: str, text: str) -> Item:
    return {"role": role, "message": text}


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, tuple):
        return value[1] if name == "content" else None
    return getattr(value, name, None)


def words_of(content: Any) -> str:
    """A message's content as a text."""
    if isinstance(content, list):
        content = [part for part in content if not _is_silent(part)]
    return readable(content)


def _is_silent(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in SILENT_PARTS


# ---- what a run gave -----------------------------------------------------------------------------


def reply_of(given: Any, inputs: Any = None) -> list[Item]:
    """The output of a chain: what the model said last, or the one field that is an answer."""
    messages = messages_in(given)
    if messages is not None:
        return _last_said(messages)
    if isinstance(given, Mapping):
        fields = _own_fields(given, inputs)
        key = next((key for key in OUTPUT_KEYS if fields.get(key)), None)
        found = fields if key is None else fields[key]
        messages = messages_in(found)
        if messages is not None:
            return _last_said(messages)
        given = found
    text = text_of(given)
    return [_said("assistant", text)] if text else []


def _own_fields(given: Mapping[str, Any], inputs: Any) -> Mapping[str, Any]:
    """Without what a chain only hands through."""
    handed = inputs if isinstance(inputs, Mapping) else {}
    own = {
        key: value
        for key, value in given.items()
        if key not in HISTORY_KEYS and not (key in handed and handed[key] is value)
    }
    return own or given


def _last_said(messages: Sequence[Any]) -> list[Item]:
    """The tools' calls since the user spoke, and what the model said last."""
    roles = [role_of(one) for one in messages]
    asked = max((place for place, role in enumerate(roles) if role == "user"), default=-1)
    items = items_of_messages(messages[asked + 1 :])
    spoken = [item for item in items if item.get("role") == "assistant"][-1:]
    return [item for item in items if item.get("type") == "tool"] + spoken


# ---- anything ------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """Anything as a text."""
    if value is None or isinstance(value, str):
        return value or ""
    messages = messages_in(value)
    if messages is not None:
        return "\n\n".join(words_of(_field(one, "content")) for one in messages)
    for name in ("page_content", "return_values", "resume"):
        if hasattr(value, name):
            return text_of(getattr(value, name))
    if isinstance(value, Mapping):
        return _text_of_fields(value)
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return "\n\n".join(value)
    return _json(value)


def _text_of_fields(value: Mapping[str, Any]) -> str:
    texts = {str(key): text_of(inner) for key, inner in value.items()}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "\n".join(f"{key}: {text}" for key, text in texts.items() if text)


def _json(value: Any) -> str:
    made = plain(value)
    if isinstance(made, str):
        return made
    return msgspec.json.encode(made).decode()[:TEXT_CHARS_MAX]


def plain(value: Any) -> Any:
    """A copy that is only lists, dicts and scalars: what the app changes later is not seen."""
    try:
        return msgspec.to_builtins(value, enc_hook=_foreign)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return str(value)[:TEXT_CHARS_MAX]


def _foreign(value: Any) -> Any:
    if _is_message(value):
        return words_of(value.content)
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)
