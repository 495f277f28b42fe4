"""An app whose conversations are remembered, on LangChain and langgraph of whichever version.

    sessions_app.py BASE_URL SERVER_URL ENDPOINT

The keys are those of the environment. Prints one line of JSON: what was said, place by place.
"""

import asyncio
import json
import sys
from importlib.metadata import version
from typing import Any

from langchain_core.runnables.history import RunnableWithMessageHistory

from causerie.client import Client
from causerie.sessions import (
    InteractionsFailed,
    ModelFailed,
    Sessions,
    additional_interactions,
    build_chain,
    build_model,
    build_prompt,
    read_settings,
    run_conversation,
)

CONFIG: Any = {"configurable": {"session_id": "versions"}}


def main() -> None:
    model_url, server_url, endpoint = sys.argv[1:]
    model = build_model(read_settings(base_url=model_url, model="scripted-1"), max_retries=0)
    chain = build_chain(build_prompt("Be brief."), model)
    with Client(url=server_url) as client:
        places = {"memory": Sessions(), "contexts": Sessions(client, model=endpoint)}
        told = asyncio.run(tell(places, chain))
    versions = {name: version(name) for name in ("langchain-core", "langgraph")}
    print(json.dumps({"versions": versions, **told}))


async def tell(places: dict[str, Sessions], chain: Any) -> dict[str, Any]:
    return {name: await talk(sessions, chain) for name, sessions in places.items()}


async def talk(sessions: Sessions, chain: Any) -> dict[str, Any]:
    sessions.delete("versions")
    conversation = sessions.build_conversation(chain)
    run_conversation(["1"], session_id="versions", conversation=conversation)
    list(conversation.stream({"input": "2"}, CONFIG))
    await conversation.ainvoke({"input": "3"}, CONFIG)
    pieces = [piece async for piece in conversation.astream({"input": "4"}, CONFIG)]
    ours = sessions.build_runnable_with_history(chain)
    ours.invoke({"input": "5"}, CONFIG)
    await ours.ainvoke({"input": "6"}, CONFIG)
    theirs = RunnableWithMessageHistory(
        chain,
        sessions.get_message_history,
        input_messages_key="input",
        history_messages_key="history",
    )
    theirs.invoke({"input": "7"}, CONFIG)
    try:
        conversation.invoke({"input": "<<status code=500>>"}, CONFIG)
        raised = None
    except ModelFailed as error:
        raised = error.status
    await asyncio.gather(*(conversation.ainvoke({"input": "8"}, CONFIG) for _ in range(3)))
    said = sessions.get_message_history("versions").messages
    return {
        "asked": [message.content for message in said if message.type == "human"],
        "types": sorted({type(message).__name__ for message in said}),
        "pieces": len(pieces),
        "raised": raised,
        "prompts": await prompts(chain),
        "sessions": sessions.session_ids(),
    }


async def prompts(chain: Any) -> list[Any]:
    found = await additional_interactions(["a", "b"], chain)
    try:
        await additional_interactions(["a", "<<status code=429>>"], chain)
    except InteractionsFailed as error:
        (failure,) = error.exceptions
        return [len(found.replies), found.used.total_tokens > 0, getattr(failure, "status", None)]
    return []


if __name__ == "__main__":
    main()
