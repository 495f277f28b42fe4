"""An app on Ark's client: makes contexts, talks in them, and meets every refusal.

    ark_app.py sync|async BASE_URL ENDPOINT

The client takes its key from ARK_API_KEY. Prints one line of JSON: what it saw in each scene. Words
in `<<…>>` tell the scripted model how to behave.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

import httpx
from volcenginesdkarkruntime import Ark, AsyncArk
from volcenginesdkarkruntime._exceptions import ArkAPIError, ArkError

SYSTEM = "You are Lán, 图书管理员, and terse."
REFUSALS = (ArkError, httpx.HTTPError)


@dataclass
class Call:
    """A call of the client."""

    make: Callable[[Any], Any]


@dataclass
class Take:
    """The next chunks of a stream, put into `into`: so many, or all."""

    stream: Any
    count: int | None = None
    into: list[Any] = field(default_factory=list)


@dataclass
class Close:
    """The end of a stream that is not read on."""

    stream: Any


Step = Call | Take | Close
Scene = Generator[Step, Any, dict[str, Any]]


def main() -> None:
    mode, base_url, endpoint = sys.argv[1:]
    answers = {}
    for scene in (documented, remembering, shared_prefix, whole, parts, refused, broken, busy):
        answers[scene.__name__] = play(mode, scene(endpoint), base_url=base_url)
    for scene in (too_many, failing):
        answers[scene.__name__] = play(mode, scene(endpoint), base_url=base_url, max_retries=0)
    answers["retried"] = play(mode, retried(endpoint), base_url=base_url)
    answers["stranger"] = play(mode, stranger(endpoint), base_url=base_url, api_key="wrong")
    bare = base_url.removesuffix("/api/v3")
    answers["bare"] = play(mode, documented(endpoint), base_url=bare)
    print(json.dumps(answers))


def documented(endpoint: str) -> Scene:
    """What the vendor's note does: half an hour to live, and a stream printed without a guard."""
    context = yield create(endpoint, ttl=timedelta(minutes=30))
    stream = yield chat(context.id, endpoint, "Who are you?", stream=True)
    chunks = yield Take(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    return {
        "context": seen(context),
        "printed": "".join(map(str, pieces)),
        "last": pieces[-1],
        "roles": sorted(
            {chunk.choices[0].delta.role for chunk in chunks if chunk.choices} - {None}
        ),
        "finish": chunks[-1].choices[0].finish_reason,
        "usages": [seen(chunk)["usage"] for chunk in chunks if chunk.usage],
        "ids": len({chunk.id for chunk in chunks}),
        "objects": sorted({chunk.object for chunk in chunks}),
    }


def remembering(endpoint: str) -> Scene:
    """A session: the second turn knows the first, and says so in its usage."""
    context = yield create(endpoint, truncation_strategy=last_history(4096), ttl=7200)
    first = yield chat(context.id, endpoint, "I am Ada.")
    stream = yield chat(
        context.id,
        endpoint,
        "Who am I?",
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = yield Take(stream)
    return {
        "context": seen(context),
        "first": seen(first),
        "second": "".join(chunk.choices[0].delta.content for chunk in chunks if chunk.choices),
        "usages": [seen(chunk)["usage"] for chunk in chunks if chunk.usage],
        "usage_choices": chunks[-1].choices,
    }


def shared_prefix(endpoint: str) -> Scene:
    """A common prefix: the second call does not know the first."""
    context = yield create(endpoint, mode="common_prefix")
    answers = []
    for text in ("I am Ada.", "Who am I?"):
        answers.append((yield chat(context.id, endpoint, text)))
    return {"context": seen(context), "answers": [seen(answer) for answer in answers]}


def whole(endpoint: str) -> Scene:
    """An answer in one piece, with every parameter that the client can send."""
    context = yield create(endpoint)
    given = {"max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": ["END"]}
    answer = yield chat(context.id, endpoint, "Good day.", **given)
    own = {"X-Client-Request-Id": "request-of-mine"}
    named = yield Call(lambda c: raw(c, context.id, endpoint, own))
    unnamed = yield Call(lambda c: raw(c, context.id, endpoint, {}))
    ids = [one.headers["x-client-request-id"] for one in (named, unnamed)]
    return {"answer": seen(answer), "echoed": ids, "ours": unnamed.headers["x-request-id"]}


def raw(client: Any, context: str, endpoint: str, headers: dict[str, str]) -> Any:
    """An answer with its HTTP headers."""
    messages = [{"role": "user", "content": "And again."}]
    return client.context.completions.with_raw_response.create(
        context_id=context, model=endpoint, messages=messages, extra_headers=headers
    )


def parts(endpoint: str) -> Scene:
    """A message in parts, and an answer with thoughts."""
    context = yield create(endpoint)
    content = [{"type": "text", "text": "Think. <<reasoning thought=Hm. text=Yes.>>"}]
    answer = yield Call(
        lambda c: c.context.completions.create(
            context_id=context.id, model=endpoint, messages=[{"role": "user", "content": content}]
        )
    )
    return {"answer": seen(answer)}


def refused(endpoint: str) -> Scene:
    """What cannot be done, by the names that the client's exceptions have."""
    context = yield create(endpoint)
    session = create(endpoint, mode="common_prefix", truncation_strategy=last_history(100))
    ends = [{"role": "assistant", "content": "I go first."}]
    steps = {
        "unknown_context": chat("ctx-20200101000000-abcde", endpoint, "Hello?"),
        "unknown_endpoint": create("ep-nowhere"),
        "other_endpoint": chat(context.id, "ep-other", "Hello?"),
        "assistant_last": Call(
            lambda c: c.context.completions.create(
                context_id=context.id, model=endpoint, messages=ends
            )
        ),
        "assistant_last_on_create": Call(
            lambda c: c.context.create(model=endpoint, messages=ends, mode="session")
        ),
        "strategy_on_prefix": session,
        "no_messages": Call(
            lambda c: c.context.completions.create(
                context_id=context.id, model=endpoint, messages=[]
            )
        ),
    }
    told = {}
    for name, step in steps.items():
        told[name] = yield from refusal(step)
    told["usable"] = seen((yield chat(context.id, endpoint, "Hello?")))
    return told


def broken(endpoint: str) -> Scene:
    """An answer that breaks off, and the context after it."""
    context = yield create(endpoint)
    told: dict[str, Any] = {}
    for name in ("error_frame after=3", "cut_stream after=3", "bad_frame after=3"):
        stream = yield chat(context.id, endpoint, f"Go on <<{name}>>", stream=True)
        taking = Take(stream)
        told[name.split()[0]] = yield from refusal(taking)
        told[name.split()[0]]["chunks"] = len(taking.into)
    told["after"] = seen((yield chat(context.id, endpoint, "Still there?")))
    return told


def busy(endpoint: str) -> Scene:
    """A session that is asked twice at once, and again when the first call was hung up."""
    context = yield create(endpoint)
    stream = yield chat(context.id, endpoint, "Slowly <<hold after=3>>", stream=True)
    begun = yield Take(stream, 1)
    told = yield from refusal(chat(context.id, endpoint, "And I?"))
    yield Close(stream)
    answer = None
    while answer is None:  # the server notices a moment later
        try:
            answer = yield chat(context.id, endpoint, "Now?")
        except ArkAPIError as error:
            if error.code != told["code"]:
                raise
    return {"begun": len(begun), "refused": told, "after": seen(answer)}


def too_many(endpoint: str) -> Scene:
    """The provider has too much to do."""
    context = yield create(endpoint)
    told = yield from refusal(
        chat(context.id, endpoint, "Go on <<refuse status=429 retry_after=3>>")
    )
    return told


def failing(endpoint: str) -> Scene:
    """The provider fails, in every way in which it can before its first word."""
    context = yield create(endpoint)
    told = {}
    for marker in ("status code=500", "status code=503", "garbage", "wrong_shape", "close_at_once"):
        for stream in (False, True):
            name = f"{marker} {'stream' if stream else 'whole'}"
            step = chat(context.id, endpoint, f"Go on <<{marker}>>", stream=stream)
            told[name] = yield from refusal(step)
    told["after"] = seen((yield chat(context.id, endpoint, "Still there?")))
    return told


def retried(endpoint: str) -> Scene:
    """The provider fails as often as the client tries."""
    context = yield create(endpoint)
    told = yield from refusal(chat(context.id, endpoint, "Retried <<status code=500>>"))
    return told


def stranger(endpoint: str) -> Scene:
    """A key that nobody has."""
    told = yield from refusal(create(endpoint))
    return told


def create(endpoint: str, **options: Any) -> Call:
    messages = [{"role": "system", "content": SYSTEM}]
    return Call(lambda c: c.context.create(model=endpoint, messages=messages, **options))


def chat(context: str, endpoint: str, text: str, **options: Any) -> Call:
    messages = [{"role": "user", "content": text}]
    return Call(
        lambda c: c.context.completions.create(
            context_id=context, model=endpoint, messages=messages, **options
        )
    )


def last_history(tokens: int) -> dict[str, Any]:
    return {"type": "last_history_tokens", "last_history_tokens": tokens}


def refusal(step: Step) -> Generator[Step, Any, dict[str, Any]]:
    """What an exception of the client tells; nothing when there was none."""
    try:
        yield step
    except REFUSALS as error:
        names = ("status_code", "code", "type", "param", "message", "request_id")
        told = {name: getattr(error, name, None) for name in names}
        return {"exception": type(error).__name__, "text": str(error), **told}
    return {}


def seen(answer: Any) -> dict[str, Any]:
    """An object of the client as plain data, and how it holds its usage."""
    plain: dict[str, Any] = answer.model_dump(mode="json", warnings=False)
    return {**plain, "usage_kind": type(getattr(answer, "usage", None)).__name__}


def play(mode: str, scene: Scene, **options: Any) -> dict[str, Any]:
    """A scene with a client of its own; what ended it too soon is told as `raised`."""
    try:
        if mode == "async":
            return asyncio.run(play_async(scene, AsyncArk(**options)))
        return play_sync(scene, Ark(**options))
    except Exception as error:  # noqa: BLE001 the other scenes shall be told nevertheless
        return {"raised": f"{type(error).__name__}: {error}"}


def play_sync(scene: Scene, client: Ark) -> dict[str, Any]:
    try:
        step = next(scene)
        while True:
            try:
                outcome = done(step, client)
            except REFUSALS as error:
                step = scene.throw(error)
            else:
                step = scene.send(outcome)
    except StopIteration as end:
        answers: dict[str, Any] = end.value
        return answers


def done(step: Step, client: Ark) -> Any:
    if isinstance(step, Call):
        return step.make(client)
    if isinstance(step, Close):
        return step.stream.close()
    for chunk in islice(step.stream, step.count):
        step.into.append(chunk)
    return step.into


async def play_async(scene: Scene, client: AsyncArk) -> dict[str, Any]:
    try:
        step = next(scene)
        while True:
            try:
                outcome = await done_async(step, client)
            except REFUSALS as error:
                step = scene.throw(error)
            else:
                step = scene.send(outcome)
    except StopIteration as end:
        answers: dict[str, Any] = end.value
        return answers


async def done_async(step: Step, client: AsyncArk) -> Any:
    if isinstance(step, Call):
        return await step.make(client)
    if isinstance(step, Close):
        return await step.stream.close()
    async for chunk in step.stream:
        step.into.append(chunk)
        if len(step.into) == step.count:
            break
    return step.into


if __name__ == "__main__":
    main()
