"""Usage: everything called inside a block is counted once, in that block and those around it."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from decimal import Decimal
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from langgraph.graph import END, START, MessagesState, StateGraph
from openai import APIError as OpenAIError
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient
from openai import OpenAI as Client
from pydantic import BaseModel

from causerie.usage import Scope, get_openai_callback, track
from tests.usage_provider import UsageProvider, told

ADDRESS = "http://api.openai.com/v1"


@pytest.fixture(scope="module")
def provider() -> Iterator[UsageProvider]:
    with UsageProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def model(provider: UsageProvider) -> Iterator[Any]:
    """LangChain's model; what it reports is 10 tokens in and 5 out."""
    with DefaultHttpxClient(proxy=provider.proxy, trust_env=False) as sync:
        yield ChatOpenAI(
            model="gpt-4o",
            base_url=ADDRESS,
            api_key="none",
            max_retries=0,
            stream_usage=True,
            http_client=sync,
        )


@pytest.fixture(scope="module")
def client(provider: UsageProvider) -> Iterator[Any]:
    """The plain client."""
    with Client(
        api_key="none",
        base_url=ADDRESS,
        max_retries=0,
        http_client=DefaultHttpxClient(proxy=provider.proxy, trust_env=False),
    ) as client:
        yield client


@asynccontextmanager
async def awaited(provider: UsageProvider, model: Any) -> AsyncIterator[Any]:
    """The same model to be awaited in one loop."""
    async with DefaultAsyncHttpxClient(proxy=provider.proxy, trust_env=False) as http:
        yield ChatOpenAI(
            model=model.model_name,
            base_url=ADDRESS,
            api_key="none",
            max_retries=0,
            stream_usage=True,
            http_async_client=http,
        )


def fresh(provider: UsageProvider) -> Any:
    """An asynchronous client for one loop."""
    return AsyncOpenAI(
        api_key="none",
        base_url=ADDRESS,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(proxy=provider.proxy, trust_env=False),
    )


def ask(client: Any, text: str = "Hello", **given: Any) -> Any:
    return client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": text}], **given
    )


class Shape(BaseModel):
    words: str


class OwnModel(BaseChatModel):
    """An app's own model of LangChain's, around the plain client."""

    client: Any

    @property
    def _llm_type(self) -> str:
        return "own"

    def _generate(self, messages: list[Any], *_given: Any, **kwargs: Any) -> ChatResult:
        answer = ask(self.client, messages[-1].content)
        message = AIMessage(answer.choices[0].message.content, usage_metadata=counted(answer.usage))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[Any], *_given: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for piece in ask(self.client, messages[-1].content, **USAGE_TOO):
            text = piece.choices[0].delta.content or "" if piece.choices else ""
            used = counted(piece.usage) if piece.usage else None
            yield ChatGenerationChunk(message=AIMessageChunk(content=text, usage_metadata=used))


def counted(usage: Any) -> Any:
    return {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


USAGE_TOO: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def seen(usage: Scope) -> tuple[int, int, int]:
    """Calls answered, tokens in, tokens out."""
    return usage.successful_requests, usage.prompt_tokens, usage.completion_tokens


# ---- LangChain ---------------------------------------------------------------------------------


def test_every_way_of_asking_a_langchain_model_counts_once(model: Any) -> None:
    with track() as usage:
        model.invoke("Hello")
        list(model.stream("Hello"))
        model.batch(["One", "Two", "Three"])
    assert seen(usage) == (5, 50, 25)
    assert usage.total_tokens == 75
    # 5 * (10 * 2.5 + 5 * 10)
    assert usage.total_cost == Decimal("0.000375")
    assert usage.unpriced_models == usage.unreported_models == []


def test_every_way_of_awaiting_a_langchain_model_counts_once(
    provider: UsageProvider, model: Any
) -> None:
    async def calls() -> Scope:
        async with awaited(provider, model) as asked, track() as usage:
            await asked.ainvoke("Hello")
            _ = [piece async for piece in asked.astream("Hello")]
            await asked.abatch(["One", "Two", "Three"])
            await asyncio.gather(*(asked.ainvoke("Hello") for _ in range(3)))
        return usage

    assert seen(asyncio.run(calls())) == (8, 80, 40)


def test_several_choices_are_one_call_with_one_usage(model: Any) -> None:
    with track() as usage:
        answer = model.bind(n=3).invoke("Hello")
    assert answer.content
    assert seen(usage) == (1, 10, 5)


def test_prompts_that_a_provider_answers_together_have_one_usage(provider: UsageProvider) -> None:
    with DefaultHttpxClient(proxy=provider.proxy, trust_env=False) as http:
        llm = OpenAI(
            model="gpt-3.5-turbo-instruct", base_url=ADDRESS, api_key="none", http_client=http
        )
        with track() as usage:
            llm.generate(["One", "Two", "Three"])
    assert (usage.prompt_tokens, usage.completion_tokens) == (10, 5)
    assert usage.total_cost == Decimal("0.000025")  # 10 * 1.5 + 5 * 2


def test_a_graph_and_its_nodes_count_each_call_once(model: Any) -> None:
    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("one", node)
    graph.add_node("two", node)
    graph.add_edge(START, "one")
    graph.add_edge("one", "two")
    graph.add_edge("two", END)
    app: Any = graph.compile()
    with track() as usage:
        app.invoke({"messages": [("human", "Hello")]})
        list(app.stream({"messages": [("human", "Hello")]}, stream_mode="messages"))
    assert seen(usage) == (4, 40, 20)


def test_the_responses_api_under_langchain_counts_once(provider: UsageProvider, model: Any) -> None:
    other = model.model_copy(update={"use_responses_api": True})
    with track() as usage:
        other.invoke("Hello")
        list(other.stream("Hello"))
    assert seen(usage) == (2, 20, 10)
    assert usage.total_cost == Decimal("0.00015")


def test_what_langchains_own_cache_answers_is_no_call(model: Any) -> None:
    cached = model.model_copy(update={"cache": InMemoryCache()})
    with track() as usage:
        cached.invoke("Hello")
        cached.invoke("Hello")
    assert seen(usage) == (1, 10, 5)


def test_structured_answers_and_calls_of_tools_count_once(model: Any) -> None:
    schema = {"title": "greeting", "type": "object", "properties": {"words": {"type": "string"}}}
    shaped = model.with_structured_output(schema, method="json_schema")
    with track() as usage:
        shaped.invoke(told(says='{"words": "Good day"}'))
        model.bind_tools([schema]).invoke("Hello")
    assert seen(usage) == (2, 20, 10)


def test_embeddings_count_once_even_in_a_chain(provider: UsageProvider) -> None:
    with DefaultHttpxClient(proxy=provider.proxy, trust_env=False) as http:
        embeddings = OpenAIEmbeddings(
            model="text-embedding-3-small",
            base_url=ADDRESS,
            api_key="none",
            http_client=http,
            check_embedding_ctx_length=False,
        )
        with track() as usage:
            text = told(usage={"prompt_tokens": 8, "total_tokens": 8})
            embeddings.embed_documents([text])
            RunnableLambda(embeddings.embed_query).invoke(text)
    assert seen(usage) == (2, 16, 0)
    assert usage.total_cost == Decimal("0.00000032")  # 16 * 0.02


# ---- the plain client --------------------------------------------------------------------------


def test_every_call_of_the_plain_client_counts_once(client: Any) -> None:
    with track() as usage:
        ask(client)
        client.chat.completions.parse(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )
        client.completions.create(model="gpt-4o", prompt="Hello")
        client.responses.create(model="gpt-4o", input="Hello")
        client.embeddings.create(model="gpt-4o", input="Hello", encoding_format="float")
        ask(client.with_options(timeout=5))
    assert seen(usage) == (6, 60, 30)
    assert usage.total_cost == Decimal("0.00045")


def test_every_stream_of_the_plain_client_counts_once(client: Any) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    with track() as usage:
        assert len(list(ask(client, **USAGE_TOO))) == 6
        with client.chat.completions.stream(
            model="gpt-4o", messages=messages, stream_options={"include_usage": True}
        ) as stream:
            assert "content.done" in [event.type for event in stream]
        list(client.responses.create(model="gpt-4o", input="Hello", stream=True))
        with client.responses.stream(model="gpt-4o", input="Hello") as events:
            assert [event.type for event in events][-1] == "response.completed"
    assert seen(usage) == (4, 40, 20)
    assert usage.total_cost == Decimal("0.0003")


def test_raw_answers_of_the_plain_client_count_once(client: Any) -> None:
    raw = client.chat.completions.with_raw_response
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    with track() as usage:
        answer = raw.create(**body)
        assert answer.parse().usage == answer.parse().usage
        assert raw.create(**body).headers["content-type"] == "application/json"
        list(raw.create(**body, **USAGE_TOO).parse())
        with client.chat.completions.with_streaming_response.create(**body) as lazy:
            assert lazy.parse().choices
    assert seen(usage) == (4, 40, 20)


def test_every_call_of_the_asynchronous_client_counts_once(provider: UsageProvider) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}

    async def calls() -> Scope:
        async with fresh(provider) as client, track() as usage:
            await ask(client)
            _ = [piece async for piece in await ask(client, **USAGE_TOO)]
            (await client.chat.completions.with_raw_response.create(**body)).parse()
            chat = client.chat.completions.with_streaming_response
            async with chat.create(**body) as lazy:
                await lazy.parse()
            async with client.responses.stream(model="gpt-4o", input="Hello") as events:
                _ = [event async for event in events]
            await client.embeddings.create(model="gpt-4o", input="x", encoding_format="float")
        return usage

    assert seen(asyncio.run(calls())) == (6, 60, 30)


def test_what_is_no_call_of_a_model_is_not_counted(client: Any) -> None:
    with track() as usage:
        client.post("/moderations", body={"input": "Hello"}, cast_to=object)
    assert seen(usage) == (0, 0, 0)
    assert usage.total_cost == Decimal(0)


def test_pictures_are_counted_and_have_no_price(client: Any) -> None:
    with track() as usage:
        client.post("/images/generations", body={"model": "gpt-image-1"}, cast_to=dict[str, Any])
    assert seen(usage) == (1, 10, 5)
    assert usage.total_cost is None
    assert usage.unpriced_models == ["gpt-image-1"]


# ---- LangChain and the plain client ------------------------------------------------------------


def test_the_plain_client_in_a_tool_a_chain_and_a_callback_is_counted_too(
    client: Any, model: Any
) -> None:
    @tool
    def lookup(word: str) -> str:
        """Asks another model."""
        return str(ask(client, word).choices[0].message.content)

    class Asking(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            if token == "Good":
                ask(client)

    with track() as usage:
        lookup.invoke({"word": "Hello"})
        RunnableLambda(lambda word: ask(client, word).model).invoke("Hello")
        assert seen(usage) == (2, 20, 10)
        list(model.stream("Hello", config={"callbacks": [Asking()]}))
    assert seen(usage) == (4, 40, 20)


def test_a_model_that_only_knows_how_to_wait_is_counted_once_when_it_is_awaited(
    client: Any,
) -> None:
    async def calls() -> Scope:
        async with track() as usage:
            await OwnModel(client=client).ainvoke("Hello")
            pieces = [piece async for piece in OwnModel(client=client).astream("Hello")]
            assert len(pieces) > 1
        return usage

    assert seen(asyncio.run(calls())) == (2, 20, 10)


def test_a_model_that_asks_another_s_innards_counts_once(client: Any) -> None:
    class Wrapping(OwnModel):
        def _generate(self, *given: Any, **kwargs: Any) -> ChatResult:
            return OwnModel(client=self.client)._generate(*given)

    with track() as usage:
        Wrapping(client=client).invoke("Hello")
        OwnModel(client=client)._generate([HumanMessage("Hello")])
    assert seen(usage) == (2, 20, 10)


# ---- scopes ------------------------------------------------------------------------------------


def test_a_call_counts_in_its_block_and_in_all_around_it(model: Any, client: Any) -> None:
    with track() as outer:
        model.invoke("Hello")
        with track() as middle, track() as inner:
            model.invoke("Hello")
            ask(client)
        ask(client)
    model.invoke("Hello")
    ask(client)
    assert [seen(scope)[0] for scope in (outer, middle, inner)] == [4, 2, 2]


def test_a_scope_that_is_entered_twice_counts_once_and_goes_on(client: Any) -> None:
    usage = track()
    with usage, usage:
        ask(client)
    ask(client)
    with usage:
        ask(client)
    assert seen(usage)[0] == 2


def test_blocks_that_end_in_the_wrong_order_do_no_harm(client: Any) -> None:
    first, second = track(), track()
    first.__enter__()
    second.__enter__()
    first.__exit__()
    ask(client)
    second.__exit__()
    ask(client)
    assert (seen(first)[0], seen(second)[0]) == (0, 1)


def test_a_block_may_end_in_another_context(client: Any) -> None:
    usage = track()

    def begin() -> None:
        usage.__enter__()
        ask(client)

    copy_context().run(begin)
    usage.__exit__()
    ask(client)
    assert seen(usage)[0] == 1


def test_a_block_ends_with_its_error(client: Any) -> None:
    usage = track()
    with pytest.raises(OpenAIError), usage:
        ask(client, told(status=500))
    ask(client)
    assert (usage.successful_requests, usage.failed_requests) == (0, 1)


def test_fifty_tasks_with_a_scope_each_do_not_mix(provider: UsageProvider, model: Any) -> None:
    async def one(client: Any, model: Any, number: int) -> tuple[int, int]:
        reported = {"prompt_tokens": number, "completion_tokens": 1, "total_tokens": number + 1}
        async with track() as usage:
            await ask(client, told(usage=reported))
            await model.ainvoke(told(usage=reported))
            _ = [piece async for piece in model.astream(told(usage=reported))]
        return number * 3, usage.prompt_tokens

    async def all_of_them() -> list[tuple[int, int]]:
        async with (
            fresh(provider) as client,
            awaited(provider, model) as asked,
            track() as outer,
        ):
            pairs = await asyncio.gather(*(one(client, asked, number) for number in range(1, 51)))
        assert seen(outer) == (150, 3 * 50 * 51 // 2, 150)
        return pairs

    pairs = asyncio.run(all_of_them())
    assert all(expected == counted for expected, counted in pairs)


def test_a_stream_counts_where_it_began(client: Any, model: Any) -> None:
    with track() as first:
        plain = ask(client, **USAGE_TOO)
        pieces = model.stream("Hello")
        next(pieces)
    with track() as second:
        list(plain)
        list(pieces)
    assert (seen(first), seen(second)) == ((2, 20, 10), (0, 0, 0))


def test_a_stream_that_nobody_reads_to_its_end_is_counted_with_an_unknown_cost(
    client: Any, model: Any, provider: UsageProvider
) -> None:
    async def half() -> None:
        async with awaited(provider, model) as asked:
            stream = asked.astream("Hello")
            await anext(stream)
            await stream.aclose()

    with track() as usage:
        for _piece in ask(client, **USAGE_TOO):
            break
        for _chunk in model.stream("Hello"):
            break
        asyncio.run(half())
        gc.collect()
    assert seen(usage) == (3, 0, 0)
    assert usage.total_cost is None
    assert usage.unreported_requests == 3
    assert usage.unreported_models == ["gpt-4o"]


def test_a_stream_read_up_to_its_usage_has_a_cost(client: Any) -> None:
    with track() as usage:
        for piece in ask(client, **USAGE_TOO):
            if piece.usage:
                break
    assert seen(usage) == (1, 10, 5)
    assert usage.total_cost == Decimal("0.000075")


def test_while_a_stream_runs_its_cost_is_not_known(client: Any) -> None:
    with track() as usage:
        stream = ask(client, told(model="gpt-4o-2024-08-06"), **USAGE_TOO)
        next(stream)
        assert usage.total_cost is None
        list(stream)
    assert usage.total_cost == Decimal("0.000075")
    assert list(usage.by_model) == ["gpt-4o-2024-08-06"]


# ---- threads -----------------------------------------------------------------------------------


def test_threads_belong_to_the_block_that_started_them(client: Any, model: Any) -> None:
    class Asking(threading.Thread):
        def run(self) -> None:
            model.invoke("Hello")

    with track() as usage:
        threads = [threading.Thread(target=ask, args=(client,)), Asking()]
        threads.append(threading.Timer(0, ask, (client,)))
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    ask(client)
    assert seen(usage) == (3, 30, 15)


def test_one_pool_works_for_two_scopes_and_for_nobody(client: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        with track() as first:
            pool.submit(ask, client).result()  # This one starts the pool's thread.
        pool.submit(ask, client).result()
        with track() as second:
            list(pool.map(lambda _: ask(client), range(2)))
        pool.submit(ask, client).result()
    assert (seen(first)[0], seen(second)[0]) == (1, 2)


def test_a_pool_of_multiprocessing_made_in_a_block_belongs_to_it(client: Any) -> None:
    with track() as usage, ThreadPool(2) as pool:
        pool.map(lambda _: ask(client), range(3))
    assert seen(usage)[0] == 3


def test_threads_of_a_loop_count_where_they_were_called_from(client: Any) -> None:
    async def one(times: int) -> int:
        async with track() as usage:
            for _ in range(times):
                await asyncio.to_thread(ask, client)
                await asyncio.get_running_loop().run_in_executor(None, ask, client)
        return usage.successful_requests

    async def both() -> list[int]:
        return list(await asyncio.gather(one(1), one(3)))

    assert asyncio.run(both()) == [2, 6]


def test_nothing_but_the_scope_travels_into_a_thread(client: Any) -> None:
    theirs: ContextVar[str] = ContextVar("theirs", default="untouched")
    theirs.set("ours")
    found: list[str] = []
    with track(), ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: found.append(theirs.get())).result()
        thread = threading.Thread(target=lambda: found.append(theirs.get()))
        thread.start()
        thread.join()
    assert found == ["untouched", "untouched"]
    assert "run" not in vars(thread)


def test_many_threads_lose_nothing() -> None:
    from causerie.token_usage import Usage
    from causerie.usage.scopes import SCOPES, OpenCall

    def count(_: int) -> None:
        for _again in range(100):
            call = OpenCall(SCOPES.get(), "gpt-4o", ADDRESS)
            call.answering()
            call.answered(Usage(input_tokens=1, output_tokens=1))

    with track() as usage, ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(40)))
    assert seen(usage) == (4000, 4000, 4000)
    assert usage.total_cost == Decimal("0.05")


# ---- errors and what is not known --------------------------------------------------------------


def test_what_fails_is_no_successful_call(client: Any, model: Any) -> None:
    with track() as usage:
        with pytest.raises(OpenAIError):
            ask(client, told(status=500))
        with pytest.raises(OpenAIError):
            model.invoke(told(status=429))
    assert (usage.successful_requests, usage.failed_requests) == (0, 2)
    assert usage.total_cost == Decimal(0)


def test_a_stream_that_tears_has_failed_and_cost_what_nobody_knows(client: Any, model: Any) -> None:
    usages = [track(), track()]
    with usages[0], pytest.raises(OpenAIError):
        list(ask(client, told(torn=True), **USAGE_TOO))
    with usages[1], pytest.raises(OpenAIError):
        list(model.stream(told(torn=True)))
    for usage in usages:
        assert (usage.successful_requests, usage.failed_requests) == (0, 1)
        assert usage.total_cost is None
        assert usage.unreported_models == ["gpt-4o"]


def test_a_call_that_is_cancelled_cost_what_nobody_knows(provider: UsageProvider) -> None:
    async def cancelled() -> Scope:
        async with fresh(provider) as client, track() as usage:
            task = asyncio.create_task(ask(client))
            await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return usage

    usage = asyncio.run(cancelled())
    assert usage.total_cost is None
    assert usage.unreported_models == ["gpt-4o"]


def test_an_answer_that_cannot_be_parsed_has_cost_what_it_cost(client: Any) -> None:
    from openai import LengthFinishReasonError

    with track() as usage, pytest.raises(LengthFinishReasonError):
        client.chat.completions.parse(
            model="gpt-4o",
            messages=[{"role": "user", "content": told(finish="length")}],
            response_format=Shape,
        )
    assert seen(usage) == (1, 10, 5)


def test_an_answer_without_usage_is_counted_with_an_unknown_cost(client: Any, model: Any) -> None:
    with track() as usage:
        ask(client, told(usage=None))
        list(ask(client, stream=True))
        model.invoke(told(usage=None))
    assert seen(usage) == (3, 0, 0)
    assert usage.unreported_requests == 3
    assert usage.total_cost is None
    assert usage.costs == {}


def test_a_model_without_a_price_is_listed_and_makes_the_cost_unknown(client: Any) -> None:
    with track() as usage:
        ask(client)
        ask(client, told(model="a-model-of-our-own"))
    assert usage.total_cost is None
    assert usage.unpriced_models == ["a-model-of-our-own"]
    assert usage.costs == {"USD": Decimal("0.000075")}
    assert usage.by_model["gpt-4o"].total_cost == Decimal("0.000075")
    assert usage.by_model["a-model-of-our-own"].total_cost is None
    assert "No price known: a-model-of-our-own" in str(usage)
    assert "unknown, at least 0.000075 USD" in str(usage)


def test_nothing_called_costs_nothing() -> None:
    with track() as usage:
        pass
    assert usage.total_cost == Decimal(0)
    assert str(usage).endswith("Cost: 0")


def test_get_openai_callback_has_langchains_attributes_and_a_float(model: Any) -> None:
    with get_openai_callback() as cb:
        model.invoke("Hello")
        assert (cb.total_tokens, cb.prompt_tokens, cb.completion_tokens) == (15, 10, 5)
        assert cb.successful_requests == 1
        assert isinstance(cb.total_cost, float)
        assert cb.total_cost + 1.0 == pytest.approx(1.000075)
        model.invoke(told(model="a-model-of-our-own"))
        assert cb.total_cost is None
