"""Settings of meaning: the default asks nobody; keys are sealed; what cannot work is refused."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, text

from causerie.errors import Conflict, Invalid, NotFound
from causerie.judging import UNREADABLE, Verdict, about_topic
from causerie.meaning_settings import MeaningSettings, Service
from causerie.store.accounts import Accounts
from causerie.store.endpoints import SEAL
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.verdicts import Verdicts
from causerie.vault import Vault
from tests.topic_cast import NOW, llm

KEY = "sk-of-the-judge"
JUDGE = Service(url="http://127.0.0.1:8000/v1/", model="m-1", key=KEY)


@pytest.fixture
def store(engine: Engine) -> MeaningSettingsStore:
    for project in ("mine", "theirs"):
        Accounts(engine).create_project(project, NOW, project)
    return MeaningSettingsStore(engine, Vault(b"a secret"))


def test_the_default_asks_nobody(store: MeaningSettingsStore) -> None:
    assert store.get("mine") == store.shown("mine") == MeaningSettings()
    assert not store.get("mine").judge and not store.get("mine").embeddings


def test_keys_are_open_to_who_asks_and_sealed_everywhere_else(
    store: MeaningSettingsStore, engine: Engine
) -> None:
    remote = Service(url="https://vectors.example/v1", model="e-1", key=KEY)
    given = MeaningSettings(judge=JUDGE, model="remote", embeddings=remote, languages=("fr",))
    shown = store.put("mine", given)
    opened = store.get("mine")
    assert (opened.judge.key, opened.embeddings.key) == (KEY, KEY)
    assert opened == replace(given, judge=replace(JUDGE, url="http://127.0.0.1:8000/v1"))
    assert shown == store.shown("mine") and shown.judge.key.startswith(SEAL)
    with engine.connect() as connection:
        assert KEY not in str(connection.execute(text("SELECT * FROM meaning_settings")).all())
    assert KEY not in repr(opened) and store.get("theirs") == MeaningSettings()


def test_a_sealed_key_is_kept_by_a_change(store: MeaningSettingsStore) -> None:
    shown = store.put("mine", MeaningSettings(judge=JUDGE))
    store.put("mine", replace(shown, calls_per_day=5))
    assert (store.get("mine").judge.key, store.get("mine").calls_per_day) == (KEY, 5)


def test_another_secret_is_told_and_can_be_mended(
    store: MeaningSettingsStore, engine: Engine
) -> None:
    store.put("mine", MeaningSettings(judge=JUDGE))
    other = MeaningSettingsStore(engine, Vault(b"another"))
    with pytest.raises(Conflict):
        other.get("mine")
    assert other.shown("mine").judge.url
    other.put("mine", MeaningSettings(judge=JUDGE))
    assert other.get("mine").judge.key == KEY


def test_another_judge_is_asked_what_the_last_could_not_answer(
    store: MeaningSettingsStore, engine: Engine
) -> None:
    verdicts = Verdicts(engine)
    asked = [about_topic(llm("t"), text) for text in ("read", "unread")]
    shown = store.put("mine", MeaningSettings(judge=JUDGE))
    verdicts.keep("mine", asked[0], Verdict(False, "no"), NOW)
    verdicts.keep("mine", asked[1], UNREADABLE, NOW)
    keys = [(one.question, one.digest) for one in asked]
    store.put("mine", replace(shown, calls_per_day=5))
    assert len(verdicts.find("mine", keys)) == 2
    store.put("mine", replace(shown, judge=replace(shown.judge, model="m-2")))
    assert verdicts.find("mine", keys).keys() == {keys[0]}


@pytest.mark.parametrize(
    ("flaw", "field"),
    [
        (MeaningSettings(languages=("French",)), "languages"),
        (MeaningSettings(translates_to="English"), "translates_to"),
        (MeaningSettings(model=""), "model"),
        (MeaningSettings(model="remote"), "embeddings"),
        (MeaningSettings(embeddings=Service(endpoint="ep-one")), "embeddings"),
        (MeaningSettings(judge=Service(url="ftp://x", model="m")), "judge"),
        (MeaningSettings(judge=Service(url="https://u:p@x/v1", model="m")), "judge"),
        (MeaningSettings(judge=Service(url="https://x/v1")), "judge.model"),
        (MeaningSettings(judge=Service(url="https://x", model="m", key="a\nb")), "judge.key"),
        (MeaningSettings(judge=Service(endpoint="one")), "judge"),
        (MeaningSettings(judge=Service(endpoint="ep-one", url="https://x")), "judge"),
        (MeaningSettings(calls_per_day=-1), "calls_per_day"),
        (MeaningSettings(calibration={"a": float("nan")}), "calibration"),
    ],
)
def test_what_cannot_work_is_refused_by_its_field(
    store: MeaningSettingsStore, flaw: MeaningSettings, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        store.put("mine", flaw)
    assert refused.value.field == field


def test_no_project_no_settings(store: MeaningSettingsStore) -> None:
    with pytest.raises(NotFound):
        store.put("nobody", MeaningSettings())
