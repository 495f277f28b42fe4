"""An app on LangChain's chat model: asks, streams, and lets the model call a function.

    langchain_openai_app.py BASE_URL ENDPOINT

The client takes its key from OPENAI_API_KEY. Prints one line of JSON: what it saw in each scene.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

CALL = 'Look <<tool_calls name=weather arguments={"city":"Łódź"}>>'


def weather(city: str) -> str:
    """The weather of a town."""
    return f"Rain in {city}."


def main() -> None:
    base_url, endpoint = sys.argv[1:]
    model = ChatOpenAI(base_url=base_url, model=endpoint, max_retries=0, stream_usage=True)
    told = {scene.__name__: play(scene, model) for scene in (chat, stream, tools)}
    for further in (responses, embeddings):
        told[further.__name__] = play(further, base_url, endpoint)
    print(json.dumps(told))


def play(scene: Callable[..., Any], *given: Any) -> Any:
    """A scene; what ended it too soon is told as `raised`."""
    try:
        return scene(*given)
    except Exception as error:  # noqa: BLE001 the other scenes shall be told nevertheless
        return {"raised": f"{type(error).__name__}: {error}"}


def chat(model: Any) -> Any:
    """Two turns: the second sends the first again."""
    messages: list[BaseMessage] = [SystemMessage("Be brief."), HumanMessage("I am Ada.")]
    first = model.invoke(messages)
    second = model.invoke([*messages, first, HumanMessage("Who am I?")])
    return {"first": seen(first), "second": seen(second)}


def stream(model: Any) -> Any:
    """An answer in pieces, put together again."""
    pieces = list(model.stream("Good day."))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    return {"pieces": len([piece for piece in pieces if piece.content]), "whole": seen(whole)}


def tools(model: Any) -> Any:
    """A function is called, and its result is sent."""
    lookup = tool(weather)
    armed = model.bind_tools([lookup])
    asked = HumanMessage(CALL)
    calling = armed.invoke([asked])
    streamed = [call for piece in armed.stream([asked]) for call in piece.tool_call_chunks]
    call = calling.tool_calls[0]
    result = ToolMessage(lookup.invoke(call["args"]), tool_call_id=call["id"])
    after = armed.invoke([asked, calling, result, HumanMessage("And now?")])
    return {
        "calls": calling.tool_calls,
        "streamed": "".join(call["args"] or "" for call in streamed),
        "after": seen(after),
    }


def responses(base_url: str, endpoint: str) -> Any:
    """The same model through the Responses API, where the server keeps the first turn."""
    model = ChatOpenAI(
        base_url=base_url,
        model=endpoint,
        max_retries=0,
        use_responses_api=True,
        use_previous_response_id=True,
    )
    asked = HumanMessage("I am Ada.")
    first = model.invoke([asked])
    second = model.invoke([asked, first, HumanMessage("Who am I?")])
    return {"first": first.text, "second": second.text, "usage": second.usage_metadata}


def embeddings(base_url: str, endpoint: str) -> Any:
    """Vectors of texts that are sent as they are."""
    model = OpenAIEmbeddings(
        base_url=base_url, model=endpoint, max_retries=0, check_embedding_ctx_length=False
    )
    return [len(vector) for vector in model.embed_documents(["one", "two"])]


def seen(message: AIMessage) -> dict[str, Any]:
    return {
        "text": message.content,
        "usage": message.usage_metadata,
        "finish": message.response_metadata.get("finish_reason"),
    }


if __name__ == "__main__":
    main()
