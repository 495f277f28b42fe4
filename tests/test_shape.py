"""The code's own shape: what a reader may rely on without looking."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "causerie"
MODULES = sorted(SOURCE.rglob("*.py"))
STATEMENTS = sorted((SOURCE / "store" / "sql").rglob("*.sql"))
LINES_MAX = 480
FUNCTION_LINES_MAX = 50


def name(file: Path) -> str:
    return str(file.relative_to(SOURCE))


@pytest.mark.parametrize("file", MODULES, ids=name)
def test_a_module_says_what_it_is_for(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))


@pytest.mark.parametrize("file", MODULES, ids=name)
def test_a_module_has_one_meaning_and_short_functions(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("file", STATEMENTS, ids=name)
def test_a_statement_says_what_it_answers_and_is_asked(file: Path) -> None:
    assert file.read_text().startswith("-- ")
    named = f"{file.parent.name}/{file.stem}"
    asked = any(f'"{named}"' in module.read_text() for module in MODULES)
    included = any(f"--include {file.stem}\n" in other.read_text() for other in STATEMENTS)
    assert asked or included


@pytest.mark.parametrize("file", STATEMENTS, ids=name)
def test_a_statement_binds_by_name_and_type(file: Path) -> None:
    assert not re.search(r"%\(|%s|\{\w+\}", file.read_text())


def test_only_the_settings_read_the_environment() -> None:
    readers = {name(file) for file in MODULES if re.search(r"os\.environ|getenv", file.read_text())}
    assert readers <= {"config.py", "testing.py", "client/environment.py"}


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
            if not target.startswith(("http://", "https://")):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
