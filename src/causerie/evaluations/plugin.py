"""The plugin for pytest: a fixture, and where its server is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from causerie.evaluations.sets import Evaluations


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the server is; the key is in the environment alone."""
    group = parser.getgroup("causerie")
    group.addoption(
        "--causerie-url", default=None, help="A Causerie server; CAUSERIE_URL if none is given."
    )


@pytest.fixture(scope="session")
def evaluations(request: pytest.FixtureRequest) -> Iterator[Evaluations]:
    """Test sets of a server. Skips where no server is named, so that the other tests go on."""
    try:
        found = Evaluations(url=request.config.getoption("--causerie-url"))
    except ValueError as error:
        pytest.skip(f"evaluations need a Causerie server: {error}")
    with found:
        yield found
