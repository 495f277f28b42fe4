"""Languages of messages, on the real model: what is sure, what is not, what a conversation adds."""

from __future__ import annotations

import pytest

from causerie.errors import Invalid
from causerie.languages import (
    CHARS_MAX,
    Guess,
    LanguageDetector,
    judged,
    language_name,
    main_script,
    settle,
)
from causerie.tongues import CHAT_LANGUAGES, LETTERS, NAMES, WORDS

TURNS = {
    "ar": "كيف يمكنني تغيير كلمة المرور",
    "da": "hvordan skifter jeg min adgangskode igen?",
    "de": "Wie kann ich mein Passwort ändern?",
    "en": "how do I change my password?",
    "es": "¿Cómo puedo cambiar mi contraseña?",
    "fi": "miten vaihdan salasanani?",
    "fr": "Comment puis-je changer mon mot de passe ?",
    "hi": "मैं अपना पासवर्ड कैसे बदलूँ?",
    "id": "bagaimana cara mengganti kata sandi saya?",
    "it": "Come posso cambiare la mia password?",
    "ja": "パスワードを変えたいです",
    "ko": "비밀번호를 어떻게 바꾸나요?",
    "nl": "hoe kan ik mijn wachtwoord wijzigen?",
    "pl": "jak mogę zmienić hasło?",
    "pt": "Como posso mudar a minha senha?",
    "ru": "как мне поменять пароль?",
    "sv": "hur byter jag mitt lösenord?",
    "th": "ฉันจะเปลี่ยนรหัสผ่านได้อย่างไร",
    "tr": "şifremi nasıl değiştirebilirim?",
    "uk": "як мені змінити свій пароль?",
    "vi": "làm sao để đổi mật khẩu?",
    "zh": "怎么修改密码？",
}
SURE_FR = Guess("fr", 0.98)
UNSURE = Guess("und", 0.2)


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector()


def only(detector: LanguageDetector, text: str) -> str:
    return detector.guess([text])[0].language


@pytest.mark.parametrize("code", TURNS)
def test_a_plain_request_is_in_its_language(detector: LanguageDetector, code: str) -> None:
    assert only(detector, TURNS[code]) == code


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("hello", "en"),
        ("thanks", "en"),
        ("merci", "fr"),
        ("bonjour", "fr"),
        ("gracias", "es"),
        ("hola", "es"),
        ("danke", "de"),
        ("obrigado", "pt"),
        ("grazie", "it"),
        ("спасибо", "ru"),
        ("дякую", "uk"),
        ("谢谢", "zh"),
        ("ありがとう", "ja"),
        ("네", "ko"),
        ("takk", "no"),
        ("tack", "sv"),
    ],
)
def test_a_word_that_one_language_says_is_enough(
    detector: LanguageDetector, word: str, code: str
) -> None:
    assert only(detector, word) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ok",
        "42",
        "no",
        "👍😂",
        "...",
        "me@example.com",
        "https://example.com/en/hello",
        "`x`",
    ],
)
def test_what_is_in_no_language_or_in_many_is_undetermined(
    detector: LanguageDetector, text: str
) -> None:
    assert only(detector, text) == "und"


def test_hindi_in_latin_letters_is_undetermined(detector: LanguageDetector) -> None:
    assert only(detector, "mujhe ye samajh nahi aaya, kya karna hai") == "und"


def test_code_addresses_and_dummies_are_not_judged(detector: LanguageDetector) -> None:
    code = "```python\nfor line in the_file:\n    print(line)\n```"
    assert only(detector, f"Pourquoi cela ne marche pas ?\n{code}") == "fr"
    assert (
        only(detector, "puedes escribirme a email@example.com o llamar al +1 000-000-0000") == "es"
    )
    assert judged("see https://example.com/a now") == "see now"


def test_a_foreign_word_that_is_asked_about_does_not_decide(detector: LanguageDetector) -> None:
    assert only(detector, "What does 对不起 mean?") == "en"
    assert only(detector, "请用 JavaScript 写一个函数") == "zh"
    assert only(detector, "أبحث عن أغنية بعنوان Live at the Kings Center") == "ar"


def test_kana_tells_japanese_from_chinese(detector: LanguageDetector) -> None:
    assert main_script("東京都の天気") == "kana"
    assert main_script("东京的天气") == "han"
    assert only(LanguageDetector(["ja", "en"]), "東京都") == "ja"


def test_a_project_that_names_its_languages_hears_no_other() -> None:
    detector = LanguageDetector(["en", "fr"])
    assert only(detector, "¿Cómo puedo cambiar mi contraseña?") in {"en", "fr", "und"}
    assert only(detector, "怎么修改密码？") == "und"
    with pytest.raises(Invalid, match="xx"):
        LanguageDetector(["en", "xx"])
    with pytest.raises(Invalid):
        LanguageDetector(["zxx"])


def test_a_long_text_is_judged_by_its_beginning_in_bounded_time(detector: LanguageDetector) -> None:
    assert only(detector, "Please summarise this for me. " * 10 + "это очень важно " * 500) == "en"
    for text in ("a" * 1_000_000, "<" * 1_000_000, "`" * 1_000_000, "=" * 99_999, "é" * 99_999):
        assert len(judged(text)) <= CHARS_MAX
        detector.guess([text])


def test_an_answer_has_a_language_and_a_probability(detector: LanguageDetector) -> None:
    for guess in detector.guess([*TURNS.values(), "ok"]):
        assert 0 <= guess.probability <= 1
    assert detector.guess([]) == []


def test_an_ok_is_in_the_language_of_its_conversation(detector: LanguageDetector) -> None:
    turns = ["hola, quiero cambiar mi contraseña", "ok", "pourquoi cela ne marche pas ?", "42"]
    together = detector.guess([" ".join(turns[:2])])[0]
    assert settle(detector.guess(turns), together, "", "en") == ["es", "es", "fr", "es"]


def test_what_nothing_tells_is_inherited_from_user_project_or_nobody() -> None:
    assert settle([UNSURE], UNSURE, "fr", "en") == ["fr"]
    assert settle([UNSURE], UNSURE, "und", "en") == ["en"]
    assert settle([UNSURE], UNSURE, "", "") == ["und"]
    assert settle([UNSURE], SURE_FR, "es", "en") == ["fr"]
    assert settle([], SURE_FR, "es", "en") == []


def test_a_likely_guess_gives_way_to_the_conversation_but_not_to_the_user() -> None:
    likely = Guess("it", 0.6)
    assert settle([likely], SURE_FR, "es", "en") == ["fr"]
    assert settle([likely], UNSURE, "es", "en") == ["it"]
    assert settle([Guess("zh", 0.9)], Guess("ja", 0.99), "", "") == ["ja"]
    assert settle([Guess("zh", 0.99)], Guess("ja", 0.99), "", "") == ["zh"]


def test_languages_have_english_names() -> None:
    assert language_name("fr") == "French"
    assert language_name("und") == "Undetermined"
    assert language_name("xh") == "xh"
    assert set(CHAT_LANGUAGES) <= set(NAMES) and set(WORDS) - {"zxx"} <= set(NAMES)
    assert set(LETTERS) <= set(NAMES)
