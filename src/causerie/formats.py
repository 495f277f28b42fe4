"""The shapes in which other tools write a conversation, each turned into a Conversation.

Pure: one decoded JSON value in, one conversation out, or `Invalid` naming the field.
`recognise` tells the shapes apart by their keys; docs/import.md says what each becomes.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from causerie.chats import Chat, ChatMessage, about, chat_items, draft_chat
from causerie.conversations import Conversation, Kind
from causerie.drafts import (
    ROLES,
    THUMBS,
    TOOL_ROLES,
    Draft,
    Item,
    Stamp,
    exact_json,
    finish,
    json_text,
    plain,
    thumb,
)
from causerie.errors import Invalid

Shape = TypeVar("Shape")

TALK_KEYS = ("messages", "conversation", "conversations", "request", "prompt", "instruction")
"""Where the words stand, in one shape or another."""


def recognise(value: Any, now: datetime) -> Conversation:
    """The conversation that one line, or one item of an array, stands for.

    `now` dates what has no time at all. Raises Invalid, whose `field` is the path within `value`.
    """
    draft = _draft(value)
    if not draft.complete and not any(item.says_something for item in draft.items):
        raise Invalid("nobody says anything", field=_talk_key(value))
    return finish(draft, draft.id or _content_id(value), now)


def _draft(value: Any) -> Draft:
    match value:
        case {"conversation": [*_]}:
            return _wildchat(_shaped(value, WildChat))
        case {"conversation": _}:
            return _logged(_shaped(value, Logged), "conversation.messages")
        case {"conversations": _}:
            return _sharegpt(_shaped(value, ShareGPT))
        case {"request": _, "response": _}:
            return _exchange(_shaped(value, Exchange))
        case {"prompt": {"replies": _}}:
            return _oasst(_shaped(value, Tree))
        case {"instruction": _}:
            return _prompt(_shaped(value, Prompt))
        case {"messages": [{"content": _} | {"tool_calls": _}, *_]}:
            return draft_chat(_shaped(value, Chat))
        case {"messages": [{"message": _} | {"name": _} | {"type": "event" | "tool"}, *_]}:
            return _logged(Logged(_shaped(value, LoggedConversation)), "messages")
        case {"messages": _}:
            return draft_chat(_shaped(value, Chat))
    raise Invalid(f"no known shape: none of {', '.join(TALK_KEYS)} is in it")


def _shaped(value: Any, shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error


def _invalid(complaint: str) -> Invalid:
    what, _, path = complaint.replace("`", "").partition(" - at $")
    missing = re.fullmatch(r"Object missing required field (\w+)", what)
    if missing:
        return Invalid("missing", field=f"{path}.{missing[1]}".lstrip("."))
    return Invalid(what[:1].lower() + what[1:], field=path.lstrip(".") or None)


def _talk_key(value: dict[str, Any]) -> str:
    return next(key for key in TALK_KEYS if key in value)


def _content_id(value: Any) -> str:
    """An id for what has none: the same content has the same id, however it is spaced."""
    content = msgspec.json.encode(value, order="sorted")
    return "i_" + hashlib.blake2b(content, digest_size=12).hexdigest()


# ---- the log-conversation shape ----------------------------------------------------------------


class LoggedMessage(msgspec.Struct):
    """A message, tool or event item as the clients of Context send it."""

    type: Kind = Kind.MESSAGE
    role: str | None = None
    message: str | None = None
    event_timestamp: Stamp = None
    rating: int | None = None
    metadata: dict[str, Any] | None = None
    name: str | None = None
    thought: str | None = None
    input: Any = None
    observation: Any = None
    id: Any = None
    """Ours has one in an export; what others call so is taken where it tells messages apart."""


class LoggedConversation(msgspec.Struct):
    messages: list[LoggedMessage]
    id: str | int | None = None
    metadata: dict[str, Any] | None = None
    feedback: str | None = None
    tenant_id: str | int | None = None


class Logged(msgspec.Struct):
    conversation: LoggedConversation
    tenant_id: str | int | None = None


def _logged(logged: Logged, where: str) -> Draft:
    talk = logged.conversation
    return Draft(
        "context",
        [_logged_item(message, f"{where}[{n}]") for n, message in enumerate(talk.messages)],
        id=_name(talk.id),
        tenant=_name(logged.tenant_id) or _name(talk.tenant_id),
        metadata=plain(talk.metadata or {}, "metadata"),
        feedback=talk.feedback or "",
        # Under an id of its own even an empty thread is one: an export has it.
        complete=talk.id is not None,
    )


def _name(id: str | int | None) -> str:
    return "" if id is None else str(id)


def _logged_item(message: LoggedMessage, path: str) -> Item:
    if message.type is Kind.MESSAGE and not message.role:
        raise Invalid("missing", field=f"{path}.role")
    return Item(
        path,
        message.type,
        role=message.role or "",
        text=message.message or "",
        at=message.event_timestamp,
        at_key="event_timestamp",
        rating=thumb(message.rating, THUMBS, f"{path}.rating"),
        name=message.name or "",
        thought=message.thought or "",
        input="" if message.input is None else exact_json(message.input),
        observation=_observed(message.observation),
        metadata=plain(message.metadata or {}, f"{path}.metadata"),
        id=message.id if isinstance(message.id, str) else "",
    )


def _observed(observation: Any) -> str:
    if observation is None:
        return ""
    return observation if isinstance(observation, str) else exact_json(observation)


# ---- logs of requests and responses, and two sets that keep chat messages ----------------------


class Request(msgspec.Struct):
    messages: list[ChatMessage]
    model: str | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None


class Choice(msgspec.Struct):
    message: ChatMessage | None = None


class Response(msgspec.Struct):
    id: str | None = None
    created: Stamp = None
    model: str | None = None
    choices: list[Choice] = []


class Exchange(msgspec.Struct):
    """One line of a log of requests to a chat completions address and their responses."""

    request: Request
    response: Response | None = None
    recorded_at: Stamp = None


def _exchange(exchange: Exchange) -> Draft:
    asked, answered = exchange.request, exchange.response or Response()
    answer = answered.choices[0].message if answered.choices else None
    said = [*asked.messages, answer] if answer else asked.messages
    model = answered.model or asked.model
    return Draft(
        "openai",
        list(chat_items(said, "request.messages")),
        id=answered.id or "",
        metadata=about(Chat(said, user=asked.user, model=model, metadata=asked.metadata)),
        started_at=exchange.recorded_at if answered.created is None else answered.created,
        started_key="recorded_at" if answered.created is None else "response.created",
    )


class WildChat(msgspec.Struct):
    """WildChat and LMSYS: the messages stand under `conversation`."""

    conversation: list[ChatMessage]
    conversation_id: str | None = None
    conversation_hash: str | None = None
    model: str | None = None
    timestamp: Stamp = None
    language: str | None = None


def _wildchat(wild: WildChat) -> Draft:
    return Draft(
        "wildchat",
        list(chat_items(wild.conversation, "conversation")),
        id=wild.conversation_id or wild.conversation_hash or "",
        metadata=about(Chat([], model=wild.model, language=wild.language)),
        started_at=wild.timestamp,
        started_key="timestamp",
    )


class Prompt(msgspec.Struct):
    """A question without an answer, as WildChat's prompt lists have them."""

    instruction: str
    id: str | None = None
    cat: str | None = None


def _prompt(prompt: Prompt) -> Draft:
    metadata = {"category": prompt.cat} if prompt.cat else {}
    asked = Item("instruction", role="user", text=prompt.instruction)
    return Draft("wildchat", [asked], id=prompt.id or "", metadata=metadata)


# ---- ShareGPT ----------------------------------------------------------------------------------


class Turn(msgspec.Struct):
    value: str | None
    from_: str = msgspec.field(name="from")


class ShareGPT(msgspec.Struct):
    conversations: list[Turn]
    id: str | None = None
    model: str | None = None


def _sharegpt(shared: ShareGPT) -> Draft:
    turns = enumerate(shared.conversations)
    metadata = {"model": shared.model} if shared.model else {}
    items = [_turn(turn, f"conversations[{index}]") for index, turn in turns]
    return Draft("sharegpt", items, id=shared.id or "", metadata=metadata)


def _turn(turn: Turn, path: str) -> Item:
    said = turn.value or ""
    if turn.from_ == "function_call":
        return Item(path, Kind.TOOL, input=json_text(said))
    if turn.from_ in TOOL_ROLES:
        return Item(path, Kind.TOOL, observation=said)
    return Item(path, role=ROLES.get(turn.from_, turn.from_), text=said)


# ---- OASST trees -------------------------------------------------------------------------------


class Node(msgspec.Struct):
    text: str
    role: str
    replies: list[Node] = []
    rank: int | None = None
    lang: str | None = None
    created_date: Stamp = None
    deleted: bool = False


class Tree(msgspec.Struct):
    prompt: Node
    message_tree_id: str | None = None


def _oasst(tree: Tree) -> Draft:
    """The path that people ranked best: one conversation for each tree."""
    nodes, paths = [tree.prompt], ["prompt"]
    while open_ := [n for n, reply in enumerate(nodes[-1].replies) if not reply.deleted]:
        replies = nodes[-1].replies
        best = min(open_, key=lambda n: (replies[n].rank is None, replies[n].rank))
        nodes.append(replies[best])
        paths.append(f"{paths[-1]}.replies[{best}]")
    metadata = {"language": tree.prompt.lang} if tree.prompt.lang else {}
    items = [_node(node, path) for node, path in zip(nodes, paths, strict=True)]
    return Draft("oasst", items, id=tree.message_tree_id or "", metadata=metadata)


def _node(node: Node, path: str) -> Item:
    role = ROLES.get(node.role, node.role)
    return Item(path, role=role, text=node.text, at=node.created_date, at_key="created_date")
