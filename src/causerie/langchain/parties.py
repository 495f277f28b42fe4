"""Party: who talks, in which conversation, as a run's own words tell it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from causerie.langchain.trees import Kind, Party

USER_KEYS = ("user_id",)
CONVERSATION_KEYS = ("conversation_id", "thread_id", "session_id")
HEADER_NAMES = ("default_headers", "headers", "extra_headers")
FOREIGN_PREFIXES = ("ls_", "lc_", "langgraph_", "langsmith", "checkpoint", "__")
"""What libraries note for themselves in the metadata of runs."""
FRAMES_MAX = 16


def party_of(kind: Kind, serialized: Any, run: Mapping[str, Any], *, asks: bool) -> Party:
    """What the beginning of a run tells. One that `asks` is the outermost: its metadata counts."""
    given = run.get("metadata") or {}
    party = Party(_first(given, USER_KEYS), _first(given, CONVERSATION_KEYS))
    if asks:
        party.metadata = {key: value for key, value in given.items() if _is_own(key, value)}
    if not (party.user and party.conversation):
        configured = _configured(frames=asks)
        party.user = party.user or _first(configured, USER_KEYS)
        party.conversation = party.conversation or _first(configured, CONVERSATION_KEYS)
    if kind is Kind.MODEL:
        _learn_of_model(party, serialized, run.get("invocation_params") or {}, given)
    return party


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = (fields.get(name) for name in names)
    return next((str(value) for value in found if value not in (None, "")), "")


def _is_own(key: Any, value: Any) -> bool:
    if key in (*USER_KEYS, *CONVERSATION_KEYS) or not isinstance(value, str | int | float | bool):
        return False
    return not str(key).startswith(FOREIGN_PREFIXES)


def _learn_of_model(
    party: Party, serialized: Any, parameters: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    model = _first(parameters, ("model", "model_name", "model_id", "deployment_name"))
    model = model or _first(metadata, ("ls_model_name",))
    if model:
        party.metadata.setdefault("model", model)
    if not party.user:
        made = (serialized or {}).get("kwargs") or {}
        party.user = next(_users(made, parameters), "") or _first(parameters, ("user",))


def _users(*places: Mapping[str, Any]) -> Iterator[str]:
    """The user in the headers that a model was made with."""
    for place in places:
        for fields in (place, place.get("model_kwargs")):
            for name in HEADER_NAMES:
                headers = fields.get(name) if isinstance(fields, Mapping) else None
                if isinstance(headers, Mapping):
                    lowered = {str(key).lower(): value for key, value in headers.items()}
                    if user := _first(lowered, USER_KEYS):
                        yield user


def _configured(*, frames: bool) -> Mapping[str, Any]:
    """The `configurable` of the run. LangChain tells it to what runs inside; before 1.0 it told
    handlers as well, and since then only the frame that calls them has it.
    """
    # Loaded by whatever runs; to import it with the handler takes half a second.
    from langchain_core.runnables.config import var_child_runnable_config

    around = var_child_runnable_config.get()
    if around and around.get("configurable"):
        return around["configurable"]
    frame = sys._getframe() if frames else None
    for _ in range(FRAMES_MAX):
        if frame is None:
            break
        config = frame.f_locals.get("config")
        if isinstance(config, Mapping) and config.get("configurable"):
            found: Mapping[str, Any] = config["configurable"]
            return found
        frame = frame.f_back
    return {}
