"""National ids, passports, dates of birth."""

from __future__ import annotations

import pytest

from causerie.privacy import PersonalDataFilter

MASK = PersonalDataFilter()


@pytest.mark.parametrize(
    "number",
    [
        "11010519491231002X",
        "11010519491231002x",
        "2 55 08 14 168 025 38",
        "255081416802538",
        "12345678Z",
        "X1234567L",
        "RSSMRA85T10A562S",
        "529.982.247-25",
    ],
)
def test_an_id_whose_check_digits_are_right_needs_no_word(number: str) -> None:
    assert MASK.mask(f"so {number}, then") == ("so ID-00000000, then", ("national_id",))


@pytest.mark.parametrize(
    "text",
    [
        "110105194912310021 and 110105194913310021",
        "2 55 08 14 168 025 39",
        "12345678A X1234567A",
        "RSSMRA85T10A562T",
        "529.982.247-26",
        "111.111.111-11",
        "52998224725 pieces",
        "86095742719 pieces",
        "passport office 2024 opens, passport photos 35x45",
        "Einstein was born on 14 March 1879, Hugo, né le 26 février 1802",
        "born in 1985 at birth 3500 g",
    ],
)
def test_what_does_not_prove_itself_stays(text: str) -> None:
    assert MASK.mask(text) == (text, ())


@pytest.mark.parametrize("text", ["CPF 52998224725", "meine Steuer-ID: 86 095 742 719"])
def test_a_tax_number_in_one_piece_needs_a_word(text: str) -> None:
    assert MASK.mask(text).found == ("national_id",)


@pytest.mark.parametrize(
    "text",
    [
        "my passport number is {}.",
        "Passport: {}",
        "passeport n° {}",
        "护照号码：{}",
        "护照号是{}",
        "Reisepass {}",
    ],
)
def test_a_passport_is_named_by_the_word_before(text: str) -> None:
    for number in ("533380006", "C12345678"):
        masked = MASK.mask(text.format(number))
        assert masked == (text.format("P-00000000"), ("passport_number",))


@pytest.mark.parametrize(
    "text",
    [
        "Date of birth: {}",
        "DOB {}",
        "I was born on {}.",
        "je suis née le {}",
        "né le : {}",
        "Geburtsdatum: {}",
        "fecha de nacimiento: {}",
        "出生日期：{}",
        "生年月日 {}",
    ],
)
def test_a_date_of_birth_is_one_that_is_called_so(text: str) -> None:
    for day in ("1985-03-12", "12/03/1985", "12.03.85", "12 mars 1985", "March 12, 1985"):
        assert MASK.mask(text.format(day)) == (text.format("0000-00-00"), ("birth_date",))
