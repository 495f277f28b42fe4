"""An agent on LangGraph that keeps its threads: each thread is one conversation, its tools in it.

pip install 'causerie[langchain]' langchain-openai langgraph
export CAUSERIE_URL=https://causerie.example.com CONTEXT_API_TOKEN=… OPENAI_API_KEY=…
python examples/agent.py
"""

import sys

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from causerie.langchain import ContextCallbackHandler


@tool
def opening_hours(city: str) -> str:
    """When the shop in a city is open."""
    return {"Lyon": "9 to 18", "Lille": "10 to 19"}.get(city, "There is no shop in that city.")


chat = ChatOpenAI(model="gpt-4.1-mini").bind_tools([opening_hours])


def answer(state: MessagesState) -> dict:
    """Ask the model, which may call tools."""
    return {"messages": [chat.invoke(state["messages"])]}


graph = StateGraph(MessagesState)
graph.add_node("answer", answer)
graph.add_node("tools", ToolNode([opening_hours]))
graph.add_edge(START, "answer")
graph.add_conditional_edges("answer", tools_condition)
graph.add_edge("tools", "answer")
agent = graph.compile(checkpointer=InMemorySaver())

config = {
    "configurable": {"thread_id": "visit-12", "user_id": "ada"},
    "callbacks": [ContextCallbackHandler()],
}
for question in sys.argv[1:] or ("When do you open in Lyon?", "Thank you!"):
    said = agent.invoke({"messages": [("user", question)]}, config=config)
    print(said["messages"][-1].content)
