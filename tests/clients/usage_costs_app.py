"""What LangChain's own get_openai_callback says that calls cost: one process for all of them.

    usage_costs_app.py PROXY ROWS

ROWS is a file of JSON: a list of what `ask` takes. Prints one line of JSON: each row's cost.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import AzureChatOpenAI, ChatOpenAI, OpenAIEmbeddings
from openai import DefaultHttpxClient


class LikeChatAnthropic(BaseChatModel):
    """A model that reports what langchain-anthropic 1.x makes of Anthropic's usage: the input with
    all that touched the cache, writes by their life where the API tells it.
    """

    answer: dict[str, Any]

    @property
    def _llm_type(self) -> str:
        return "anthropic-chat"

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        name = self.answer["model"]
        return {"ls_provider": "anthropic", "ls_model_name": name, "ls_model_type": "chat"}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        model, usage = self.answer["model"], self.answer["usage"]
        message = AIMessage(
            "Good day.",
            usage_metadata=anthropic_metadata(usage),
            response_metadata={"model": model, "model_name": model, "usage": usage},
        )
        whole = {"model_name": model, "usage": usage}
        return ChatResult(generations=[ChatGeneration(message=message)], llm_output=whole)


def anthropic_metadata(usage: dict[str, Any]) -> Any:
    """`usage_metadata` of Anthropic's own `usage`."""
    read = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    lives = usage.get("cache_creation") or {}
    by_life = sum(lives.values())
    taken = usage["input_tokens"] + read + (by_life or written)
    details = {"cache_read": read, "cache_creation": 0 if by_life else written, **lives}
    return {
        "input_tokens": taken,
        "output_tokens": usage["output_tokens"],
        "total_tokens": taken + usage["output_tokens"],
        "input_token_details": details,
    }


@contextmanager
def model_of(row: dict[str, Any], proxy: str) -> Iterator[Any]:
    """LangChain's model for a row: its `kind`, `address`, and `model` as the app names it."""
    if row["kind"] == "anthropic":
        yield LikeChatAnthropic(answer=row["answer"])
        return
    with DefaultHttpxClient(proxy=proxy, trust_env=False) as http:
        if row["kind"] == "azure":
            yield AzureChatOpenAI(
                azure_endpoint=row["address"],
                azure_deployment=row["model"],
                api_version="2025-01-01-preview",
                api_key="none",
                stream_usage=True,
                http_client=http,
            )
            return
        kind: Any = OpenAIEmbeddings if row["kind"] == "embeddings" else ChatOpenAI
        special = {"check_embedding_ctx_length": False} if kind is OpenAIEmbeddings else {}
        if kind is ChatOpenAI:
            special = {"stream_usage": True}
        yield kind(
            model=row["model"],
            base_url=row["address"],
            api_key="none",
            max_retries=0,
            http_client=http,
            **special,
        )


def ask(model: Any, row: dict[str, Any]) -> None:
    """One call; the text tells the provider what to answer."""
    text = json.dumps(row["answer"])
    if row["kind"] == "embeddings":
        model.embed_documents([text])
    else:
        model.invoke(text)


def main() -> None:
    from langchain_community.callbacks import get_openai_callback

    proxy, rows = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    costs = []
    for row in rows:
        with model_of(row, proxy) as model, get_openai_callback() as cb:
            ask(model, row)
        costs.append(cb.total_cost)
    print(json.dumps({"costs": costs}))


if __name__ == "__main__":
    main()
