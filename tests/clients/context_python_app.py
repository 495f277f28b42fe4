"""An app on context-python 0.18.0: sends what the client can send, reads what it can read.

    context_python_app.py sync|async RUN

RUN marks its transcripts. Prints one line of JSON: what every call returned.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError
from getcontext import ContextAPI
from getcontext.generated.aio import ContextAPI as AsyncContextAPI
from getcontext.generated.models import (
    Conversation,
    Message,
    MessageRole,
    Rating,
    Thread,
    ThreadMessage,
)
from getcontext.token import AsyncCredential, Credential

ARRIVAL_SECONDS_MAX = 30.0
LOOK_INTERVAL_SECONDS = 0.1
TENANT = "7"  # the client reads with whole numbers only
REFUSED_CODE = 3

Step = Callable[[Any], Any]
Story = Generator[Step | None, Any, dict[str, Any]]


def main() -> None:
    mode, run = sys.argv[1:]
    try:
        answers = tell_async(story(run)) if mode == "async" else tell(story(run))
    except HttpResponseError as error:
        refusal = {"type": type(error).__name__, "status": error.status_code, "message": str(error)}
        print(json.dumps({"refused": refusal}))
        sys.exit(REFUSED_CODE)
    print(json.dumps(answers))


def story(run: str) -> Story:
    """The calls in their order; each step is sent to the client, its result comes back here."""
    answers: dict[str, Any] = {}
    answers["log"] = yield lambda c: c.log.conversation(body={"conversation": shop_talk(run)})
    answers["log_tenant"] = yield lambda c: c.log.conversation(
        body={"conversation": shop_talk(run)}, tenant_id=TENANT
    )
    for turns in (1, 2):
        answers[f"upsert_{turns}"] = yield upsert(run, turns)
    thread = yield lambda c: c.log.conversation_thread(body={"conversation": new_thread(run)})
    answers["thread"] = thread.as_dict()
    appended = yield append_to(thread.data.id, run)
    answers["append"] = appended.as_dict()
    answers["patch"] = yield rate(thread.data.id)
    yield from arrival(run, answers)
    yield from reading(thread.data.id, answers)
    return answers


def shop_talk(run: str) -> Conversation:
    """A transcript with everything in it that the client knows."""
    start = datetime.now(UTC) - timedelta(hours=1)
    return Conversation(
        metadata={"run": run, "call": "log", "user_id": f"user-{run}", "model": "gpt-4-32k"},
        feedback="Quick and friendly.",
        messages=[
            Message(role=MessageRole.SYSTEM, message="You sell shoes."),
            Message(
                role=MessageRole.USER,
                message="Do you have the blue ones in 43?",
                event_timestamp=start,
                metadata={"page": "shoes"},
            ),
            Message(
                type="tool", name="stock", thought="Look.", input={"size": 43}, observation="2"
            ),
            Message(
                role=MessageRole.ASSISTANT,
                message="Yes, two pairs. ¿Algo más? 靴も。",
                event_timestamp=start + timedelta(seconds=3),
                rating=Rating.POSITIVE,
            ),
            Message(type="event", name="Checkout", metadata={"basket": "1"}),
        ],
    )


def upsert(run: str, turns: int) -> Step:
    """The same transcript, grown to `turns` questions with their answers."""
    messages = [
        Message(role=role, message=f"{word} {turn} of {run}")
        for turn in range(1, turns + 1)
        for role, word in ((MessageRole.USER, "Question"), (MessageRole.ASSISTANT, "Answer"))
    ]
    conversation = Conversation(messages=messages, metadata={"run": run, "call": "upsert"})
    return lambda c: c.log.conversation_upsert(body={"conversation": conversation})


def new_thread(run: str) -> Thread:
    return Thread(
        messages=[Message(role=MessageRole.USER, message="Where is my parcel?")],
        metadata={"run": run, "call": "thread"},
    )


def append_to(thread_id: str, run: str) -> Step:
    reply = Message(role=MessageRole.ASSISTANT, message="It arrives tomorrow.")
    thread = Thread(id=thread_id, messages=[reply], metadata={"run": run, "call": "thread"})
    return lambda c: c.log.conversation_thread(body={"conversation": thread})


def rate(thread_id: str) -> Step:
    return lambda c: c.log.update_conversation_thread(
        thread_id, body=[ThreadMessage(rating=Rating.POSITIVE)]
    )


def arrival(run: str, answers: dict[str, Any]) -> Generator[Step | None, Any, None]:
    """Looks until all that was sent can be read: it is kept at once, and shown soon after."""
    deadline = time.monotonic() + ARRIVAL_SECONDS_MAX
    while True:
        found = yield from of_run(run, {})
        tenants = yield from of_run(run, {"tenant_id": TENANT})
        answers["conversations"], answers["conversations_tenant"] = found, tenants
        if (arrived(found) and tenants) or time.monotonic() > deadline:
            return
        yield None


def of_run(run: str, options: dict[str, Any]) -> Generator[Step, Any, list[dict[str, Any]]]:
    page = yield lambda c: c.conversations(page=1, per_page=100, **options)
    return [item.as_dict() for item in page.conversations if item.metadata.get("run") == run]


def arrived(found: list[dict[str, Any]]) -> bool:
    lengths = {item["metadata"]["call"]: len(item["messages"]) for item in found}
    return "log" in lengths and lengths.get("upsert") == 4 and lengths.get("thread") == 2


def reading(thread_id: str, answers: dict[str, Any]) -> Generator[Step, Any, None]:
    conversation = yield lambda c: c.conversation(thread_id)
    answers["conversation"] = conversation.as_dict()
    page = yield lambda c: c.conversations(page=1, per_page=2)
    answers["pagination"] = page.pagination.as_dict()
    index = yield lambda c: c.conversation_series()
    answers["series"] = index.as_dict()
    for name in ("sentiment", "rating", "volume"):
        report = yield series(name)
        answers[name] = report.as_dict()
    report = yield lambda c: c.volume(period="week", tenant_id=TENANT)
    answers["volume_tenant"] = report.as_dict()


def series(name: str) -> Step:
    return lambda c: getattr(c, name)(period="day")


def tell(told: Story) -> dict[str, Any]:
    """Drives a story with the synchronous client."""
    credential = Credential(os.environ["CAUSERIE_TEST_TOKEN"])
    endpoint = os.environ["CAUSERIE_TEST_ENDPOINT"]
    with ContextAPI(credential=credential, endpoint=endpoint) as client:
        answer = None
        try:
            while True:
                step = told.send(answer)
                if not step:
                    time.sleep(LOOK_INTERVAL_SECONDS)
                answer = step(client) if step else None
        except StopIteration as end:
            answers: dict[str, Any] = end.value
            return answers


def tell_async(told: Story) -> dict[str, Any]:
    """Drives a story with the asynchronous client."""
    return asyncio.run(_tell_async(told))


async def _tell_async(told: Story) -> dict[str, Any]:
    credential = AsyncCredential(os.environ["CAUSERIE_TEST_TOKEN"])
    endpoint = os.environ["CAUSERIE_TEST_ENDPOINT"]
    async with AsyncContextAPI(credential=credential, endpoint=endpoint) as client:
        answer = None
        try:
            while True:
                step = told.send(answer)
                if not step:
                    await asyncio.sleep(LOOK_INTERVAL_SECONDS)
                answer = await step(client) if step else None
        except StopIteration as end:
            answers: dict[str, Any] = end.value
            return answers


if __name__ == "__main__":
    main()
