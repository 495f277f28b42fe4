"""The handler where it is not plain: conversations, users, errors, content, many at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.documents import Document
from langchain_core.language_models import (
    FakeListLLM,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from causerie.langchain import ContextCallbackHandler
from causerie.langchain.runs import Runs, all_runs
from causerie.testing import ServerProcess
from tests import chain_cast
from tests.chain_cast import PROMPT, Scene, agent, spoken, weather
from tests.troubled_line import TroubledLine

server, key, scene = chain_cast.FIXTURES


# ---- conversations -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["thread_id", "session_id", "conversation_id"])
def test_turns_with_an_id_in_their_metadata_are_one_conversation(scene: Scene, name: str) -> None:
    chain = PROMPT | scene.model(callbacks=[scene.handler()])
    for number in (1, 2):
        chain.invoke(
            {"question": f"Turn {number}"}, config={"metadata": {name: f"c-{scene.tenant}"}}
        )
    (kept,) = scene.arrived()
    assert kept.id == f"c-{scene.tenant}"
    assert [spoken(said) for said in kept.messages] == [
        ("system", "Be kind."),
        ("user", "Turn 1"),
        ("assistant", "You said: Turn 1"),
        ("user", "Turn 2"),
        ("assistant", "You said: Turn 2"),
    ]


def test_a_changed_system_prompt_is_told_again(scene: Scene) -> None:
    model = scene.model(callbacks=[scene.handler(conversation=f"c-{scene.tenant}")])
    for told in ("Be kind.", "Be kind.", "Be brief."):
        model.invoke([SystemMessage(told), HumanMessage("Hello")])
    ((*said,),) = scene.told()
    assert [text for role, text in said if role == "system"] == ["Be kind.", "Be brief."]


def test_a_history_that_the_app_sends_along_is_not_logged_twice(scene: Scene) -> None:
    model = scene.model(callbacks=[scene.handler()])
    for config in ({"metadata": {"thread_id": f"c-{scene.tenant}"}}, {}):
        history: list[Any] = [SystemMessage("Be kind.")]
        for text in (f"One {bool(config)}", "Two", "Three"):
            history.append(HumanMessage(text))
            history.append(model.invoke(history, config=config))
    first, second = scene.told()
    assert len(first) == len(second) == 7
    assert first[3:] == second[3:]


def test_the_same_question_without_a_history_is_a_new_conversation(scene: Scene) -> None:
    model = scene.model(callbacks=[scene.handler()])
    for _ in range(3):
        model.invoke("Hello")
    assert scene.told() == [[("user", "Hello"), ("assistant", "You said: Hello")]] * 3


@pytest.mark.parametrize("where", ["model", "chain"])
def test_what_is_configurable_tells_user_and_conversation(scene: Scene, where: str) -> None:
    handler, model = scene.handler(), scene.model()
    runnable: Any = model if where == "model" else PROMPT | model
    config = {"configurable": {"session_id": f"s-{scene.tenant}", "user_id": "ada"}}
    for _ in range(2):
        asked = "Hello" if where == "model" else {"question": "Hello"}
        runnable.invoke(asked, config={**config, "callbacks": [handler]})
    (kept,) = scene.arrived()
    assert (kept.id, kept.metadata["user_id"]) == (f"s-{scene.tenant}", "ada")
    assert len([said for said in kept.messages if said.role == "user"]) == 2


@pytest.mark.parametrize("where", ["model", "graph"])
def test_a_graph_that_keeps_its_thread_grows_one_conversation(scene: Scene, where: str) -> None:
    handler = scene.handler()
    graph = agent(
        scene.model(callbacks=[handler] if where == "model" else None),
        [weather],
        checkpointer=InMemorySaver(),
    )
    config: dict[str, Any] = {"configurable": {"thread_id": f"t-{scene.tenant}", "user_id": "ada"}}
    if where == "graph":
        config["callbacks"] = [handler]
    graph.invoke({"messages": [("user", "Rain? <<weather Paris>>")]}, config=config)
    list(graph.stream({"messages": [("user", "Thanks")]}, config=config))
    (kept,) = scene.arrived()
    assert (kept.id, kept.metadata["user_id"]) == (f"t-{scene.tenant}", "ada")
    assert [spoken(said) for said in kept.messages] == [
        ("user", "Rain? <<weather Paris>>"),
        ("tool", "weather {'city': 'Paris'} Rain in Paris."),
        ("assistant", "You said: Rain in Paris."),
        ("user", "Thanks"),
        ("assistant", "You said: Thanks"),
    ]


def test_a_graph_s_messages_that_the_app_hands_back_grow_one_conversation(scene: Scene) -> None:
    graph = agent(scene.model(), [weather])
    config = {"callbacks": [scene.handler()]}
    state = graph.invoke({"messages": [HumanMessage("Rain? <<weather Paris>>")]}, config=config)
    graph.invoke({"messages": [*state["messages"], HumanMessage("Thanks")]}, config=config)
    ((*said,),) = scene.told()
    assert [role for role, _ in said] == ["user", "tool", "assistant", "user", "assistant"]


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning")
def test_a_runnable_with_message_history_is_one_conversation(scene: Scene) -> None:
    histories: dict[str, InMemoryChatMessageHistory] = {}
    prompt = ChatPromptTemplate.from_messages(
        [MessagesPlaceholder("history"), ("human", "{input}")]
    )
    chain = RunnableWithMessageHistory(
        prompt | scene.model(),
        lambda session_id: histories.setdefault(session_id, InMemoryChatMessageHistory()),
        input_messages_key="input",
        history_messages_key="history",
    )
    session = {"session_id": f"s-{scene.tenant}"}
    config: Any = {"configurable": session, "callbacks": [scene.handler()]}
    for text in ("One", "Two"):
        chain.invoke({"input": text}, config=config)
    assert scene.told() == [
        [
            ("user", "One"),
            ("assistant", "You said: One"),
            ("user", "Two"),
            ("assistant", "You said: Two"),
        ]
    ]


# ---- users ---------------------------------------------------------------------------------------


def test_the_user_comes_from_the_nearest_that_names_one(scene: Scene) -> None:
    plain = scene.model(callbacks=[scene.handler(user="of the handler")])
    with_header = {"default_headers": {"user_id": "of the header"}}
    headed = scene.model(callbacks=[scene.handler(user="of the handler")], **with_header)
    plain.invoke("1")
    headed.invoke("2")
    headed.invoke("3", config={"metadata": {"user_id": "of the run"}})
    plain.invoke("4", user="of the parameters")
    users = {one.messages[0].message: one.metadata["user_id"] for one in scene.arrived()}
    assert users == {
        "1": "of the handler",
        "2": "of the header",
        "3": "of the run",
        "4": "of the parameters",
    }


def test_a_header_of_the_model_counts_where_the_handler_is_on_the_chain(scene: Scene) -> None:
    chain = PROMPT | scene.model(default_headers={"user_id": "ada"})
    chain.invoke({"question": "Hello"}, config={"callbacks": [scene.handler()]})
    assert scene.arrived()[0].metadata["user_id"] == "ada"


def test_metadata_of_the_app_is_kept_and_that_of_libraries_is_not(scene: Scene) -> None:
    handler = scene.handler(metadata={"release": "7"})
    config: dict[str, Any] = {"metadata": {"plan": "free", "trial": True}, "callbacks": [handler]}
    graph = agent(scene.model(), [weather], checkpointer=InMemorySaver())
    config["configurable"] = {"thread_id": f"t-{scene.tenant}"}
    graph.invoke({"messages": [("user", "Hello")]}, config=config)
    (kept,) = scene.arrived()
    assert kept.metadata == {"release": "7", "plan": "free", "trial": "true", "model": "gpt-4"}


# ---- where handlers are --------------------------------------------------------------------------


def test_handlers_on_every_level_of_nested_chains_log_once(scene: Scene) -> None:
    model = scene.model(callbacks=[scene.handler()])
    inner = (PROMPT | model | StrOutputParser()).with_config(callbacks=[scene.handler()])
    middle = RunnableLambda(lambda given: inner.invoke({"question": given["topic"]}))
    outer = (middle | RunnableLambda(str.upper)).with_config(callbacks=[scene.handler()])
    outer.invoke({"topic": "socks"}, config={"callbacks": [scene.handler()]})
    assert scene.told() == [[("user", "socks"), ("assistant", "YOU SAID: SOCKS")]]


def test_a_model_deep_inside_unwatched_chains_belongs_to_the_watched_one(scene: Scene) -> None:
    """As in chains whose own callbacks are not handed on to what is inside."""
    handler = scene.handler()
    inner = PROMPT | scene.model(callbacks=[handler])
    unwatched = RunnableLambda(lambda given: inner.invoke(given))
    outer = RunnableLambda(lambda given: unwatched.invoke(given).content)
    outer.with_config(callbacks=[handler]).invoke({"question": "socks"})
    assert scene.told() == [[("user", "socks"), ("assistant", "You said: socks")]]


def test_models_side_by_side_are_one_entry_with_both_replies(scene: Scene) -> None:
    handler = scene.handler()
    both = RunnableParallel(
        plain=PROMPT | scene.model(callbacks=[handler]) | StrOutputParser(),
        loud=PROMPT | scene.model(callbacks=[handler]) | StrOutputParser() | str.upper,
    )
    both.invoke({"question": "socks"})
    both.invoke({"question": "shoes"}, config={"callbacks": [handler]})
    apart, together = scene.told()
    assert [role for role, _ in apart] == ["system", "user", "assistant", "assistant"]
    assert together[0] == ("user", "shoes")
    assert sorted(together[1][1].splitlines()) == [
        "loud: YOU SAID: SHOES",
        "plain: You said: shoes",
    ]


def test_two_keys_log_to_two_projects_though_they_are_in_one_run(scene: Scene, key: str) -> None:
    other = f"{scene.tenant}-other"
    config = {"callbacks": [scene.handler(), scene.handler(tenant=other)]}
    (PROMPT | scene.model()).invoke({"question": "socks"}, config=config)
    assert len(scene.told()) == 1
    scene.tenant = other
    assert scene.told() == [[("user", "socks"), ("assistant", "You said: socks")]]


def test_steps_are_told_where_they_are_asked_for(scene: Scene) -> None:
    class Shelf(BaseRetriever):
        def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
            return [Document(f"A page on {query}.")]

    answer = PROMPT | scene.model() | StrOutputParser()
    chain = RunnableLambda(
        lambda given: answer.invoke({"question": Shelf().invoke(given)[0].page_content})
    )
    chain.invoke("socks", config={"callbacks": [scene.handler(steps=True)]})
    ((*said,),) = scene.told()
    assert said[0] == ("user", "socks")
    assert said[-1] == ("assistant", "You said: A page on socks.")
    names = [text.split(" ")[0] for role, text in said if role == "tool"]
    assert names == ["Shelf", "RunnableSequence", "ChatOpenAI", "StrOutputParser"] or (
        "Shelf" in names and "ChatOpenAI" in names
    )


def test_many_threads_and_tasks_on_one_handler_do_not_mix(scene: Scene) -> None:
    chain = PROMPT | scene.model(callbacks=[scene.handler()])

    def config(user: str) -> Any:
        return {"metadata": {"user_id": user}}

    async def gathered() -> None:
        asked = [chain.ainvoke({"question": f"task {n}"}, config(f"task {n}")) for n in range(20)]
        await asyncio.gather(*asked)

    with ThreadPoolExecutor(8) as pool:
        done = [
            pool.submit(chain.invoke, {"question": f"thread {n}"}, config(f"thread {n}"))
            for n in range(20)
        ]
        asyncio.run(gathered())
    assert all(one.result() for one in done)
    kept = scene.arrived()
    assert len(kept) == 40
    for one in kept:
        assert one.messages[1].message == one.metadata["user_id"]
        assert one.messages[2].message == f"You said: {one.metadata['user_id']}"


def test_two_streams_taken_by_turns_do_not_mix(scene: Scene) -> None:
    chain = PROMPT | scene.model(callbacks=[scene.handler()])
    streams = [chain.stream({"question": f"of {name}"}) for name in ("one", "two")]
    for _ in zip(*streams, strict=True):
        pass
    assert sorted(said[1:] for said in scene.told()) == [
        [("user", "of one"), ("assistant", "You said: of one")],
        [("user", "of two"), ("assistant", "You said: of two")],
    ]


# ---- content -------------------------------------------------------------------------------------


def test_parts_images_and_tools_become_readable_text(scene: Scene) -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage([{"type": "text", "text": "A cat."}])]))
    asked: Any = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    thought: Any = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "I look."}]
    call = {"name": "look", "args": {"at": "cat"}, "id": "c1"}
    model.invoke(
        [
            HumanMessage(asked),
            AIMessage(thought, tool_calls=[call]),
            ToolMessage("fur", tool_call_id="c1"),
        ],
        config={"callbacks": [scene.handler()]},
    )
    assert scene.told() == [
        [
            ("user", "What is it?\n\n[image: https://example.com/cat.png]\n\n[image]"),
            ("assistant", "I look."),
            ("tool", "look {'at': 'cat'} fur"),
            ("assistant", "A cat."),
        ]
    ]


def test_a_reply_that_is_only_a_call_is_told_as_one(scene: Scene) -> None:
    armed = scene.model(callbacks=[scene.handler()]).bind_tools([weather])
    armed.invoke("Rain? <<weather Paris>>")
    assert scene.told() == [
        [("user", "Rain? <<weather Paris>>"), ("tool", "weather {'city': 'Paris'}")]
    ]


def test_an_agent_written_by_hand_is_one_conversation(scene: Scene) -> None:
    armed = scene.model(callbacks=[scene.handler()]).bind_tools([weather])
    messages: list[Any] = [SystemMessage("Be kind."), HumanMessage("Rain? <<weather Paris>>")]
    messages.append(armed.invoke(messages))
    messages.append(weather.invoke(messages[-1].tool_calls[0]))
    armed.invoke(messages)
    ((*said,),) = scene.told()
    assert [role for role, _ in said] == ["system", "user", "tool", "assistant"]


def test_a_model_that_continues_a_text_is_logged(scene: Scene) -> None:
    FakeListLLM(responses=["there was a fox."]).invoke(
        "Once upon a time", config={"callbacks": [scene.handler()]}
    )
    assert scene.told() == [[("user", "Once upon a time"), ("assistant", "there was a fox.")]]


def test_a_chain_with_several_inputs_tells_them_by_name(scene: Scene) -> None:
    prompt = ChatPromptTemplate.from_template("Translate {text} to {language}")
    chain = prompt | scene.model()
    config = {"callbacks": [scene.handler()]}
    chain.invoke({"word": "sock", "text": "sock", "language": "French"}, config=config)
    ((asked, _),) = scene.told()
    assert asked == ("user", "word: sock\ntext: sock\nlanguage: French")


@pytest.mark.parametrize("stream", [False, True])
def test_the_input_of_a_stream_is_known_at_its_end(scene: Scene, stream: bool) -> None:
    chain = PROMPT | scene.model() | StrOutputParser()
    config = {"callbacks": [scene.handler()]}
    given = {"question": "socks"}
    whole = "".join(chain.stream(given, config=config)) if stream else chain.invoke(given, config)
    assert scene.told() == [[("user", "socks"), ("assistant", whole)]]


# ---- errors --------------------------------------------------------------------------------------


def test_an_error_is_an_event_once_however_many_runs_it_leaves(scene: Scene) -> None:
    chain = PROMPT | scene.model(base_url="http://127.0.0.1:9/v1") | StrOutputParser()
    with pytest.raises(Exception, match="Connection error"):
        chain.invoke({"question": "socks"}, config={"callbacks": [scene.handler()]})
    (kept,) = scene.arrived()
    assert [spoken(said) for said in kept.messages] == [("user", "socks"), ("event", "error")]
    assert kept.messages[1].message.startswith("Connection error")


def test_a_fallback_is_told_with_the_error_before_it(scene: Scene) -> None:
    broken = scene.model(base_url="http://127.0.0.1:9/v1")
    chain = PROMPT | broken.with_fallbacks([scene.model()])
    chain.invoke({"question": "socks"}, config={"callbacks": [scene.handler()]})
    assert scene.told() == [
        [("user", "socks"), ("event", "error"), ("assistant", "You said: socks")]
    ]


def test_a_tool_s_error_is_an_event_within_the_turn(scene: Scene) -> None:
    @tool
    def weather(city: str) -> str:
        """The weather of a town."""
        raise RuntimeError(f"no weather in {city}")

    graph = agent(scene.model(), [weather])
    with pytest.raises(RuntimeError):
        graph.invoke(
            {"messages": [("user", "Rain? <<weather Paris>>")]},
            config={"callbacks": [scene.handler()]},
        )
    ((*said,),) = scene.told()
    assert said == [
        ("user", "Rain? <<weather Paris>>"),
        ("tool", "weather {'city': 'Paris'}"),
        ("event", "error"),
    ]


def test_a_graph_that_waits_for_a_person_is_no_error(scene: Scene) -> None:
    def ask(state: MessagesState) -> Any:
        return {"messages": [AIMessage(f"You chose {interrupt('Which?')}.")]}

    made = StateGraph(MessagesState)
    made.add_node("ask", ask)
    made.add_edge(START, "ask")
    graph: Any = made.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": f"t-{scene.tenant}"}, "callbacks": [scene.handler()]}
    graph.invoke({"messages": [("user", "Socks?")]}, config=config)
    graph.invoke(Command(resume="blue"), config=config)
    ((*said,),) = scene.told()
    assert said == [("user", "Socks?"), ("user", "blue"), ("assistant", "You chose blue.")]


def test_a_stream_that_nobody_takes_to_its_end_is_told_as_far_as_it_came(scene: Scene) -> None:
    pieces = scene.model(callbacks=[scene.handler()]).stream("one two three")
    heard = [next(pieces).content for _ in range(3)]
    pieces.close()
    ((*said,),) = scene.told()
    assert said[0] == ("user", "one two three")
    assert ("event", "stopped") in said
    replies = [text for role, text in said if role == "assistant"]
    assert all(text.startswith("".join(heard).strip()) for text in replies)


def test_a_cancelled_call_is_told_as_such(scene: Scene, server: ServerProcess) -> None:
    started = asyncio.Event()

    async def wait(_: Any) -> str:
        started.set()
        await asyncio.sleep(60)
        return ""

    async def main() -> None:
        chain = RunnableLambda(wait).with_config(callbacks=[scene.handler()])
        call = asyncio.create_task(chain.ainvoke("socks"))
        await started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(main())
    assert scene.told() == [[("user", "socks"), ("event", "cancelled")]]


class Unreadable:
    """What no encoder and no text can tell."""

    def __str__(self) -> str:
        raise RuntimeError("not even that")

    __repr__ = __str__


def selfish() -> Any:
    loop: dict[str, Any] = {"question": "socks"}
    loop["loop"] = loop
    return loop


@pytest.mark.parametrize("made", [Unreadable, selfish, lambda: object(), lambda: {"a": {1, 2}}])
def test_whatever_a_chain_gives_or_takes_the_app_is_not_disturbed(
    scene: Scene, made: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    given = made()
    chain: Any = RunnableLambda(lambda _: given)
    assert chain.invoke(given, config={"callbacks": [scene.handler()]}) is given
    assert "Error in ContextCallbackHandler" not in caplog.text


# ---- the server and the process ------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["away", "slow", "page", "noise", "half an answer", "mistake"])
def test_what_was_logged_while_the_server_was_troubled_arrives_when_it_is_well(
    scene: Scene, server: ServerProcess, trouble: str
) -> None:
    with TroubledLine(server.endpoint) as line:
        if trouble == "away":
            line.hang_up()
        elif trouble == "slow":
            line.resume.clear()
        else:
            line.trouble = trouble
        handler = scene.handler(url=line.url)
        chain = PROMPT | scene.model(callbacks=[handler])
        for number in range(20):
            chain.invoke({"question": f"{number}"})
        line.trouble = ""
        line.resume.set()
        if trouble == "away":
            line.pick_up()
        assert handler.flush(30)
    assert sorted(int(said[1][1]) for said in scene.told()) == list(range(20))


def test_handlers_with_the_same_key_share_one_outbox(scene: Scene) -> None:
    before = threading.active_count()
    clients = {id(scene.handler().client) for _ in range(100)}
    assert len(clients) == 1
    assert threading.active_count() <= before + 1


def test_a_handler_without_a_key_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CAUSERIE_KEY", "CONTEXT_TOKEN", "CONTEXT_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="no key"):
        ContextCallbackHandler(url="http://127.0.0.1:1")


@pytest.mark.parametrize("name", ["CONTEXT_TOKEN", "CONTEXT_API_TOKEN", "CAUSERIE_KEY"])
def test_key_and_address_come_from_the_environment(
    scene: Scene, key: str, server: ServerProcess, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, key)
    monkeypatch.setenv("CAUSERIE_URL", server.endpoint)
    model = scene.model(callbacks=[ContextCallbackHandler(tenant=scene.tenant)])
    model.invoke("Hello")
    assert scene.told() == [[("user", "Hello"), ("assistant", "You said: Hello")]]


def test_nothing_is_left_of_runs_that_have_ended(scene: Scene) -> None:
    runs = all_runs()
    chain = PROMPT | scene.model(callbacks=[scene.handler()])
    chain.batch([{"question": str(number)} for number in range(10)])
    assert not (runs._parents or runs._inside or runs._trees or runs._parallel)


def test_runs_that_never_end_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causerie.langchain.runs.RUNS_MAX", 10)
    runs = Runs()
    for _ in range(50):
        root, child = uuid.uuid4(), uuid.uuid4()
        runs.start(root, None, None)
        runs.start(child, root, "RunnableParallel<a,b>")
    assert len(runs._parents) <= 10
    assert len(runs._inside) <= 10
    assert len(runs._parallel) <= 10


def test_the_handler_loads_nothing_of_the_server() -> None:
    server_modules = ("causerie.app", "causerie.store", "causerie.web", "sqlalchemy", "starlette")
    code = (
        "import sys, causerie.langchain\n"
        f"print([name for name in {server_modules} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
