"""An app on LangChain or LangGraph with our ContextCallbackHandler, as its users write it.

    handler_app.py WHAT HOW WHERE RUN CONCURRENT

WHAT is `model`, `llm_chain`, `lcel` or `graph`; HOW is `invoke`, `stream`, `batch`, `ainvoke`,
`astream` or `concurrent` (so many at once); WHERE the handler is: `model`, `chain`, `shared` or
`two`. RUN marks all that is said. `all` for any of the three stands for every one of them. Prints
one line of JSON: for each scene what was asked and what came of it, as the app saw it.

The server and the key come from CAUSERIE_URL and CONTEXT_API_TOKEN, the model's address from
OPENAI_BASE_URL.
"""

import asyncio
import json
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from causerie.langchain import ContextCallbackHandler

if find_spec("langchain_classic"):
    from langchain_classic.chains import LLMChain
else:
    from langchain.chains import LLMChain

HOWS = ("invoke", "stream", "batch", "ainvoke", "astream", "concurrent")
WHATS = ("model", "llm_chain", "lcel", "graph")
WHERES = ("model", "chain", "shared", "two")
BATCH = 3
PROMPT = ChatPromptTemplate.from_messages([("system", "Be kind."), ("human", "{question}")])


@tool
def weather(city: str) -> str:
    """The weather of a town."""
    return f"Rain in {city}."


def main() -> None:
    warnings.simplefilter("ignore")  # LLMChain says at each use that it is old
    what, how, where, run, concurrent = sys.argv[1:]
    scenes = [
        (w, h, x)
        for w in (WHATS if what == "all" else [what])
        for h in (HOWS if how == "all" else [how])
        for x in (WHERES if where == "all" else [where])
        # A model by itself is no chain: the handler is on it, or given with the call.
        if not (w == "model" and x in ("shared", "two"))
    ]
    # One loop for all: langchain-openai keeps its connections for later.
    with asyncio.Runner() as loop:
        told = [play(*scene, run, int(concurrent), loop) for scene in scenes]
    assert ContextCallbackHandler().flush(60)
    print(json.dumps(told))


def play(
    what: str, how: str, where: str, run: str, concurrent: int, loop: asyncio.Runner
) -> dict[str, Any]:
    """One scene: a fresh model, chain and handlers, and some users with a question each."""
    on_model, on_chain = handlers(where)
    model = ChatOpenAI(model="gpt-4", max_retries=0, callbacks=on_model, stream_usage=True)
    runnable = {"model": bare, "llm_chain": llm_chain, "lcel": lcel, "graph": graph}[what](
        model, on_chain
    )
    given = on_chain if what in ("model", "graph", "lcel") else None
    count = {"batch": BATCH, "concurrent": concurrent}.get(how, 1)
    name = f"{what}-{how}-{where}"
    questions = [f"What of {name} {number} in {run}?" for number in range(count)]
    users = [f"{name}-{number}-{run}" for number in range(count)]
    shared = {"callbacks": given} if given else {}
    configs = [{"metadata": {"user_id": user}, **shared} for user in users]
    inputs = [asked(what, question) for question in questions]
    answers = call(runnable, how, inputs, configs, loop)
    return {
        "name": name,
        "questions": questions,
        "users": users,
        "answers": [said(answer) for answer in answers],
    }


def handlers(where: str) -> tuple[list[Any] | None, list[Any] | None]:
    """The callbacks of the model and of the chain."""
    one = ContextCallbackHandler()
    on_model = None if where == "chain" else [one]
    on_chain = {"model": None, "two": [ContextCallbackHandler()]}.get(where, [one])
    return on_model, on_chain


def bare(model: Any, on_chain: Any) -> Any:
    return model


def llm_chain(model: Any, on_chain: Any) -> Any:
    return LLMChain(llm=model, prompt=PROMPT, callbacks=on_chain)


def lcel(model: Any, on_chain: Any) -> Any:
    return PROMPT | model


def graph(model: Any, on_chain: Any) -> Any:
    """An agent: it looks at the weather, then answers."""
    armed = model.bind_tools([weather])

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [armed.invoke(state["messages"])]}

    made = StateGraph(MessagesState)
    made.add_node("agent", agent)
    made.add_node("tools", ToolNode([weather]))
    made.add_edge(START, "agent")
    made.add_conditional_edges("agent", tools_condition)
    made.add_edge("tools", "agent")
    return made.compile()


def asked(what: str, question: str) -> Any:
    """A question as each kind of runnable takes it."""
    if what == "model":
        return [("system", "Be kind."), ("human", question)]
    if what == "graph":
        return {"messages": [HumanMessage(f"{question} <<weather Paris>>")]}
    return {"question": question}


def call(
    runnable: Any, how: str, inputs: list[Any], configs: list[Any], loop: asyncio.Runner
) -> list[Any]:
    if how == "invoke":
        return [runnable.invoke(inputs[0], config=configs[0])]
    if how == "stream":
        return [whole(list(runnable.stream(inputs[0], config=configs[0])))]
    if how == "batch":
        return list(runnable.batch(inputs, config=configs))
    return loop.run(acall(runnable, how, inputs, configs))


async def acall(runnable: Any, how: str, inputs: list[Any], configs: list[Any]) -> list[Any]:
    if how == "astream":
        return [whole([piece async for piece in runnable.astream(inputs[0], config=configs[0])])]
    calls = [runnable.ainvoke(one, config=config) for one, config in zip(inputs, configs)]  # noqa: B905
    return list(await asyncio.gather(*calls))


def whole(pieces: list[Any]) -> Any:
    """What a stream came to."""
    first = pieces[0]
    if isinstance(first, AIMessage):
        for piece in pieces[1:]:
            first = first + piece
        return first
    return pieces[-1]


def said(answer: Any) -> str:
    """The answer's text, whatever it is wrapped in."""
    unwrap: dict[str, Callable[[Any], Any]] = {
        "text": lambda one: one["text"],
        "messages": lambda one: one["messages"][-1],
        "agent": lambda one: one["agent"],
    }
    while isinstance(answer, dict):
        answer = next(get(answer) for key, get in unwrap.items() if key in answer)
    return str(getattr(answer, "content", answer))


if __name__ == "__main__":
    main()
