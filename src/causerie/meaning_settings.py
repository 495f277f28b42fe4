"""How a project wants to be understood: languages, models, and what a language model is asked."""

from __future__ import annotations

import re
from math import isfinite

import msgspec

from causerie.embeddings import DEFAULT_MODEL
from causerie.endpoints import ENDPOINT_ID, Upstream, check_upstream
from causerie.errors import Invalid
from causerie.wording import say

REMOTE = "remote"
LANGUAGES_MAX = 200
CALIBRATION_MAX = 50
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
MODEL = re.compile(r"[\w.:/-]{1,100}")

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


def checked_settings(settings: MeaningSettings) -> MeaningSettings:
    """The same settings, addresses without a slash at the end. Raises Invalid, naming the field.
    Whether a language or a model is known is for the caller to say.
    """
    if len(settings.languages) > LANGUAGES_MAX:
        raise Invalid(
            say("languages: at most %(languages_max)s", languages_max=LANGUAGES_MAX),
            field="languages",
        )
    for field, codes in (
        ("languages", settings.languages),
        ("translates_to", filter(None, [settings.translates_to])),
    ):
        if not all(map(LANGUAGE.fullmatch, codes)):
            raise Invalid(say("%(field)s: a code such as fr is expected", field=field), field=field)
    if not MODEL.fullmatch(settings.model):
        raise Invalid(say("model: the name of a model of embeddings is expected"), field="model")
    if settings.embeddings.endpoint:
        raise Invalid(say("embeddings.endpoint: only an address is possible"), field="embeddings")
    if settings.model == REMOTE and not settings.embeddings:
        raise Invalid(say("embeddings.url: where is the model?"), field="embeddings")
    if not 0 <= settings.calls_per_day <= CALLS_PER_DAY_MAX:
        raise Invalid(
            say("calls_per_day: 0 to %(calls_per_day_max)s", calls_per_day_max=CALLS_PER_DAY_MAX),
            field="calls_per_day",
        )
    fine = all(map(isfinite, settings.calibration.values()))
    if not fine or len(settings.calibration) > CALIBRATION_MAX:
        raise Invalid(say("calibration: a few numbers are expected"), field="calibration")
    return msgspec.structs.replace(
        settings,
        embeddings=_checked_service(settings.embeddings, "embeddings"),
        judge=_checked_service(settings.judge, "judge"),
    )


def _checked_service(service: Service, field: str) -> Service:
    if service.endpoint:
        if service.url or not ENDPOINT_ID.fullmatch(service.endpoint):
            raise Invalid(
                say("%(field)s: an endpoint or an address is expected", field=field), field=field
            )
        # What an endpoint has itself would only mislead here.
        return Service(endpoint=service.endpoint)
    if not service.url:
        return NOBODY
    service = msgspec.structs.replace(service, url=service.url.rstrip("/"))
    check_upstream(Upstream(base_url=service.url, model=service.model), field)
    return service
