"""Names: where people say them, and where the app does."""

from __future__ import annotations

import pytest

from causerie.names import people
from causerie.privacy import PersonalDataFilter

MASK = PersonalDataFilter(names=True)


@pytest.mark.parametrize(
    "text",
    [
        "Hi, my name is {}.",
        "my name's {} and I need help",
        "je m'appelle {}, bonjour",
        "me llamo {}",
        "mi nombre es {}",
        "Ich heiße {}.",
        "mi chiamo {}",
        "Meu nome é {}",
        "меня зовут {}",
    ],
)
@pytest.mark.parametrize("name", ["Ada", "Ada Lovelace", "Jean-Pierre de la Tour", "Иван Петров"])
def test_people_who_say_their_name(text: str, name: str) -> None:
    assert MASK.mask(text.format(name)) == (text.format("[name]"), ("name",))


def test_chinese_names_end_where_the_sentence_does() -> None:
    assert MASK.mask("你好，我叫王小明，请问").text == "你好，我叫[name]，请问"
    assert MASK.mask("我的名字是李雷").text == "我的名字是[name]"


@pytest.mark.parametrize(
    "text",
    [
        "my name is not important",
        "the name is on the list",
        "我叫你别走",
        "I'm Spartacus",
        "Ada said",
    ],
)
def test_other_sentences_stay(text: str) -> None:
    assert MASK.mask(text) == (text, ())


def test_names_stay_unless_a_project_wants_them_masked() -> None:
    assert PersonalDataFilter().mask("my name is Ada").found == ()


def test_the_person_of_the_metadata_is_found_whole_and_in_parts() -> None:
    who = people({"user_name": "Ada de Lovelace", "plan": "Pro"})
    text = "Dear Ada, Ms Lovelace: Ada de Lovelace's adage, Canada, de facto, Pro"
    assert MASK.mask(text, who).text == (
        "Dear [name], Ms [name]: [name]'s adage, Canada, de facto, Pro"
    )
    assert people({"user_name": "", "name": "7"}) is None


def test_a_chinese_name_of_the_metadata_is_found_within_a_sentence() -> None:
    assert MASK.mask("您好王小明先生", people({"name": "王小明"})).text == "您好[name]先生"
