"""What of the named statements is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources

import pytest

from causerie.conditions import Conditions
from causerie.reports import Question
from causerie.store.statements import bound, statement

SQL = resources.files("causerie.store") / "sql"
NAMES = sorted(
    f"{folder.name}/{file.name.removesuffix('.sql')}"
    for folder in SQL.iterdir()
    for file in folder.iterdir()
)
QUESTION = Question(
    "mine", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 8, tzinfo=UTC), tenant=None
)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_file_opens_it_closes(name: str) -> None:
    depth = 0
    for line in (SQL / f"{name}.sql").read_text().splitlines():
        depth += line.startswith(("--when ", "--unless ")) - (line == "--end")
        assert depth >= 0
        # Any other line that begins so is a comment, and a misspelt word would be one.
        assert not line.startswith("--") or line.split()[0] in (
            *("--", "--when", "--unless", "--end", "--include"),
        )
    assert depth == 0


def test_what_nobody_asks_for_is_not_in_the_statement() -> None:
    text = statement("reports/totals", QUESTION.parameters())
    assert "has(" not in text
    assert "exchanges" not in text
    assert bound(text, QUESTION.parameters()).keys() == {"project", "since_64", "until_64"}


def test_what_is_asked_for_is_in_it_with_what_it_is_bound_to() -> None:
    asked = replace(
        QUESTION, tenant="acme", conditions=Conditions(feedback="none", events=("Paid",))
    )
    text = statement("reports/totals", asked.parameters())
    assert "tenant = {tenant:String}" in text
    assert "feedback = ''" in text
    assert "feedback != ''" not in text
    assert bound(text, asked.parameters())["events"] == ["Paid"]


def test_a_parameter_that_a_statement_must_know_is_not_left_out() -> None:
    with pytest.raises(LookupError, match="every_tenant"):
        statement("reports/totals", {})
    with pytest.raises(LookupError, match="no statement reports/nothing"):
        statement("reports/nothing", {})
