"""Which runs are one turn, whose it is, and what becomes of turns that end badly or not at all."""

from __future__ import annotations

import asyncio
import copy
import faulthandler
import gc
import operator
import os
import pickle
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.types import Send
from pydantic import BaseModel

from causerie.langchain import runs as runs_module
from causerie.langchain.ledgers import Memory
from causerie.langchain.runs import all_runs
from causerie.testing import ServerProcess
from tests import chain_cast
from tests.chain_cast import PROMPT, Scene

server, key, scene = chain_cast.FIXTURES
YES = ("assistant", "yes")


def fake(*replies: str, **given: Any) -> Any:
    """LangChain's own model without a wire."""
    return FakeListChatModel(responses=list(replies) or ["yes"], **given)


def by_user(scene: Scene) -> dict[str, list[tuple[str, str]]]:
    told = zip(scene.arrived(), scene.told(), strict=True)
    return {one.metadata.get("user_id", ""): said for one, said in told}


# ---- which runs are one turn ---------------------------------------------------------------------


def test_users_inside_one_unwatched_run_are_never_mixed(scene: Scene) -> None:
    chain, handler = PROMPT | scene.model(), scene.handler()

    def serve(users: list[str]) -> None:
        for user in users:
            config = {"user_id": user, "thread_id": f"{user}-{scene.tenant}"}
            chain.invoke(
                {"question": f"of {user}"}, config={"callbacks": [handler], "metadata": config}
            )

    RunnableLambda(serve).invoke(["ada", "bob"])
    assert by_user(scene) == {
        user: [("user", f"of {user}"), ("assistant", f"You said: of {user}")]
        for user in ("ada", "bob")
    }


def test_workers_of_a_graph_that_no_handler_is_on_are_turns_of_their_own(scene: Scene) -> None:
    class State(TypedDict):
        users: list[str]
        done: Annotated[list[str], operator.add]

    handler, chain = scene.handler(), PROMPT | scene.model()

    def work(state: Any) -> dict[str, Any]:
        config = {"callbacks": [handler], "metadata": {"user_id": state["user"]}}
        chain.invoke({"question": f"of {state['user']}"}, config=config)
        return {"done": [state["user"]]}

    made = StateGraph(State)
    made.add_node("work", work)
    made.add_conditional_edges(START, lambda s: [Send("work", {"user": u}) for u in s["users"]])
    made.compile().invoke({"users": ["ada", "bob", "cy"], "done": []})
    assert {user: said[0][1] for user, said in by_user(scene).items()} == {
        user: f"of {user}" for user in ("ada", "bob", "cy")
    }


def test_models_in_a_row_that_have_nothing_to_do_with_each_other_are_two_turns(
    scene: Scene,
) -> None:
    model = scene.model(callbacks=[scene.handler()])
    answered_and_titled: Any = RunnableLambda(
        lambda text: (model.invoke(text), model.invoke(f"A title for {text}"))
    )
    answered_and_titled.invoke("socks")
    assert scene.told() == [
        [("user", "socks"), ("assistant", "You said: socks")],
        [("user", "A title for socks"), ("assistant", "You said: A title for socks")],
    ]


def test_nothing_is_lost_of_models_side_by_side_whatever_they_are_called(scene: Scene) -> None:
    handler = scene.handler()
    both = RunnableParallel(one=fake("1", callbacks=[handler]), two=fake("2", callbacks=[handler]))
    both.invoke("socks", {"run_name": "both", "max_concurrency": 1})
    replies = [text for said in scene.told() for role, text in said if role == "assistant"]
    assert sorted(replies) == ["1", "2"]


def test_a_list_of_inputs_has_all_of_its_replies(scene: Scene) -> None:
    fake("1", "2", "3").map().invoke(["a", "b", "c"], {"callbacks": [scene.handler()]})
    ((*said,),) = scene.told()
    assert said[0] == ("user", "a\n\nb\n\nc")
    assert sorted(text for role, text in said[1:]) == ["1", "2", "3"]


def test_a_tool_that_is_run_by_itself_hides_no_talk_inside(scene: Scene) -> None:
    handler = scene.handler()

    @tool
    def ask(question: str) -> str:
        """Ask."""
        return str(fake(callbacks=[handler]).invoke(question).content)

    ask.invoke({"question": "socks"}, {"callbacks": [handler]})
    assert scene.told() == [[("user", "socks"), YES]]


def test_thousands_of_runs_in_one_are_no_more_work_each(scene: Scene) -> None:
    model = fake(callbacks=[scene.handler()])

    def called(count: int) -> int:
        """How many functions are called for so many runs."""
        calls = 0

        def tally(frame: FrameType, event: str, given: object) -> None:
            nonlocal calls
            calls += event == "call"

        job: Any = RunnableLambda(lambda _: [model.invoke(f"q{n}") for n in range(count)])
        sys.setprofile(tally)
        try:
            job.invoke("")
        finally:
            sys.setprofile(None)
        return calls

    called(10)
    few, many = called(20), called(200)
    assert many < 15 * few  # ten times as many; a hundred times would be their square
    assert len(all_runs()._parents) == 0


# ---- who and where -------------------------------------------------------------------------------


def test_a_config_that_an_app_has_in_a_variable_is_not_another_run_s(scene: Scene) -> None:
    model = fake(callbacks=[scene.handler()])

    def handle(text: str) -> None:
        config = {"configurable": {"thread_id": f"t-{scene.tenant}", "user_id": "ada"}}
        model.invoke(text, config)
        model.invoke(f"A title for {text}")
        (PROMPT | model).invoke({"question": "And else?"})

    async def ahandle(text: str) -> None:
        config = {"configurable": {"thread_id": f"t-{scene.tenant}", "user_id": "ada"}}
        assert config
        await model.ainvoke(f"Later, {text}")

    handle("socks")
    asyncio.run(ahandle("socks"))
    mine = [one for one in scene.arrived() if one.metadata.get("user_id") == "ada"]
    assert [one.id for one in mine] == [f"t-{scene.tenant}"]
    assert [said.message for said in mine[0].messages] == ["socks", "yes"]
    assert len(scene.told()) == 4


def test_a_variable_of_that_name_that_is_no_config_harms_nothing(scene: Scene) -> None:
    config = {"configurable": ["a", "b"]}
    assert config
    fake(callbacks=[scene.handler()]).invoke("socks")
    assert scene.told() == [[("user", "socks"), YES]]


def test_variables_of_the_app_are_not_kept_alive(scene: Scene) -> None:
    class Big:
        pass

    model, big = fake(callbacks=[scene.handler()]), Big()
    gone = weakref.ref(big)
    model.invoke("socks")
    del big
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("named", ["chain", "model"])
def test_what_any_handler_in_a_run_was_told_counts(scene: Scene, named: str) -> None:
    own = {"user": "ada", "conversation": f"c-{scene.tenant}", "metadata": {"release": "7"}}
    of_chain = scene.handler(**(own if named == "chain" else {}))
    of_model = scene.handler(**(own if named == "model" else {}))
    bare = scene.handler()
    chain = (PROMPT | fake(callbacks=[of_model])).with_config(callbacks=[bare])
    chain.invoke({"question": "socks"}, {"callbacks": [of_chain]})
    (kept,) = scene.arrived()
    assert kept.id == f"c-{scene.tenant}"
    assert kept.metadata["user_id"] == "ada" and kept.metadata["release"] == "7"


def test_users_whose_long_ids_begin_alike_stay_two(scene: Scene) -> None:
    model = fake(callbacks=[scene.handler()])
    users = [f"auth0|organisation-12345|customer-00000000{end}" for end in "AB"]
    for user in users:
        model.invoke("socks", {"metadata": {"user_id": user}})
    kept = {one.metadata["user_id"] for one in scene.arrived()}
    assert len(kept) == 2
    assert all(one.startswith("auth0|organisation-12345") for one in kept)


def test_a_changed_system_prompt_before_a_history_is_told(scene: Scene) -> None:
    model = fake("1", "2", callbacks=[scene.handler(conversation=f"c-{scene.tenant}")])
    said: list[Any] = [SystemMessage("Be kind."), HumanMessage("One")]
    said.append(model.invoke(said))
    said[0] = SystemMessage("Be brief.")
    model.invoke([*said, HumanMessage("Two")])
    ((*told,),) = scene.told()
    assert told == [
        ("system", "Be kind."),
        ("user", "One"),
        ("assistant", "1"),
        ("system", "Be brief."),
        ("user", "Two"),
        ("assistant", "2"),
    ]


def test_question_and_answer_keep_their_times_in_a_conversation_without_an_id(
    scene: Scene,
) -> None:
    def think(given: Any) -> Any:
        time.sleep(0.2)
        return fake("2").invoke(given)

    chain = RunnableLambda(think).with_config(callbacks=[scene.handler()])
    said: list[Any] = [HumanMessage("One"), AIMessage("1"), HumanMessage("Two")]
    chain.invoke(said)
    (kept,) = scene.arrived()
    asked, answered = kept.messages[-2:]
    assert asked.event_timestamp < answered.event_timestamp


# ---- content -------------------------------------------------------------------------------------

STRANGE: list[tuple[str, Callable[[], Any], str]] = [
    ("half a character", lambda: "half \ud83d", "half �"),
    ("a NUL", lambda: "a\x00b", "a�b"),
    ("a very long text", lambda: "x" * 11_000_000, "x" * 1_000),
    ("a role nobody has", lambda: [ChatMessage(content="said", role="r" * 60)], "said"),
    ("a very long history", lambda: [HumanMessage("x"), AIMessage("y")] * 3_000, "y"),
    ("bytes", lambda: {"input": b"\x00\x01"}, "[bytes]"),
]


@pytest.mark.parametrize(("name", "given", "text"), STRANGE, ids=[one[0] for one in STRANGE])
def test_what_the_server_would_refuse_is_made_to_fit(
    scene: Scene, name: str, given: Callable[[], Any], text: str
) -> None:
    answer: Any = RunnableLambda(lambda _: AIMessage("yes"))
    answer.with_config(callbacks=[scene.handler()]).invoke(given())
    (kept,) = scene.arrived()
    assert kept.messages[-2].message.startswith(text)
    assert kept.messages[-1].message == "yes"


def test_ids_that_are_too_long_stay_apart(scene: Scene) -> None:
    model = fake(callbacks=[scene.handler()])
    for end in "AB":
        model.invoke(
            "socks", {"metadata": {"thread_id": "t" * 300 + end, "user_id": f"u\ud83d{end}"}}
        )
    kept = scene.arrived()
    assert len({one.id for one in kept}) == 2
    assert all(one.id.startswith("ttt") for one in kept)


class ModelState(BaseModel):
    messages: list[Any]
    extra: str = "EXTRA"


@dataclass
class PlainState:
    messages: list[Any]
    extra: str = "EXTRA"


@pytest.mark.parametrize("state", [ModelState, PlainState])
def test_a_state_that_is_no_dict_is_read_as_one(scene: Scene, state: Any) -> None:
    def answer(given: Any) -> Any:
        return state(messages=[*given.messages, AIMessage("yes")])

    chain = RunnableLambda(answer).with_config(callbacks=[scene.handler()])
    chain.invoke(state(messages=[HumanMessage("socks")]))
    assert scene.told() == [[("user", "socks"), YES]]


def test_steps_are_told_as_they_were_and_not_as_they_became(scene: Scene) -> None:
    words = ["before"]
    inner: Any = RunnableLambda(lambda given: "done", name="inner")

    def outer(given: Any) -> str:
        inner.invoke(words)
        words.append("after")
        return "yes"

    RunnableLambda(outer).invoke("socks", {"callbacks": [scene.handler(steps=True)]})
    ((*said,),) = scene.told()
    assert said[1] == ("tool", "inner ['before'] done")


# ---- ends ----------------------------------------------------------------------------------------


def test_every_error_of_a_run_that_is_tried_again_is_told(scene: Scene) -> None:
    tries: list[int] = []

    def answer(_: str) -> str:
        tries.append(1)
        if len(tries) < 4:
            raise ValueError(f"try {len(tries)}")
        return "yes"

    chain = RunnableLambda(answer).with_retry(stop_after_attempt=5, wait_exponential_jitter=False)
    chain.invoke("socks", {"callbacks": [scene.handler()]})
    (kept,) = scene.arrived()
    errors = [said.message for said in kept.messages if said.type == "event"]
    assert errors == ["try 1", "try 2", "try 3"]


def test_the_whole_message_of_an_error_is_kept(scene: Scene) -> None:
    text = "invalid literal for int() with base 10: a word that is far longer than a line"

    def fail(_: str) -> None:
        raise ValueError(text)

    with pytest.raises(ValueError, match="invalid literal"):
        RunnableLambda(fail).invoke("socks", {"callbacks": [scene.handler()]})
    (kept,) = scene.arrived()
    assert kept.messages[-1].message == text
    assert kept.messages[-1].metadata == {"type": "ValueError"}


def test_an_error_that_cannot_be_printed_is_told_all_the_same(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def fail(_: str) -> None:
        raise Mute

    with pytest.raises(Mute):
        RunnableLambda(fail).invoke("socks", {"callbacks": [scene.handler()]})
    ((*said,),) = scene.told()
    assert said == [("user", "socks"), ("event", "error")]
    assert caplog.text == ""


class Waiting(GenericFakeChatModel):
    """A model that never answers."""

    async def _agenerate(self, *_: Any, **__: Any) -> Any:
        await asyncio.sleep(60)


@pytest.mark.parametrize("what", ["model", "chain"])
def test_a_model_that_is_cancelled_is_told_and_forgotten(scene: Scene, what: str) -> None:
    model = Waiting(messages=iter([]), callbacks=[scene.handler()])
    runnable: Any = model if what == "model" else PROMPT | model

    async def main() -> None:
        asked: Any = "socks" if what == "model" else {"question": "socks"}
        call = asyncio.create_task(runnable.ainvoke(asked))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(main())
    ((*said,),) = scene.told()
    assert said[-2:] == [("user", "socks"), ("event", "cancelled")]
    runs = all_runs()
    assert not (runs._parents or runs._trees or runs._tasks)


def test_a_task_that_lives_long_does_not_gather_callbacks(scene: Scene) -> None:
    model = fake(callbacks=[scene.handler()])

    async def main() -> None:
        for _ in range(20):
            await model.ainvoke("socks")
        assert not all_runs()._tasks

    asyncio.run(main())


@pytest.mark.parametrize("where", ["model", "config"])
@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_stream_that_is_left_tells_what_was_said_and_that_it_was_left(
    scene: Scene, where: str, how: str
) -> None:
    handler = scene.handler()
    model = scene.model(callbacks=[handler] if where == "model" else None)
    chain = PROMPT | model | StrOutputParser()
    config: Any = {} if where == "model" else {"callbacks": [handler]}

    def leave() -> None:
        pieces = chain.stream({"question": "one two three"}, config)
        for _ in range(3):
            next(pieces)
        pieces.close()

    async def aleave() -> None:
        pieces = chain.astream({"question": "one two three"}, config)
        for _ in range(3):
            await anext(pieces)
        await pieces.aclose()

    if how == "sync":
        leave()
    else:
        asyncio.run(aleave())
    assert scene.handler().flush(30)
    ((*said,),) = scene.told()
    assert ("user", "one two three") in said
    # With a chain that is left outside a loop, LangChain has its model come to its end.
    told = 0 if (where, how) == ("model", "sync") else 1
    assert len([role for role, _ in said if role == "event"]) == told
    replies = [text for role, text in said if role == "assistant"]
    assert len(replies) == 1 and "You said: one two three".startswith(replies[0])


def test_a_run_that_outlives_its_root_is_told_when_it_ends(scene: Scene) -> None:
    model = scene.model(callbacks=[scene.handler()])
    tasks: list[Any] = []

    async def begin(text: str) -> str:
        async def later() -> None:
            await asyncio.sleep(0.1)
            await model.ainvoke(text)

        tasks.append(asyncio.create_task(later()))
        tasks.append(asyncio.create_task(model.ainvoke(f"now {text}")))
        await asyncio.sleep(0)
        return "begun"

    async def main() -> None:
        await RunnableLambda(begin).ainvoke("socks")
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert sorted(said[0][1] for said in scene.told()) == ["now socks", "socks"]


def test_what_waits_for_too_long_makes_room_and_is_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "CHARS_MAX", 1_000)
    model = Waiting(messages=iter([]), callbacks=[scene.handler()])

    async def main() -> None:
        calls = [asyncio.create_task(model.ainvoke(f"{n} " + "x" * 400)) for n in range(5)]
        await asyncio.sleep(0.1)
        assert len(all_runs()._trees) <= 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(main())
    assert sorted(said[0][1][0] for said in scene.told()) == list("01234")
    assert all_runs()._chars_all == 0


# ---- processes and copies ------------------------------------------------------------------------


def test_a_fork_while_another_thread_is_logging_does_not_hang_its_child(scene: Scene) -> None:
    model = fake(callbacks=[scene.handler()])
    history = [HumanMessage("x" * 100)] * 1_000
    model.invoke("first")  # LangChain imports then, and no fork survives an import
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            model.invoke(history)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(4):
            child = os.fork()
            if child == 0:
                model.invoke("in the child")
                os._exit(0)
            assert ended(child) == 0
    finally:
        stop.set()
        thread.join()


def test_a_child_that_is_forked_inside_a_run_logs_what_it_does(scene: Scene) -> None:
    handler = scene.handler()
    model = fake(callbacks=[handler])

    def work(_: str) -> str:
        child = os.fork()
        if child == 0:
            # A child that stands still says where.
            faulthandler.dump_traceback_later(25, file=2)
            model.invoke("in the child")
            os._exit(0 if handler.flush(20) and handler.client.stats.sent == 1 else 1)
        return str(ended(child))

    assert RunnableLambda(work).invoke("socks") == "0"
    assert scene.told() == [[("user", "in the child"), YES]]


def ended(child: int) -> int:
    """Its exit code; it is killed after half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_model_with_a_handler_can_be_copied(scene: Scene) -> None:
    model = fake(callbacks=[scene.handler()])
    copy.deepcopy(model).invoke("one")
    model.model_copy(deep=True).invoke("two")
    assert [said[0][1] for said in scene.told()] == ["one", "two"]


def test_a_pickled_handler_has_no_key_in_it_and_takes_that_of_the_environment(
    scene: Scene, server: ServerProcess, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pickle.dumps(scene.handler(user="ada"))
    assert key.encode() not in packed
    monkeypatch.setenv("CAUSERIE_KEY", key)
    fake(callbacks=[pickle.loads(packed)]).invoke("socks")
    assert list(by_user(scene)) == ["ada"]


def test_a_handler_that_is_made_after_another_s_client_was_closed_logs(scene: Scene) -> None:
    scene.handler(timeout=29).client.close()
    handler = scene.handler(timeout=29)
    fake(callbacks=[handler]).invoke("socks")
    assert handler.flush(30)
    assert scene.told() == [[("user", "socks"), YES]]
    handler.client.close()


def test_memory_may_be_asked_for_while_it_is_asked_for() -> None:
    """A stream that is thrown away ends wherever the collector runs, and logs there."""
    memory = Memory()
    with memory._lock:
        assert memory.is_new("c", [{"role": "system", "message": "Be kind."}])


def test_the_user_in_a_model_s_headers_counts_where_only_the_chain_has_a_handler(
    scene: Scene,
) -> None:
    handler = scene.handler()
    model = scene.model(default_headers={"user_id": "ada"})
    inner = RunnableLambda(lambda given: (PROMPT | model).invoke(given, {"callbacks": []}).content)
    inner.with_config(callbacks=[handler]).invoke({"question": "socks"})
    (kept,) = scene.arrived()
    assert kept.metadata == {"user_id": "ada", "model": "gpt-4"}
