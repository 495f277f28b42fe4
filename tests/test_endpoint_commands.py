"""`causerie endpoint`, as an operator types it."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from causerie.cli import app
from causerie.config import Settings
from causerie.endpoints import Dialect, Endpoint, Price, Upstream
from causerie.errors import CauserieError, Conflict, Invalid, NotFound
from causerie.store.endpoints import Endpoints
from causerie.store.state import open_state
from causerie.vault import open_vault

KEY = "sk-of-the-provider"
WHERE = ("--upstream", "https://models.example/v1/", "--model", "big-1")
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(folder: Path) -> Run:
    """A command on the folder; what it refuses is raised."""

    def run(*words: str, typed: str = "", **environ: str) -> Result:
        command = ["endpoint", *words, "--data", str(folder)]
        result = CliRunner().invoke(app, command, input=typed, env=environ)
        if isinstance(result.exception, CauserieError):
            raise result.exception
        return result

    return run


def kept(folder: Path, id: str) -> Endpoint:
    """The endpoint as a call finds it."""
    engine = open_state(Settings(data=folder).state_address)
    found = Endpoints(engine, open_vault(folder, "")).get("default", id)
    engine.dispose()
    assert found is not None
    return found


def test_an_endpoint_is_made_by_its_name_address_and_model(run: Run, folder: Path) -> None:
    made = run("add", "The big one", *WHERE, CAUSERIE_UPSTREAM_KEY=f" {KEY}\n")
    assert made.exit_code == 0, made.output
    id = made.stdout.strip()
    assert re.fullmatch(r"ep-\d{14}-[a-z0-9]{5}", id)
    endpoint = kept(folder, id)
    assert endpoint.name == "The big one"
    assert endpoint.upstreams == (
        Upstream(base_url="https://models.example/v1", model="big-1", key=KEY),
    )


def test_every_option_arrives(run: Run, folder: Path) -> None:
    options = "--id ep-all --serves gpt-4o --serves llama --weight 3 --dialect vllm --slots 2 "
    options += "--window-tokens 8192 --output-tokens 512 --default temperature=0.2 "
    options += "--default stop=END --default extra={"  # not JSON, so it is text
    options += " --input-price 0.8 --output-price 2 --cached-price 0.16 --currency CNY "
    options += "--connect-timeout-s 1 --first-token-timeout-s 2.5 --idle-timeout-s 3"
    assert run("add", "All", *WHERE, *options.split()).exit_code == 0
    endpoint = kept(folder, "ep-all")
    assert endpoint.serves == ("gpt-4o", "llama")
    assert endpoint.defaults == {"temperature": 0.2, "stop": "END", "extra": "{"}
    assert endpoint.price == Price(
        input=Decimal("0.8"), output=Decimal(2), cached=Decimal("0.16"), currency="CNY"
    )
    assert (endpoint.window_tokens, endpoint.output_tokens) == (8192, 512)
    assert endpoint.upstreams == (
        Upstream(
            base_url="https://models.example/v1",
            model="big-1",
            weight=3,
            dialect=Dialect.VLLM,
            slots=2,
            connect_timeout_s=1.0,
            first_token_timeout_s=2.5,
            idle_timeout_s=3.0,
        ),
    )


def test_a_key_comes_from_a_file_or_what_is_typed(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    run("add", "A", *WHERE, "--id", "ep-a", "--key-file", str(tmp_path / "key"))
    run("add", "B", *WHERE, "--id", "ep-b", "--key-file", "-", typed=f"{KEY}\nmore")
    assert [kept(folder, id).upstreams[0].key for id in ("ep-a", "ep-b")] == [KEY, KEY]
    with pytest.raises(Invalid, match="cannot be read"):
        run("add", "C", *WHERE, "--key-file", str(tmp_path / "nowhere"))


def test_a_key_on_the_command_line_is_refused(run: Run, folder: Path) -> None:
    refused = run("add", "A", *WHERE, "--upstream-key", KEY)
    assert refused.exit_code == 2
    assert "--key-file" in refused.output and KEY not in refused.output
    assert run("list").stdout == ""


def test_no_key_is_said_and_is_no_fault(run: Run) -> None:
    made = run("add", "A", *WHERE, "--id", "ep-a")
    assert made.exit_code == 0
    assert made.stdout == "ep-a\n" and "without one" in made.stderr


def test_one_more_upstream_leaves_the_first_as_it_is(run: Run, folder: Path) -> None:
    run("add", "A", *WHERE, "--id", "ep-a", CAUSERIE_UPSTREAM_KEY=KEY)
    more = ("--upstream", "http://127.0.0.1:8080/v1", "--model", "small", "--weight", "0")
    assert run("add-upstream", "ep-a", *more, CAUSERIE_UPSTREAM_KEY="other").exit_code == 0
    said = [(one.model, one.key, one.weight) for one in kept(folder, "ep-a").upstreams]
    assert said == [("big-1", KEY, 1), ("small", "other", 0)]


def test_what_is_shown_tells_of_a_key_only_whether_there_is_one(run: Run) -> None:
    price = ("--input-price", "0.8", "--output-price", "2")
    run("add", "[red]A[/]", *WHERE, "--id", "ep-a", *price, CAUSERIE_UPSTREAM_KEY=KEY)
    run("add-upstream", "ep-a", "--upstream", "http://127.0.0.1:8080/v1", "--model", "small")
    listed, shown = run("list").stdout, run("show", "ep-a").stdout
    assert listed.startswith("ep-a  [red]A[/]  big-1 at models.example, small at 127.0.0.1:8080")
    assert "big-1 at https://models.example/v1, with a key, weight 1, plain" in shown
    assert "small at http://127.0.0.1:8080/v1, without a key" in shown
    assert "0.8 in, 0.8 cached, 2 out USD per million tokens" in shown
    for said in (listed, shown):
        assert KEY not in said and "sealed" not in said


def test_a_removed_endpoint_is_gone(run: Run) -> None:
    run("add", "A", *WHERE, "--id", "ep-a")
    assert run("remove", "ep-a").exit_code == 0
    assert run("list").stdout == ""
    for command in (("show", "ep-a"), ("remove", "ep-a"), ("add-upstream", "ep-a", *WHERE)):
        with pytest.raises(NotFound):
            run(*command)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--default", "temperature"), "name=value"),
        (("--default", "model=x"), "model is for the caller"),
        (("--input-price", "1"), "go together"),
        (("--cached-price", "1"), "go together"),
        (("--id", "gpt-4o"), "ep-"),
        (("--serves", "a b"), "no spaces"),
        (("--weight", "-1"), "weight"),
    ],
)
def test_what_cannot_be_is_said(run: Run, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        run("add", "A", *WHERE, *options)
    assert run("list").stdout == ""


def test_an_amount_that_is_none_is_refused_by_name(run: Run) -> None:
    refused = run("add", "A", *WHERE, "--input-price", "much", "--output-price", "1")
    assert refused.exit_code == 2 and "--input-price" in refused.output


def test_a_project_that_is_not_there_is_said_with_those_that_are(run: Run) -> None:
    with pytest.raises(Conflict, match="there are: default"):
        run("list", "--project", "nowhere")
