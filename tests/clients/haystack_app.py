"""An app on Haystack 2.8 with context-haystack: its prompt and its reply go to the analytics.

    haystack_app.py RUN

Prints one line of JSON: the thread's id and the model's reply. Only the components' client object
is set, as the component has no option for the endpoint.
"""

import json
import os
import sys
import uuid
from typing import Any

from azure.core.exceptions import HttpResponseError
from context_haystack.context import ContextAIAnalytics
from getcontext import ContextAPI
from getcontext.token import Credential
from haystack import Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

REFUSED_CODE = 3


def main() -> None:
    run = sys.argv[1]
    thread_id = uuid.uuid4()
    try:
        reply = ask(thread_id, run)
    except HttpResponseError as error:
        refusal = {"type": type(error).__name__, "status": error.status_code, "message": str(error)}
        print(json.dumps({"refused": refusal}))
        sys.exit(REFUSED_CODE)
    print(json.dumps({"thread": str(thread_id), "reply": reply}))


def ask(thread_id: uuid.UUID, run: str) -> str:
    """One question through the pipeline; the components get the id as the object it is."""
    about: dict[str, Any] = {"thread_id": thread_id, "metadata": {"run": run, "model": "gpt-4"}}
    prompt = [
        ChatMessage.from_system("You know the weather."),
        ChatMessage.from_user("What is it like in {{ place }}?"),
    ]
    answers = pipeline().run(
        {
            "prompt": {"template": prompt, "template_variables": {"place": run}},
            "question": about,
            "answer": about,
        }
    )
    reply: str = answers["answer"]["messages"][0].content
    return reply


def pipeline() -> Pipeline:
    """Prompt, its analytics, model, the reply's analytics."""
    made = Pipeline()
    made.add_component("prompt", ChatPromptBuilder())
    made.add_component("question", analytics())
    made.add_component("model", OpenAIChatGenerator(model="gpt-4"))
    made.add_component("answer", analytics())
    made.connect("prompt.prompt", "question")
    made.connect("question", "model.messages")
    made.connect("model.replies", "answer")
    return made


def analytics() -> Any:
    component = ContextAIAnalytics(Secret.from_token(os.environ["CAUSERIE_TEST_TOKEN"]))
    component.context_api = ContextAPI(
        credential=Credential(os.environ["CAUSERIE_TEST_TOKEN"]),
        endpoint=os.environ["CAUSERIE_TEST_ENDPOINT"],
    )
    return component


if __name__ == "__main__":
    main()
