"""`causerie key`, as an operator types it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from causerie.accounts import NO_LIMITS, Allowance, Key, Logging, hash_token
from causerie.cli import app
from causerie.config import Settings
from causerie.errors import CauserieError, Invalid
from causerie.store.accounts import Accounts
from causerie.store.state import open_state

LIMITS = [
    "--requests-per-minute",
    "60",
    "--tokens-per-minute",
    "9000",
    "--monthly-budget",
    "12.50",
    "--currency",
    "CNY",
    "--endpoint",
    "ep-a",
    "--endpoint",
    "ep-b",
    "--logging",
    "usage",
]


def run(folder: Path, *words: str) -> Result:
    """A command on the folder; what it refuses is raised."""
    result = CliRunner().invoke(app, ["key", *words, "--data", str(folder)])
    if isinstance(result.exception, CauserieError):
        raise result.exception
    return result


def made(folder: Path, *options: str) -> Key:
    """The key of the token that is printed."""
    token = run(folder, "create", *options).stdout.strip()
    engine = open_state(Settings(data=folder).state_address)
    found = Accounts(engine).key_by_hash(hash_token(token))
    engine.dispose()
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["gateway", "admin"])
def test_a_key_that_calls_models_takes_limits(tmp_path: Path, kind: str) -> None:
    assert made(tmp_path, "--kind", kind, *LIMITS).allowance == Allowance(
        requests_per_minute=60,
        tokens_per_minute=9000,
        monthly_budget=Decimal("12.50"),
        currency="CNY",
        endpoints=("ep-a", "ep-b"),
        logging=Logging.USAGE,
    )


def test_a_key_without_limits_has_none(tmp_path: Path) -> None:
    assert made(tmp_path, "--kind", "gateway").allowance == NO_LIMITS


def test_limits_are_listed(tmp_path: Path) -> None:
    made(tmp_path, "--kind", "gateway", "--name", "[b]app[/b]", *LIMITS)
    listed = run(tmp_path, "list").stdout
    assert "[b]app[/b]" in listed
    assert "60 requests/min  9000 tokens/min  12.50 CNY/month  only ep-a, ep-b" in listed
    assert "logs usage" in listed


@pytest.mark.parametrize("kind", ["ingest", "read"])
def test_a_key_that_calls_no_model_takes_no_limits(tmp_path: Path, kind: str) -> None:
    with pytest.raises(Invalid, match="gateway or admin"):
        run(tmp_path, "create", "--kind", kind, "--requests-per-minute", "5")


@pytest.mark.parametrize(
    "options",
    [
        ("--requests-per-minute", "0"),
        ("--tokens-per-minute", "-5"),
        ("--monthly-budget", "NaN"),
        ("--monthly-budget", "1", "--currency", "euro"),
        ("--endpoint", "gpt-4o"),
    ],
)
def test_a_limit_that_means_nothing_makes_no_key(tmp_path: Path, options: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        run(tmp_path, "create", "--kind", "gateway", *options)
    assert run(tmp_path, "list").stdout == ""
