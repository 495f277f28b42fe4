"""What is promised stands in the documentation: settings, commands, endpoints, limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from causerie import conversations, reports
from causerie.cli import app
from causerie.config import SECRETS, VARIABLES
from causerie.queries.tables import TABLES
from causerie.web import contextai, edge
from causerie.web.mcp_answers import TEXT_CHARS_MAX
from causerie.web.mcp_tools import ANSWER_CHARS_MAX, CATALOGUE

ROOT = Path(__file__).parents[1]


def document(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("variable", VARIABLES.values())
def test_every_setting_is_documented(variable: str) -> None:
    assert f"| `{variable}` |" in document("docs/settings.md")


def test_every_documented_setting_exists() -> None:
    named = set(re.findall(r"CAUSERIE_[A-Z_]+", document("docs/settings.md")))
    files = {f"{VARIABLES[name]}_FILE" for name in SECRETS}
    assert named == {*VARIABLES.values(), *files, "CAUSERIE_KEY"}


def command_names() -> list[str]:
    top = get_command(app)
    assert isinstance(top, TyperGroup)
    names = []
    for name, command in top.commands.items():
        inner = getattr(command, "commands", None)
        names += [f"{name} {sub}" for sub in inner] if inner else [name]
    return names


@pytest.mark.parametrize("name", command_names())
def test_every_command_is_documented(name: str) -> None:
    assert f"| `causerie {name}` |" in document("docs/commands.md")


def test_every_endpoint_is_documented() -> None:
    text = document("docs/context-api.md")
    api = contextai.ContextAPI.__new__(contextai.ContextAPI)
    for route in api.routes():
        assert f"`{route.path.replace(':path', '')}`" in text, route.path


def test_every_limit_of_the_api_is_documented_by_name() -> None:
    text = document("docs/context-api.md")
    for module in (conversations, edge, reports):
        for name in vars(module):
            internal = {"PREVIEW_CHARS_MAX", "DRAIN_BYTES_MAX", "KEYS_CACHED_MAX"}
            if name.endswith("_MAX") and name not in internal:
                assert f"`{name}`" in text, name


def test_every_table_of_typed_sql_is_documented() -> None:
    text = document("docs/sql.md")
    for table in TABLES:
        assert f"**`{table.name}`** {table.words}" in text
        for column in table.columns:
            assert f"| `{column.name}` | {column.type} | {column.words} |" in text, column


def test_every_tool_of_assistants_is_documented() -> None:
    text = document("docs/mcp.md")
    for tool in CATALOGUE:
        assert f"`{tool.name}`" in text, tool.name
    assert f"{TEXT_CHARS_MAX} characters" in text
    assert f"{ANSWER_CHARS_MAX:,} characters" in text
