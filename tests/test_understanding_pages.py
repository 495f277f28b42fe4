"""The settings of understanding: what they show, keep, refuse, and never say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from causerie.accounts import Role
from causerie.meaning_settings import REMOTE, MeaningSettings, Service
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.topics import Topics
from causerie.vault import open_vault
from causerie.web.understanding_pages import fields_of, settings_of
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.web_page import Page

PATH = "/settings/understanding"
SECRET = "sk-nobody-sees-this"
PLAIN = {"model": "use-multilingual", "calls_per_day": "1000"}
Save = Callable[..., Page]


@pytest.fixture
def wishes(cast: Cast) -> MeaningSettingsStore:
    return MeaningSettingsStore(cast.stores.engine, open_vault(cast.folder, ""))


@pytest.fixture
def save(cast: Cast) -> Save:
    """Sends the form as an owner; the page that it leads to, or the one that refuses it."""
    csrf = sign_in(cast)

    def save(status: int = 200, **fields: str) -> Page:
        data = {"csrf": csrf, **PLAIN, **fields}
        answer = cast.client.post(home(cast) + PATH, data=data)
        assert answer.status_code == status, answer.text
        page = Page(answer.text)
        page.check()
        assert SECRET not in answer.text
        return page

    return save


def test_what_is_chosen_is_kept_and_shown(
    cast: Cast, save: Save, wishes: MeaningSettingsStore
) -> None:
    page = save(
        language_fr="on",
        language_de="on",
        judge="url",
        judge_url="https://models.example/v1/",
        judge_model="m-1",
        judge_key=SECRET,
        calls_per_day="50",
        polishes_names="on",
        translates_to="en",
    )
    assert "Saved." in page.text and "2 of" in page.text
    kept = wishes.get(cast.project)
    assert kept.languages == ("de", "fr")
    assert kept.judge == Service(url="https://models.example/v1", model="m-1", key=SECRET)
    assert (kept.calls_per_day, kept.polishes_names, kept.translates_to) == (50, True, "en")
    assert page.chosen == ["url", "en"]


def test_a_key_stays_for_its_own_server_alone(
    cast: Cast, save: Save, wishes: MeaningSettingsStore
) -> None:
    given = {"model": REMOTE, "embeddings_model": "e-1"}
    save(**given, embeddings_url="https://one.example/v1", embeddings_key=SECRET)
    save(**given, embeddings_url="https://one.example/v1")
    assert wishes.get(cast.project).embeddings.key == SECRET
    save(**given, embeddings_url="https://two.example/v1")
    assert wishes.get(cast.project).embeddings.key == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "best"},
        {"model": REMOTE},
        {"calls_per_day": "-1"},
        {"calls_per_day": "many"},
        {"translates_to": "klingon"},
        {"judge": "url"},
        {"judge": "url", "judge_url": "ftp://models", "judge_key": SECRET},
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    cast: Cast, save: Save, wishes: MeaningSettingsStore, fields: dict[str, str]
) -> None:
    page = save(400, language_fr="on", **fields)
    assert page.with_class("bad")
    assert wishes.get(cast.project) == MeaningSettings()


def test_members_see_it_owners_change_it(cast: Cast) -> None:
    csrf = sign_in(cast, Role.MEMBER)
    page = Page(cast.client.get(home(cast) + PATH).text)
    assert "An owner can change this." in page.text
    assert cast.client.post(home(cast) + PATH, data={"csrf": csrf, **PLAIN}).status_code == 403
    asked = cast.client.post(f"{home(cast)}{PATH}/find", data={"csrf": csrf})
    assert "Topics are found again" in asked.text
    assert Topics(cast.stores.engine).history(cast.project)[0].kind == "asked"


def test_a_form_gives_back_what_it_shows() -> None:
    wishes = MeaningSettings(
        languages=("de", "fr"),
        judge=Service(endpoint="ep-a"),
        calls_per_day=7,
        translates_to="es",
    )
    assert settings_of(fields_of(wishes), wishes) == wishes
