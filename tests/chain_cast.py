"""What the tests of the handler share: a server, a model, and a scene for each test."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from causerie.client import Client
from causerie.langchain import ContextCallbackHandler
from causerie.testing import ServerProcess
from tests.conftest import AppServer

PROMPT = ChatPromptTemplate.from_messages([("system", "Be kind."), ("human", "{question}")])


@pytest.fixture(scope="module")
def server(app_server: AppServer) -> ServerProcess:
    return app_server.process


@pytest.fixture(scope="module")
def key(app_server: AppServer) -> str:
    return app_server.key


class Scene:
    """One test's tenant: handlers that write there, and what arrived."""

    def __init__(self, server: ServerProcess, key: str, openai_url: str) -> None:
        self._server = server
        self._key = key
        self._openai_url = openai_url
        self.tenant = uuid.uuid4().hex[:12]

    def handler(self, **given: Any) -> ContextCallbackHandler:
        """A handler as an app makes it."""
        told = {"url": self._server.endpoint, "tenant": self.tenant, **given}
        return ContextCallbackHandler(told.pop("token", self._key), **told)

    def model(self, **given: Any) -> ChatOpenAI:
        """A real chat model's client; what it talks to is a script."""
        # Kept connections would outlive the loop of a test, and be found unclosed in another's.
        once = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))
        made = {"base_url": self._openai_url, "api_key": "none", "max_retries": 0, **given}
        return ChatOpenAI(model="gpt-4", http_async_client=once, **made)

    def arrived(self) -> list[Any]:
        """Conversations, the oldest first, once all is there."""
        assert ContextCallbackHandler(self._key, url=self._server.endpoint).flush(30)
        self._server.settle()
        with Client(self._key, self._server.endpoint, tenant=self.tenant) as client:
            found = client.conversations(per_page=100).conversations
        return sorted(found, key=lambda one: one.messages[0].event_timestamp)

    def told(self) -> list[list[tuple[str, str]]]:
        """What was said in each, by whom."""
        return [[spoken(said) for said in one.messages] for one in self.arrived()]


def spoken(said: Any) -> tuple[str, str]:
    if said.type == "tool":
        return "tool", f"{said.name} {said.input or ''} {said.observation or ''}".strip()
    if said.type == "event":
        return "event", said.name
    return said.role, said.message


@pytest.fixture
def scene(server: ServerProcess, key: str, openai_url: str) -> Scene:
    return Scene(server, key, openai_url)


@tool
def weather(city: str) -> str:
    """The weather of a town."""
    return f"Rain in {city}."


def agent(model: Any, tools: list[Any], **options: Any) -> Any:
    """A model that calls tools, until it has nothing more to call."""
    armed = model.bind_tools(tools)
    made = StateGraph(MessagesState)
    made.add_node("agent", lambda state: {"messages": [armed.invoke(state["messages"])]})
    made.add_node("tools", ToolNode(tools))
    made.add_edge(START, "agent")
    made.add_conditional_edges("agent", tools_condition)
    made.add_edge("tools", "agent")
    return made.compile(**options)


FIXTURES = (server, key, scene)
"""For the modules that use them."""
