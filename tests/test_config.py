"""Settings from the environment: loud on what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from causerie.config import Settings, load
from causerie.errors import Invalid


def test_nothing_set_means_one_process_in_one_folder() -> None:
    settings = load({})
    assert settings == Settings() and settings.embedded
    assert settings.state_address == f"sqlite:///{Path('data/state.db').resolve()}"
    assert settings.base_url == "http://127.0.0.1:8123"


def test_each_variable_is_read_as_its_type() -> None:
    settings = load({"CAUSERIE_PORT": "9000", "CAUSERIE_DATA": "/srv/c", "CAUSERIE_HOST": "::1"})
    assert settings.port == 9000 and settings.data == Path("/srv/c")
    assert settings.base_url == "http://[::1]:9000"


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgres://u:p@h/d\n")
    settings = load({"CAUSERIE_STATE_URL_FILE": str(file)})
    assert settings.state_address == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"CAUSERIE_PORT": "http"}, "CAUSERIE_PORT"),
        ({"CAUSERIE_PORT": "70000"}, "CAUSERIE_PORT"),
        ({"CAUSERIE_FLUSH_INTERVAL_MS": "0"}, "CAUSERIE_FLUSH_INTERVAL_MS"),
        ({"CAUSERIE_TLS_KEY": "k.pem"}, "CAUSERIE_TLS_CERTIFICATE"),
        ({"CAUSERIE_EVENTS_CLUSTER": "c"}, "CAUSERIE_EVENTS_URL"),
        ({"CAUSERIE_EVENTS_URL": "http://h"}, "CAUSERIE_EVENTS_URL"),
        ({"CAUSERIE_STATE_URL": "mysql://h"}, "CAUSERIE_STATE_URL"),
        ({"CAUSERIE_STATE_URL": "postgresql://u:sec/ret@h/d"}, "CAUSERIE_STATE_URL"),
        ({"CAUSERIE_STATE_URL": "postgresql://u:1/sec@h/d"}, "CAUSERIE_STATE_URL"),
        ({"CAUSERIE_EVENTS_URL": "clickhouse://u:sec#ret@h:1/d"}, "CAUSERIE_EVENTS_URL"),
        ({"CAUSERIE_EVENTS_URL": "clickhouse://[u:sec@h/d"}, "CAUSERIE_EVENTS_URL"),
        ({"CAUSERIE_STATE_URL_FILE": "/nowhere"}, "CAUSERIE_STATE_URL_FILE"),
        ({"CAUSERIE_LOG_LEVEL": "loud"}, "CAUSERIE_LOG_LEVEL"),
    ],
)
def test_a_bad_setting_is_refused_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(Invalid, match=named) as refused:
        load(environ)
    assert "sec" not in refused.value.message


def test_options_of_a_command_win_and_are_checked() -> None:
    assert Settings().overriding(port=0, host=None).port == 0
    with pytest.raises(Invalid):
        Settings().overriding(port=-1)


def test_a_public_address_is_shown_as_given() -> None:
    assert Settings(public_url="https://c.example.com/").base_url == "https://c.example.com"
    assert Settings(host="0.0.0.0", tls_certificate="c", tls_key="k").base_url == (
        "https://127.0.0.1:8123"
    )
