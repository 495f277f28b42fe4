"""The model, the prompt and the chain of them, set up as the environment says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import SystemMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable

from causerie.client.environment import openai_base_url, openai_key, openai_model
from causerie.sessions.errors import NotConfigured

MODEL = "gpt-4.1-mini"
SYSTEM = "You are a helpful assistant."
INPUT, HISTORY = "input", "history"
TIMEOUT_SECONDS = 60.0
RETRIES_MAX = 2


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which model is asked, where, and with which key. `timeout_s` is for one try."""

    key: str = field(repr=False)
    base_url: str | None = None
    model: str = MODEL
    timeout_s: float = TIMEOUT_SECONDS
    retries: int = RETRIES_MAX


def read_settings(
    *, key: str | None = None, base_url: str | None = None, model: str | None = None
) -> ModelSettings:
    """What is given, else OPENAI_API_KEY, OPENAI_BASE_URL (or OPENAI_API_BASE) and OPENAI_MODEL.
    Raises NotConfigured without a key.
    """
    known = key or openai_key()
    if not known:
        raise NotConfigured("no key of a model: set OPENAI_API_KEY, or pass one")
    return ModelSettings(
        key=known, base_url=base_url or openai_base_url(), model=model or openai_model() or MODEL
    )


def build_model(settings: ModelSettings | None = None, **options: Any) -> BaseChatModel:
    """The chat model of the settings, else of the environment; `options` are those of ChatOpenAI.
    Streams say their tokens at the end. Raises NotConfigured.
    """
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    known = settings or read_settings()
    model: BaseChatModel = ChatOpenAI(
        **{
            "model": known.model,
            "api_key": SecretStr(known.key),
            "base_url": known.base_url,
            "timeout": known.timeout_s,
            "max_retries": known.retries,
            "stream_usage": True,
            **options,
        }
    )
    return model


def build_prompt(system: str = SYSTEM) -> ChatPromptTemplate:
    """The system's words as they stand, what was said before, and what the user says now."""
    return ChatPromptTemplate.from_messages(
        [
            SystemMessage(system),
            MessagesPlaceholder(HISTORY, optional=True),
            ("human", "{" + INPUT + "}"),
        ]
    )


def build_chain(
    prompt: ChatPromptTemplate | None = None, model: BaseChatModel | None = None
) -> Runnable[dict[str, Any], Any]:
    """The prompt, then the model; of the environment where none is given. Raises NotConfigured."""
    return (prompt or build_prompt()) | (model or build_model())
