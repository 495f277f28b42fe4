"""Sessions: what was said is remembered, wherever it is kept and however it was said."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph, add_messages

from causerie.client import Client
from causerie.sessions import ModelFailed, NotConfigured, Sessions, build_prompt
from causerie.sessions.contexts import tag_of
from tests.scripted_upstream import ScriptedUpstream, answer
from tests.session_cast import chain_of, contents, named, open_place

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.fixture
def sessions(place: str) -> Iterator[Sessions]:
    with open_place(place) as sessions:
        yield sessions


@pytest.fixture
def chain(upstream: ScriptedUpstream) -> Runnable[dict[str, Any], Any]:
    return chain_of(upstream.url)


@pytest.fixture
def id() -> str:
    """A session that no other test has."""
    return f"s-{uuid.uuid4().hex[:12]}"


def read(upstream: ScriptedUpstream) -> list[str]:
    """What the model was shown last."""
    return [str(said["content"]) for said in upstream.last.messages]


# ---- a conversation ------------------------------------------------------------------------------


def test_a_session_remembers_what_was_said_and_no_other_knows(
    sessions: Sessions, chain: Runnable[Any, Any], upstream: ScriptedUpstream, id: str
) -> None:
    conversation = sessions.build_conversation(chain)
    upstream.then(answer("Hello Ada."), answer("Ada."), answer("I do not know."))
    first = conversation.invoke({"input": "I am Ada."}, named(id))
    assert (first.content, first.type) == ("Hello Ada.", "ai")
    conversation.invoke({"input": "Who am I?"}, named(id))
    assert read(upstream) == ["Be brief.", "I am Ada.", "Hello Ada.", "Who am I?"]
    conversation.invoke({"input": "Who am I?"}, named(f"{id}-other"))
    assert read(upstream) == ["Be brief.", "Who am I?"]
    said = sessions.get_message_history(id).messages
    assert [(one.type, one.content) for one in said] == [
        ("human", "I am Ada."),
        ("ai", "Hello Ada."),
        ("human", "Who am I?"),
        ("ai", "Ada."),
    ]


def test_a_stream_comes_in_pieces_and_is_kept_whole(
    sessions: Sessions, chain: Runnable[Any, Any], upstream: ScriptedUpstream, id: str
) -> None:
    upstream.then(answer("One two three."))
    pieces = list(sessions.build_conversation(chain).stream({"input": "Count"}, named(id)))
    assert len(pieces) > 3
    assert "".join(str(piece.content) for piece in pieces) == "One two three."
    kept = sessions.get_message_history(id).messages
    assert contents(kept) == ["Count", "One two three."]
    assert type(kept[-1]) is AIMessage
    counted = [usage for piece in pieces if (usage := getattr(piece, "usage_metadata", None))]
    assert counted and counted[-1]["total_tokens"] > 0


def test_who_awaits_shares_the_history_of_who_does_not(
    sessions: Sessions, chain: Runnable[Any, Any], upstream: ScriptedUpstream, id: str
) -> None:
    conversation = sessions.build_conversation(chain)
    upstream.then(*(answer(text) for text in ("a", "b", "c", "d", "e")))

    async def talk() -> None:
        assert (await conversation.ainvoke({"input": "2"}, named(id))).content == "b"
        pieces = [piece async for piece in conversation.astream({"input": "3"}, named(id))]
        assert "".join(str(piece.content) for piece in pieces) == "c"
        await conversation.abatch([{"input": "4"}], named(id))

    conversation.invoke({"input": "1"}, named(id))
    asyncio.run(talk())
    conversation.batch([{"input": "5"}], named(id))
    said = ["1", "a", "2", "b", "3", "c", "4", "d", "5", "e"]
    assert contents(sessions.get_message_history(id).messages) == said
    assert read(upstream) == ["Be brief.", *said[:-1]]


def test_a_text_a_message_and_messages_are_understood_as_input(
    sessions: Sessions, upstream: ScriptedUpstream, id: str
) -> None:
    prompt = ChatPromptTemplate.from_messages(
        [MessagesPlaceholder("before"), MessagesPlaceholder("asked")]
    )
    # A chain of two: what is declared is any runnable.
    model = chain_of(upstream.url).last  # type: ignore[attr-defined]
    conversation = sessions.build_conversation(
        prompt | model, input_messages_key="asked", history_messages_key="before"
    )
    parts = [{"type": "text", "text": "What is this?"}, PICTURE]
    upstream.then(answer("A dot."), answer("Black."))
    # Its parts are plain dictionaries, as an app has them.
    conversation.invoke({"asked": [HumanMessage(parts)]}, named(id))  # type: ignore[arg-type]
    conversation.invoke([HumanMessage("Its colour?")], named(id))
    assert upstream.last.messages[0]["content"] == parts
    assert [one.content for one in sessions.get_message_history(id).messages] == [
        parts,
        "A dot.",
        "Its colour?",
        "Black.",
    ]


def test_braces_are_not_taken_for_variables(
    sessions: Sessions, upstream: ScriptedUpstream, id: str
) -> None:
    # A chain of two: what is declared is any runnable.
    model = chain_of(upstream.url).last  # type: ignore[attr-defined]
    conversation = sessions.build_conversation(build_prompt("Answer {json}.") | model)
    conversation.invoke("What is {x}?", named(id))
    assert read(upstream) == ["Answer {json}.", "What is {x}?"]


def test_a_chain_may_answer_a_text_and_what_is_no_message_is_an_error(
    sessions: Sessions, chain: Runnable[Any, Any], upstream: ScriptedUpstream, id: str
) -> None:
    upstream.then(answer("Yes."), answer("No."))
    texts = sessions.build_conversation(chain | StrOutputParser())
    assert texts.invoke("Sure?", named(id)) == AIMessage("Yes.")
    assert "".join(str(p.content) for p in texts.stream("Sure?", named(id))) == "No."
    with pytest.raises(ModelFailed, match="int"):
        sessions.build_conversation(chain | (lambda _: 3)).invoke("Sure?", named(id))
    said = ["Sure?", "Yes.", "Sure?", "No."]
    assert contents(sessions.get_message_history(id).messages) == said


def test_a_conversation_is_a_part_of_chains_and_thread_id_names_the_session_too(
    sessions: Sessions, chain: Runnable[Any, Any], upstream: ScriptedUpstream, id: str
) -> None:
    upstream.then(answer("Yes."), answer("Still yes."))
    whole = sessions.build_conversation(chain) | StrOutputParser()
    assert whole.invoke({"input": "Sure?"}, {"configurable": {"thread_id": id}}) == "Yes."
    assert "".join(whole.stream({"input": "Sure?"}, named(id))) == "Still yes."
    assert len(sessions.get_message_history(id).messages) == 4


@pytest.mark.parametrize("wrong", ["", "x" * 201, "nul\0", "half \ud800", 7], ids=repr)
def test_a_session_needs_a_name_that_can_be_one(
    sessions: Sessions,
    chain: Runnable[Any, Any],
    upstream: ScriptedUpstream,
    wrong: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    conversation = sessions.build_conversation(chain)
    with pytest.raises(NotConfigured):
        conversation.invoke("Hello", {"configurable": {"session_id": wrong}})
    with pytest.raises(NotConfigured):
        sessions.get_message_history(wrong)
    assert upstream.requests == []
    lines = [one.getMessage() for one in caplog.records]
    assert len(lines) == 2 and all(line.isprintable() for line in lines)


@pytest.mark.parametrize("odd", ["a b/c?d=é", "日本" * 100, "line\nbreak", "tag:session:x", "%00"])
def test_an_odd_name_is_a_name(sessions: Sessions, odd: str) -> None:
    own, other = f"{odd[:180]}{uuid.uuid4().hex[:8]}", f"{odd[:180]}{uuid.uuid4().hex[:8]}"
    sessions.get_message_history(own).add_messages([HumanMessage("mine")])
    sessions.get_message_history(other).add_messages([HumanMessage("theirs")])
    assert contents(sessions.get_message_history(own).messages) == ["mine"]
    assert {own, other} <= set(sessions.session_ids())
    sessions.delete(own)
    assert own not in sessions.session_ids() and other in sessions.session_ids()


# ---- histories -----------------------------------------------------------------------------------


def test_a_history_is_the_same_store_as_the_conversation(
    sessions: Sessions, chain: Runnable[Any, Any], upstream: ScriptedUpstream, id: str
) -> None:
    history = sessions.get_message_history(id)
    assert history.messages == []
    history.add_user_message("I am Ada.")
    history.add_ai_message("Hello Ada.")
    upstream.then(answer("Ada."))
    sessions.build_conversation(chain).invoke("Who am I?", named(id))
    assert read(upstream) == ["Be brief.", "I am Ada.", "Hello Ada.", "Who am I?"]
    assert len(asyncio.run(history.aget_messages())) == 4
    history.clear()
    assert history.messages == [] and id not in sessions.session_ids()


def test_calls_of_tools_and_their_answers_are_kept(sessions: Sessions, id: str) -> None:
    call = {"name": "find", "args": {"what": "card"}, "id": "c1", "type": "tool_call"}
    asked = AIMessage("", tool_calls=[call])
    said = [HumanMessage("Where?"), asked, ToolMessage("drawer", tool_call_id="c1")]
    sessions.get_message_history(id).add_messages(said)
    _, kept, found = sessions.get_message_history(id).messages
    assert isinstance(kept, AIMessage) and kept.tool_calls == asked.tool_calls
    assert isinstance(found, ToolMessage) and (found.content, found.tool_call_id) == (
        "drawer",
        "c1",
    )


def test_langchains_own_runnable_with_history_works_on_the_same_store(
    sessions: Sessions, chain: Runnable[Any, Any], upstream: ScriptedUpstream, id: str
) -> None:
    sessions.build_conversation(chain).invoke("1", named(id))
    with pytest.warns(DeprecationWarning, match="RunnableWithMessageHistory"):
        theirs = RunnableWithMessageHistory(
            chain,
            sessions.get_message_history,
            input_messages_key="input",
            history_messages_key="history",
        )
    theirs.invoke({"input": "2"}, named(id))
    with pytest.warns(DeprecationWarning, match="RunnableWithMessageHistory"):
        ours = sessions.build_runnable_with_history(chain)

    async def talk() -> None:
        await ours.ainvoke({"input": "4"}, named(id))
        assert len([piece async for piece in ours.astream({"input": "5"}, named(id))]) > 1

    ours.invoke({"input": "3"}, named(id))
    asyncio.run(talk())
    assert len(list(ours.stream({"input": "6"}, named(id)))) > 1
    asked = contents(sessions.get_message_history(id).messages)[::2]
    assert asked == ["1", "2", "3", "4", "5", "6"]
    assert len(upstream.last.messages) == 12


# ---- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["sqlite", "postgresql", "contexts"], indirect=True)
def test_what_was_said_is_there_when_the_place_is_opened_again(place: str, id: str) -> None:
    with open_place(place) as sessions:
        sessions.get_message_history(id).add_messages([HumanMessage("Hello"), AIMessage("Hi")])
        with open_place(place) as others:
            assert contents(others.get_message_history(id).messages) == ["Hello", "Hi"]
            others.delete(id)
        assert sessions.get_message_history(id).messages == []


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_file_grows_with_what_was_said_and_not_with_its_square(place: str, id: str) -> None:
    turn = [HumanMessage("x" * 500), AIMessage("y" * 500)]
    sizes = []
    with open_place(place) as sessions:
        for count in range(1, 101):
            sessions.get_message_history(id).add_messages(turn)
            if count in (50, 100):
                checked = sqlite3.connect(place)
                checked.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                assert checked.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
                assert checked.execute("SELECT count(*) FROM writes").fetchone() == (0,)
                checked.close()
                sizes.append(Path(place).stat().st_size)
    assert sizes[1] < 3 * sizes[0] and sizes[1] < 600_000


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_database_keeps_one_checkpoint_of_a_session(place: str, id: str) -> None:
    import psycopg

    with open_place(place) as sessions:
        for _ in range(10):
            sessions.get_message_history(id).add_messages([HumanMessage("x"), AIMessage("y")])
    with psycopg.connect(place) as connection:
        for table in ("checkpoints", "checkpoint_blobs"):
            found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            assert found == (1,), table
        assert connection.execute("SELECT count(*) FROM causerie_holds").fetchone() == (0,)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_file_is_its_owners_and_langgraph_reads_it(place: str, id: str) -> None:
    with open_place(place) as sessions:
        sessions.get_message_history(id).add_messages([HumanMessage("Hello"), AIMessage("Hi")])
    assert stat.S_IMODE(Path(place).stat().st_mode) == 0o600

    class State(TypedDict):
        messages: Annotated[list[AnyMessage], add_messages]

    graph: Any = StateGraph(State)
    graph.add_node("model", lambda state: {"messages": [AIMessage(f"{len(state['messages'])}")]})
    graph.add_edge(START, "model")
    with SqliteSaver.from_conn_string(place) as saver:
        compiled = graph.compile(checkpointer=saver)
        config = {"configurable": {"thread_id": id}}
        compiled.invoke({"messages": [HumanMessage("Again")]}, config)
    with open_place(place) as sessions:
        said = contents(sessions.get_message_history(id).messages)
        assert said == ["Hello", "Hi", "Again", "3"]


@pytest.mark.parametrize("place", ["contexts"], indirect=True)
def test_a_session_is_a_context_that_its_server_knows_by_a_tag(place: str, id: str) -> None:
    key, _, host = place.removeprefix("http://").partition("@")
    with open_place(place) as sessions, Client(key, f"http://{host}") as client:
        sessions.get_message_history(id).add_messages([HumanMessage("Hello"), AIMessage("Hi")])
        context = client.context(f"tag:{tag_of(id)}")
        assert (context.turns, context.metadata, context.busy) == (1, {"session": id}, False)
        client.add_turn(context.id, "And from elsewhere")
        said = contents(sessions.get_message_history(id).messages)
        assert said == ["Hello", "Hi", "And from elsewhere"]


def test_the_package_itself_stays_light() -> None:
    code = "import sys, causerie; assert not {'langchain_core', 'langgraph'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
