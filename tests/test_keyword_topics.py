"""Keyword topics: a word is found as itself, in every script, and nothing else is."""

from __future__ import annotations

import pytest

from causerie.keyword_topics import KeywordTopics
from causerie.topics import Definition


def found(word: str, text: str, language: str = "") -> bool:
    topics = KeywordTopics([("it", Definition(words=(word,)))])
    return topics.match(text, language) == ("it",)


@pytest.mark.parametrize(
    ("word", "text", "language"),
    [
        ("refund", "REFUND, please!", "en"),
        ("refund", "ｒｅｆｕｎｄ", "en"),
        ("resume", "my Résumé", "fr"),
        ("résumé", "MON RÉSUMÉ.", "fr"),
        ("re\u0301sume\u0301", "résumé", "fr"),
        ("strasse", "Hauptstrasse? Straße!", "de"),
        ("еще", "ещё раз", "ru"),
        ("νεα", "τα νέα", "el"),
        ("money back", "my money \n\t back", "en"),
        ("iphone", "l’iPhone", "fr"),
        ("iphone", "用iPhone手机", "zh"),
        ("iphone手机", "用iPhone手机", "zh"),
        ("c++", "I write C++, mostly", "en"),
        ("c#", "in C#", "en"),
        ("node.js", "about Node.js.", "en"),
        (".net", "use .NET now", "en"),
        ("#sale", "big #sale", "en"),
        ("3.5", "gpt 3.5 turbo", "en"),
        ("15", "15, not 16", "en"),
        ("退款", "我要申请退款", "zh"),
        ("长江大桥", "南京市长江大桥", "zh"),
        ("小红书", "打开小红书看看", "zh"),
        ("返金", "返金してください", "ja"),
        ("返金", "全額返金方法", "ja"),
        ("アプリ", "このアプリは", "ja"),
        ("환불", "환불을 원해요", "ko"),
        ("คืนเงิน", "อยากคืนเงินครับ", "th"),
        ("हिन्दी", "मुझे हिन्दी में", "hi"),
        ("كتاب", "كِتَابٌ", "ar"),
        ("👍", "great👍👍", "en"),
        ("❤️", "I ❤ it", "en"),
        ("refund", "re\u00adfund", "en"),
    ],
)
def test_a_word_is_found(word: str, text: str, language: str) -> None:
    assert found(word, text, language)


@pytest.mark.parametrize(
    ("word", "text", "language"),
    [
        ("résumé", "my resume", "fr"),
        ("refund", "refunds and refunded", "en"),
        ("refund", "prerefund", "en"),
        ("money back", "moneyback money, back", "en"),
        ("iphone", "iphone15", "en"),
        ("15", "in 2015", "en"),
        ("5", "gpt 3.5 and 1,500", "en"),
        ("10.0", "10.0.0.1", "en"),
        ("c", "C++ and C#", "en"),
        ("c++", "c+++", "en"),
        ("@bob", "alice@bob.com", "en"),
        (".net", "asp.net", "en"),
        ("мои", "мой дом", "ru"),
        ("和服", "产品和服务", "zh"),
        ("市长", "南京市长江大桥", "zh"),
        ("アプリ", "アプリケーション", "ja"),
        ("金", "全額返金", "ja"),
        ("ハ", "バ", "ja"),
        ("환불", "취환불", "ko"),
        ("रम", "मरम", "hi"),
        ("ก", "กำ", "th"),
    ],
)
def test_no_more_than_the_word_is_found(word: str, text: str, language: str) -> None:
    assert not found(word, text, language)


def test_words_of_a_language_count_there_and_replace_those_for_all() -> None:
    definition = Definition(words=("gift",), language_words={"de": ("Geschenk",), "zh": ("礼物",)})
    topics = KeywordTopics([("it", definition)])
    assert (
        topics.match("a gift", "en") and topics.match("a gift", "") and topics.match("gift", "und")
    )
    assert not topics.match("Das ist Gift!", "de") and topics.match("Ein Geschenk", "de-AT")
    assert topics.match("礼物", "zh-TW") and not topics.match("礼物", "en")


def test_topics_are_told_once_and_in_their_order() -> None:
    topics = KeywordTopics(
        [
            ("b", Definition(words=("card", "bank"))),
            ("none", Definition()),
            ("a", Definition(words=("bank card", "bank"))),
        ]
    )
    assert topics.match("a bank card, my bank card") == ("b", "a")
    assert topics.match("") == topics.match("nothing of it") == ()


def test_of_words_that_begin_alike_each_is_found() -> None:
    topics = KeywordTopics(
        [("one", Definition(words=("!?",))), ("two", Definition(words=("!?-",)))]
    )
    assert topics.match("what!?-") == ("one", "two")


@pytest.mark.parametrize("piece", ["money ", "退", "和服", "é ", "+", "c++", "a\u0301", "!?"])
def test_a_text_made_to_take_long_is_looked_through_once(piece: str) -> None:
    words = ("money money money x", "和服", "+++", "é é é z", "!?!?!?x", "c++ c")
    topics = KeywordTopics([("it", Definition(words=words))])
    assert topics.match(piece * 20_000, "zh") in ((), ("it",))
