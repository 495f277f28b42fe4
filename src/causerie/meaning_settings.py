"""How a project wants to be understood: languages, models, and what a language model is asked."""

from __future__ import annotations

import msgspec

from causerie.embeddings import DEFAULT_MODEL

CALLS_PER_DAY = 1_000
CALLS_PER_DAY_MAX = 1_000_000


class Service(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model to ask, by one of two ways."""

    endpoint: str = ""
    """Id of an endpoint of the project's gateway."""
    url: str = ""
    """Base of any OpenAI-compatible service, such as `http://127.0.0.1:8000/v1`."""
    model: str = ""
    """Of that service."""
    key: str = msgspec.field(default="")
    """For that service. Sealed in the store, open here: never shown or logged."""

    def __repr__(self) -> str:
        return f"Service({self.endpoint or self.url!r}, {self.model!r})"

    def __bool__(self) -> bool:
        return bool(self.endpoint or self.url)


NOBODY = Service()


class MeaningSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One project's choice. The default asks nobody and sends nothing anywhere."""

    languages: tuple[str, ...] = ()
    """Codes of the only languages that people write in; empty for all that are known."""
    model: str = DEFAULT_MODEL
    """Of embeddings: one that runs here, or `remote`."""
    embeddings: Service = NOBODY
    """Where `remote` is; an endpoint cannot be one."""
    judge: Service = NOBODY
    """Who decides on LLM topics, polishes names and translates."""
    calls_per_day: int = CALLS_PER_DAY
    """To the judge, from midnight to midnight in UTC."""
    polishes_names: bool = False
    translates_to: str = ""
    """A language code; empty for no translations."""
    calibration: dict[str, float] = {}
    """Of sentiment, fitted from thumbs; empty before there are enough."""
