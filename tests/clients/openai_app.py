"""An app on OpenAI's client: chats, tools, pictures, vectors, responses, and every refusal.

    openai_app.py BASE_URL ENDPOINT CONTEXT

The client takes its key from OPENAI_API_KEY; CONTEXT is a context that was made before. Prints one
line of JSON: what it saw in each scene. Words in `<<…>>` tell the scripted model how to behave.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import openai
from openai import OpenAI

PICTURE = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = 'Look <<tool_calls name=weather arguments={"city":"Łódź"}>>'


@dataclass(frozen=True)
class App:
    """What each scene has: a client that does not retry, the endpoint, a context."""

    client: OpenAI
    endpoint: str
    context: str

    def chat(self, text: Any, **options: Any) -> Any:
        """One question."""
        messages = [{"role": "user", "content": text}]
        return self.talk(messages, **options)

    def talk(self, messages: list[Any], **options: Any) -> Any:
        """A whole conversation."""
        return self.client.chat.completions.create(
            model=self.endpoint, messages=messages, **options
        )

    def respond(self, text: Any, **options: Any) -> Any:
        """A question to the Responses API."""
        return self.client.responses.create(model=self.endpoint, input=text, **options)


def main() -> None:
    base_url, endpoint, context = sys.argv[1:]
    app = App(OpenAI(base_url=base_url, max_retries=0), endpoint, context)
    scenes = (chat, stream, metered, tools, several, picture, models, embeddings, extended)
    more = (remembering, responses, streamed_response, conversation, refused, broken, retried)
    print(json.dumps({scene.__name__: play(scene, app) for scene in (*scenes, *more)}))


def play(scene: Callable[[App], Any], app: App) -> Any:
    """A scene; what ended it too soon is told as `raised`."""
    try:
        return scene(app)
    except Exception as error:  # noqa: BLE001 the other scenes shall be told nevertheless
        return {"raised": f"{type(error).__name__}: {error}"}


def chat(app: App) -> Any:
    """One answer, whole."""
    return plain(app.chat("Good day.", temperature=0.5, max_tokens=100, seed=7))


def stream(app: App) -> Any:
    """The same in pieces."""
    chunks = list(app.chat("Good day.", stream=True))
    return {**told(chunks), "usages": [chunk.usage is not None for chunk in chunks]}


def metered(app: App) -> Any:
    """The same with what it took."""
    options = {"include_usage": True}
    chunks = list(app.chat("Good day.", stream=True, stream_options=options))
    usages = [plain(chunk.usage) for chunk in chunks if chunk.usage]
    return {**told(chunks), "usages": usages, "last_choices": len(chunks[-1].choices)}


def tools(app: App) -> Any:
    """A function is called, whole and in pieces, and its result is sent."""
    asked: list[Any] = [{"role": "user", "content": CALL}]
    message = app.talk(asked, tools=[WEATHER], tool_choice="auto").choices[0].message
    pieces = list(app.talk(asked, tools=[WEATHER], stream=True))
    calls = [call for piece in pieces for call in piece.choices[0].delta.tool_calls or ()]
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Rain."}
    asked += [message, result]
    return {
        "call": plain(message.tool_calls[0]),
        "streamed_name": "".join(call.function.name or "" for call in calls),
        "streamed": "".join(call.function.arguments for call in calls),
        "finish": pieces[-1].choices[0].finish_reason,
        "after": plain(app.talk([*asked, user("And now?")], tools=[WEATHER])),
    }


def several(app: App) -> Any:
    """Two answers to one question, whole and in pieces."""
    chunks = list(app.chat("Good day.", n=2, stream=True))
    return {
        "whole": plain(app.chat("Good day.", n=2)),
        "streamed": [told(chunks, 0), told(chunks, 1)],
    }


def picture(app: App) -> Any:
    """A picture beside a text."""
    shown = {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}
    return plain(app.chat([{"type": "text", "text": "What is this?"}, shown]))


def models(app: App) -> Any:
    """What there is to talk to."""
    listed = [plain(model) for model in app.client.models.list()]
    return {"listed": listed, "one": plain(app.client.models.retrieve(app.endpoint))}


def embeddings(app: App) -> Any:
    """Vectors: as the client asks for them by itself, and as plain numbers."""
    options = {"model": app.endpoint, "input": ["one", "two"], "dimensions": 4}
    packed = app.client.embeddings.create(**options)
    numbers = app.client.embeddings.create(**options, encoding_format="float")
    return {"packed": plain(packed), "numbers": plain(numbers)}


def extended(app: App) -> Any:
    """What this server has beyond OpenAI: who speaks, in which conversation, about what."""
    headers = {"X-Conversation-Id": "conversation-of-openai"}
    about = {"metadata": {"plan": "free"}, "user": "user-of-openai"}
    return plain(app.chat("Log me.", **about, extra_headers=headers))


def remembering(app: App) -> Any:
    """Two turns in a context, of which only the new one is sent."""
    body = {"context_id": app.context}
    first = plain(app.chat("I am Ada.", extra_body=body))
    chunks = list(app.chat("Who am I?", stream=True, extra_body=body))
    return {"first": first, "second": told(chunks)}


def responses(app: App) -> Any:
    """A chain of responses, one of them read again and deleted."""
    first = app.respond("I am Ada.", instructions="Speak softly.", metadata={"plan": "free"})
    second = app.respond("Who am I?", previous_response_id=first.id)
    branch = app.respond("Who was I?", previous_response_id=first.id)
    read = app.client.responses.retrieve(second.id)
    app.client.responses.delete(second.id)
    unkept = app.respond("Forget it.", store=False)
    return {
        "first": {**plain(first), "text": first.output_text},
        "second": {**plain(second), "text": second.output_text},
        "branch": branch.output_text,
        "read": {**plain(read), "text": read.output_text},
        "deleted": refusal(lambda: app.client.responses.retrieve(second.id)),
        "unkept": refusal(lambda: app.client.responses.retrieve(unkept.id)),
        "lost": refusal(lambda: app.respond("Go on.", previous_response_id=unkept.id)),
    }


def streamed_response(app: App) -> Any:
    """A response in events, and the next one after it."""
    events = list(app.respond("Good day.", stream=True))
    final = events[-1].response
    return {
        "types": [event.type for event in events],
        "numbers": [event.sequence_number for event in events],
        "text": "".join(e.delta for e in events if e.type == "response.output_text.delta"),
        "final": {**plain(final), "text": final.output_text},
        "next": app.respond("And now?", previous_response_id=final.id).output_text,
        "broken": [e.type for e in app.respond("Go on <<error_frame after=3>>", stream=True)],
    }


def conversation(app: App) -> Any:
    """A conversation that responses are added to."""
    made = app.client.conversations.create(metadata={"plan": "free"})
    texts = [app.respond(text, conversation=made.id).output_text for text in ("One.", "Two.")]
    read = app.client.conversations.retrieve(made.id)
    deleted = app.client.conversations.delete(made.id)
    return {"made": plain(made), "texts": texts, "read": plain(read), "deleted": plain(deleted)}


def refused(app: App) -> Any:
    """What cannot be done, by the names that the client's exceptions have."""
    stranger = App(app.client.with_options(api_key="wrong"), app.endpoint, "")
    nowhere = App(app.client, "no-such-model", "")
    lost = {"context_id": "ctx-20200101000000-abcde"}
    return {
        "stranger": refusal(lambda: stranger.chat("Hello?")),
        "unknown_model": refusal(lambda: nowhere.chat("Hello?")),
        "unknown_context": refusal(lambda: app.chat("Hello?", extra_body=lost)),
        "no_messages": refusal(lambda: app.talk([])),
        "too_many": refusal(lambda: app.chat("Go on <<refuse retry_after=3>>")),
        "bad_request": refusal(lambda: app.chat("Go on <<status code=400>>")),
        "failing": refusal(lambda: app.chat("Go on <<status code=500>>")),
        "garbage": refusal(lambda: app.chat("Go on <<garbage>>")),
        "garbage_streamed": refusal(lambda: list(app.chat("Go on <<garbage>>", stream=True))),
        "closed": refusal(lambda: app.chat("Go on <<close_at_once>>")),
        "response": refusal(lambda: app.respond("Go on <<refuse retry_after=3>>")),
    }


def broken(app: App) -> Any:
    """Streams that break off, by what the client makes of it."""
    seen = {}
    for marker in ("error_frame after=3", "cut_stream after=3", "half_frame after=3", "no_done"):
        chunks: list[Any] = []
        stream = app.chat(f"Go on <<{marker}>>", stream=True)
        end = refusal(partial(chunks.extend, stream))
        seen[marker.split()[0]] = {**end, **told(chunks)}
    return seen


def retried(app: App) -> Any:
    """The provider fails as often as the client tries."""
    patient = App(app.client.with_options(max_retries=2), app.endpoint, "")
    return refusal(lambda: patient.chat("Retried <<refuse status=429 retry_after=0>>"))


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """What an exception of the client tells; nothing when there was none."""
    try:
        call()
    except (openai.APIError, httpx.HTTPError) as error:
        names = ("status_code", "code", "type", "param", "message", "body")
        told = {name: getattr(error, name, None) for name in names}
        response = getattr(error, "response", None)
        again = response.headers.get("retry-after") if response is not None else None
        return {"exception": type(error).__name__, "retry_after": again, **told}
    return {}


def told(chunks: list[Any], index: int = 0) -> dict[str, Any]:
    """What one choice of a stream came to."""
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return {
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish": [choice.finish_reason for choice in choices if choice.finish_reason],
        "pieces": len(choices),
        "models": sorted({chunk.model for chunk in chunks}),
        "ids": len({chunk.id for chunk in chunks}),
    }


def plain(value: Any) -> dict[str, Any]:
    """An object of the client as plain data."""
    made: dict[str, Any] = value.model_dump(mode="json", warnings=False)
    return made


if __name__ == "__main__":
    main()
