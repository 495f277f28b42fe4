"""An app that counts what it uses, on LangChain and langgraph of whichever version.

    usage_app.py PROXY

Each scene is a block of its own. Prints one line of JSON: the calls and tokens of each.
"""

import asyncio
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from causerie.usage import Scope, get_openai_callback, track

with track() as before:  # Imported inside a block, as a script's first lines may have it.
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    from langgraph.graph import END, START, MessagesState, StateGraph
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

ADDRESS = "http://api.openai.com/v1"
BODY: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
STREAM: Any = {**BODY, "stream": True, "stream_options": {"include_usage": True}}


def main() -> None:
    proxy = sys.argv[1]
    with DefaultHttpxClient(proxy=proxy, trust_env=False) as http:
        common: Any = {"base_url": ADDRESS, "api_key": "none", "max_retries": 0}
        model = ChatOpenAI(model="gpt-4o", stream_usage=True, http_client=http, **common)
        client = OpenAI(http_client=http, **common)
        told = {
            "invoke": invoke(model),
            "stream": stream(model),
            "broken_off": broken_off(model, client),
            "plain": plain(client),
            "nested": nested(model, client),
            "threads": threads(model, client),
            "graph": graph(model, client),
            "embeddings": embeddings(http, common),
            "responses": responses(model, client),
            "awaited": asyncio.run(awaited(proxy, common)),
            "callback": callback(model),
        }
    versions = {name: version(name) for name in ("langchain-core", "langgraph", "openai")}
    print(json.dumps({"scenes": told, "versions": versions}))


def seen(usage: Scope) -> list[Any]:
    """Calls, tokens in and out, cost, calls without a usage."""
    cost = None if usage.total_cost is None else float(usage.total_cost)
    unreported = usage.unreported_requests
    taken = [usage.successful_requests, usage.prompt_tokens, usage.completion_tokens]
    return [*taken, cost, unreported]


def invoke(model: Any) -> list[Any]:
    with track() as usage:
        model.invoke("Hello")
        model.batch(["One", "Two"])
        model.bind(n=2).invoke("Hello")
    return seen(usage)


def stream(model: Any) -> list[Any]:
    with track() as usage:
        list(model.stream("Hello"))
    return seen(usage)


def broken_off(model: Any, client: Any) -> list[Any]:
    with track() as usage:
        for _ in model.stream("Hello"):
            break
        for _ in client.chat.completions.create(**STREAM):
            break
    return seen(usage)


def plain(client: Any) -> list[Any]:
    with track() as usage:
        client.chat.completions.create(**BODY)
        list(client.chat.completions.create(**STREAM))
        client.chat.completions.with_raw_response.create(**BODY).parse()
        client.responses.create(model="gpt-4o", input="Hello")
        list(client.responses.create(model="gpt-4o", input="Hello", stream=True))
    return seen(usage)


def nested(model: Any, client: Any) -> list[Any]:
    with track() as outer:
        model.invoke("Hello")
        with track() as inner:
            client.chat.completions.create(**BODY)
    return [seen(outer), seen(inner)]


def threads(model: Any, client: Any) -> list[Any]:
    with ThreadPoolExecutor(1) as pool:
        with track() as first:
            pool.submit(model.invoke, "Hello").result()
            thread = threading.Thread(target=model.invoke, args=("Hello",))
            thread.start()
            thread.join()
        pool.submit(model.invoke, "Hello").result()
        with track() as second:
            pool.submit(client.chat.completions.create, **BODY).result()
    return [seen(first), seen(second)]


def graph(model: Any, client: Any) -> list[Any]:
    @tool
    def lookup(word: str) -> str:
        """Asks the plain client."""
        return str(client.chat.completions.create(**BODY).choices[0].message.content)

    def node(state: MessagesState) -> dict[str, Any]:
        lookup.invoke({"word": "Hello"})
        return {"messages": [model.invoke(state["messages"])]}

    made = StateGraph(MessagesState)
    made.add_node("node", node)
    made.add_edge(START, "node")
    made.add_edge("node", END)
    app: Any = made.compile()
    with track() as usage:
        app.invoke({"messages": [("human", "Hello")]})
        list(app.stream({"messages": [("human", "Hello")]}, stream_mode="messages"))
    return seen(usage)


def embeddings(http: Any, common: Any) -> list[Any]:
    model = OpenAIEmbeddings(
        model="text-embedding-3-small", check_embedding_ctx_length=False, http_client=http, **common
    )
    with track() as usage:
        model.embed_documents(["One", "Two"])
    return seen(usage)


def responses(model: Any, client: Any) -> list[Any]:
    other = model.model_copy(update={"use_responses_api": True})
    with track() as usage:
        other.invoke("Hello")
        list(other.stream("Hello"))
    return seen(usage)


async def awaited(proxy: str, common: Any) -> list[Any]:
    """Twenty tasks, each with a scope of its own, and one around them."""
    async with DefaultAsyncHttpxClient(proxy=proxy, trust_env=False) as http:
        model = ChatOpenAI(model="gpt-4o", stream_usage=True, http_async_client=http, **common)
        client = AsyncOpenAI(http_client=http, **common)

        async def one(times: int) -> list[Any]:
            async with track() as usage:
                for _ in range(times):
                    await model.ainvoke("Hello")
                    _pieces = [piece async for piece in model.astream("Hello")]
                    await client.chat.completions.create(**BODY)
            return seen(usage)

        async with track() as outer:
            inner = await asyncio.gather(*(one(times % 3) for times in range(20)))
    return [seen(outer), *inner[:3]]


def callback(model: Any) -> list[Any]:
    with get_openai_callback() as cb:
        model.invoke("Hello")
    return seen(cb)


if __name__ == "__main__":
    main()
