"""Sessions on other versions of LangChain and langgraph: the same app says and keeps the same."""

from __future__ import annotations

import pytest

from tests.clients import apps
from tests.scripted_upstream import ScriptedUpstream

VERSIONS = {"langgraph06": ("0.3.", "0.6."), "langgraph": ("1.7.", "1.2.")}


@pytest.mark.parametrize("environment", VERSIONS)
def test_an_app_remembers_alike(
    environment: str, upstream: ScriptedUpstream, contexts_place: str
) -> None:
    key, _, host = contexts_place.removeprefix("http://").partition("@")
    told = apps.sessions(environment, upstream.url, f"http://{host}", key).answer
    langchain, langgraph = VERSIONS[environment]
    assert told["versions"]["langchain-core"].startswith(langchain)
    assert told["versions"]["langgraph"].startswith(langgraph)
    for place in ("memory", "contexts"):
        found = told[place]
        assert found["asked"] == ["1", "2", "3", "4", "5", "6", "7", "8", "8", "8"]
        assert found["types"] == ["AIMessage", "HumanMessage"]
        assert found["pieces"] > 1
        assert found["raised"] == 500
        assert found["prompts"] == [2, True, 429]
        assert "versions" in found["sessions"]
