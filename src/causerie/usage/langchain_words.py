"""What LangChain tells of a run, in our words: model, address, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.token_usage import Usage, usage_of

ADDRESS_NAMES = (
    *("openai_api_base", "base_url", "azure_endpoint", "anthropic_api_url", "api_base"),
    *("deepseek_api_base", "xai_api_base", "groq_api_base", "mistral_api_base", "endpoint"),
    *("endpoint_url", "fireworks_api_base", "together_api_base", "openrouter_api_base"),
)
"""How LangChain's models call the address that they are given."""
MAKERS: Mapping[str, str] = {
    "amazon_bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "anthropic": "https://api.anthropic.com",
    "azure": "https://azure.openai.azure.com",
    "cerebras": "https://api.cerebras.ai/v1",
    "cohere": "https://api.cohere.com",
    "deepseek": "https://api.deepseek.com",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "google_genai": "https://generativelanguage.googleapis.com",
    "google_vertexai": "https://aiplatform.googleapis.com",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "mistralai": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.cn/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "together": "https://api.together.xyz/v1",
    "tongyi": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "xai": "https://api.x.ai/v1",
    "zhipuai": "https://open.bigmodel.cn/api/paas/v4",
}
"""The names that LangChain gives to those whose models have one address, and that address."""
SOMEWHERE = "https://-"
"""An address that nobody knows, such as that of a machine in the house."""


def model_asked(told: Mapping[str, Any]) -> str:
    """The model of a run that begins."""
    params = _mapping(told.get("invocation_params"))
    ls = _mapping(told.get("metadata")).get("ls_model_name")
    return _text(params.get("model"), params.get("model_name"), params.get("azure_deployment"), ls)


def address_of(serialized: Mapping[str, Any] | None, told: Mapping[str, Any]) -> str:
    """Where its provider is: as the app says, or else where such a model is by nature."""
    given = _mapping(_mapping(serialized).get("kwargs"))
    address = _text(*(given.get(name) for name in ADDRESS_NAMES))
    if address:
        return address
    maker = _text(_mapping(told.get("metadata")).get("ls_provider"))
    return MAKERS.get(maker.lower(), SOMEWHERE)


def model_of(result: Any) -> str:
    """The model that answered, as its provider names it; empty when it does not say."""
    message = _message(result)
    said = _mapping(getattr(message, "response_metadata", None))
    whole = _mapping(getattr(result, "llm_output", None))
    names = ("model_name", "model")
    return _once(_text(*(words.get(name) for words in (said, whole) for name in names)))


def usage_of_result(result: Any, *, shared: bool = False) -> Usage | None:
    """What a run took; None when its provider did not say.

    `shared`: the provider answered several prompts together, and the first has the usage of all.
    """
    metadata = getattr(_message(result), "usage_metadata", None)
    whole = _mapping(getattr(result, "llm_output", None))
    raw = whole.get("token_usage") or whole.get("usage")
    if metadata is None:
        if shared and whole.get("token_usage") == {}:
            return Usage()
        return usage_of(raw)
    return fuller(usage_of_metadata(_mapping(metadata)), usage_of(raw))


def fuller(told: Usage | None, raw: Usage | None) -> Usage | None:
    """The usage that says more: LangChain's words leave out what some providers say of their
    cache.
    """
    if told is None or raw is None:
        return told or raw
    same = (told.input_tokens, told.output_tokens) == (raw.input_tokens, raw.output_tokens)
    cached = (told.cached_tokens or 0) <= (raw.cached_tokens or 0)
    return (
        raw if same and cached and told.cache_written_tokens <= raw.cache_written_tokens else told
    )


def is_from_cache(result: Any) -> bool:
    """Whether LangChain's own cache answered: it marks that by a cost of 0."""
    metadata = getattr(_message(result), "usage_metadata", None)
    return isinstance(metadata, Mapping) and metadata.get("total_cost") == 0


def is_whole(partial: Any) -> bool:
    """Whether an answer that was not read to its end has come to it: its usage is the whole."""
    message = _message(partial)
    said = _mapping(getattr(message, "response_metadata", None))
    ended = said.get("finish_reason") or said.get("stop_reason") or said.get("status")
    return bool(ended and getattr(message, "usage_metadata", None))


def usage_of_metadata(metadata: Mapping[str, Any]) -> Usage | None:
    """What LangChain's `usage_metadata` of a message says; None when it says nothing."""
    read = _mapping(metadata.get("input_token_details"))
    said = _mapping(metadata.get("output_token_details"))
    lives = {name: tokens for name, tokens in read.items() if name.startswith("ephemeral_")}
    return usage_of(
        {
            "input_tokens": metadata.get("input_tokens"),
            "input_tokens_details": {
                "cached_tokens": read.get("cache_read"),
                "cache_write_tokens": read.get("cache_creation"),
            },
            "cache_creation": lives,
            "output_tokens": metadata.get("output_tokens"),
            "output_tokens_details": {"reasoning_tokens": said.get("reasoning")},
            "total_tokens": metadata.get("total_tokens"),
        }
    )


def _message(result: Any) -> Any:
    """That of the first choice: every choice has the usage of all."""
    generations = getattr(result, "generations", None) or [[]]
    return getattr(generations[0][0], "message", None) if generations[0] else None


def _once(name: str) -> str:
    """Pieces of a stream that each name the model make `gpt-4ogpt-4o` of it when they are added."""
    again = (name + name).find(name, 1)
    return name[:again] if 0 < again < len(name) and again > 1 else name


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(*values: Any) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")
