"""An app on LangChain with its own ContextCallbackHandler, on 0.3 and on what followed.

    langchain_app.py chat|stream|chain RUN

Prints one line of JSON: what the model replied. Only the handler's client object is set, as the
handler has no option for the endpoint.
"""

import json
import os
import sys
from importlib.util import find_spec
from typing import Any

from getcontext import ContextAPI
from getcontext.token import Credential
from langchain_community.callbacks.context_callback import ContextCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

if find_spec("langchain_classic"):
    from langchain_classic.chains import LLMChain
else:
    from langchain.chains import LLMChain


def main() -> None:
    mode, run = sys.argv[1:]
    replies = {"chat": chat, "stream": stream, "chain": chain}[mode](handler(), run)
    print(json.dumps({"replies": replies}))


def handler() -> Any:
    token = os.environ["CAUSERIE_TEST_TOKEN"]
    made = ContextCallbackHandler(token=token)
    made.client = ContextAPI(
        credential=Credential(token), endpoint=os.environ["CAUSERIE_TEST_ENDPOINT"]
    )
    return made


def model(callback: Any) -> Any:
    return ChatOpenAI(
        model="gpt-4", base_url=os.environ["OPENAI_BASE_URL"], callbacks=[callback], max_retries=0
    )


def chat(callback: Any, run: str) -> list[str]:
    """Two turns: the second one sends the first again, and grows it."""
    asked = model(callback)
    messages: list[BaseMessage] = [
        SystemMessage(content="You translate English to French."),
        HumanMessage(content=f"I love programming with {run}."),
    ]
    first = asked.invoke(messages).content
    messages += [AIMessage(content=first), HumanMessage(content="And to Spanish?")]
    return [first, asked.invoke(messages).content]


def stream(callback: Any, run: str) -> list[str]:
    """One question, its reply taken piece by piece."""
    pieces = model(callback).stream([HumanMessage(content=f"Tell me of {run}.")])
    return ["".join(piece.content for piece in pieces)]


def chain(callback: Any, run: str) -> list[str]:
    """A chain that shares its handler with its model, run twice."""
    prompt = ChatPromptTemplate.from_messages(
        [("human", "What is a good name for a company that makes {product}?")]
    )
    made = LLMChain(llm=model(callback), prompt=prompt, callbacks=[callback])
    products = (f"colorful socks {run}", f"plain socks {run}")
    return [made.invoke({"product": product})["text"] for product in products]


if __name__ == "__main__":
    main()
