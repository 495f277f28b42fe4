"""How well languages of messages are told: short film lines, sentences, requests, tweets."""

import time
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from py3langid.langid import MODEL_FILE, LanguageIdentifier
from quality_rows import Row, labelled

from causerie.languages import LanguageDetector, judged, settle
from causerie.tongues import CHAT_LANGUAGES

SEED = 7
SAMPLE = 2_000
TWELVE = ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pt", "ru", "zh")
SENTENCES = {
    **{"ara": "ar", "cmn": "zh", "deu": "de", "fra": "fr", "ita": "it", "jpn": "ja", "kor": "ko"},
    **{"nld": "nl", "pol": "pl", "por": "pt", "rus": "ru", "spa": "es", "tur": "tr", "ukr": "uk"},
    "vie": "vi",
}
TWEETS = {"en": "english", "fr": "french", "es": "spanish", "de": "german", "pt": "portuguese"}
SHORT_CHARS = 30
SHORT_HAN_CHARS = 12

Texts = dict[str, list[str]]


class Counts(NamedTuple):
    """Shares, each the mean over the languages of a set."""

    right: float
    """Of all texts; one without an answer is not right."""
    right_of_answered: float
    answered: float


def rows() -> list[Row]:
    film, sentences, requests, tweets = film_lines(), short_sentences(), xsid(), tweet_texts()
    everything, twelve = LanguageDetector(), LanguageDetector(TWELVE)
    aims = [
        ("default languages, right", film, everything, CHAT_LANGUAGES, 0.9, "film lines"),
        ("twelve languages, right", film, twelve, TWELVE, 0.9, "film lines"),
        ("default languages, right", sentences, everything, CHAT_LANGUAGES, 0.9, "sentences"),
        ("default languages, right", requests, everything, CHAT_LANGUAGES, 0.97, "requests"),
        ("twelve languages, right", requests, twelve, TWELVE, 0.97, "requests"),
        ("default languages, right", tweets, everything, CHAT_LANGUAGES, None, "tweets"),
    ]
    found = []
    for what, texts, detector, codes, aim, name in aims:
        found += measured(what, texts, detector, codes, aim, name)
    return [*found, conversation_row(sentences, everything), speed_row(everything)]


def measured(
    what: str,
    texts: Texts,
    detector: LanguageDetector,
    codes: Sequence[str],
    aim: float | None,
    name: str,
) -> list[Row]:
    ours = counts(texts, lambda each: [guess.language for guess in detector.guess(each)])
    plain = plain_model(codes)
    theirs = counts(texts, lambda each: [plain.classify(text)[0] for text in each])
    number = sum(map(len, texts.values()))
    data = f"{name} in {' '.join(texts)} ({number:,})"
    return [
        Row(
            what,
            data,
            f"{ours.right:.3f}",
            f"{theirs.right:.3f} (py3langid, always answers)",
            f"{aim:.2f}" if aim else "",
            ours.right >= aim if aim else None,
        ),
        Row(
            what.replace("right", "right of answered"),
            data,
            f"{ours.right_of_answered:.3f} of {ours.answered:.1%}",
            f"{theirs.right_of_answered:.3f} of {theirs.answered:.1%} (py3langid)",
            "0.97",
            ours.right_of_answered >= 0.97,
        ),
    ]


def counts(texts: Texts, guess) -> Counts:
    shares = []
    for code, each in texts.items():
        given = guess(each)
        right = sum(one == code for one in given)
        answered = sum(one not in {"und", "zxx"} for one in given)
        shares.append((right / len(each), right / max(answered, 1), answered / len(each)))
    return Counts(*(sum(column) / len(shares) for column in zip(*shares, strict=True)))


def plain_model(codes: Sequence[str]) -> LanguageIdentifier:
    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages([*codes, "zxx"])
    return model


def conversation_row(sentences: Texts, detector: LanguageDetector) -> Row:
    """Three short sentences of one language are a conversation."""
    alone = right = number = 0
    for code, each in sentences.items():
        for start in range(0, len(each) - 2, 3):
            turns = each[start : start + 3]
            own = detector.guess(turns)
            alone += sum(guess.language == code for guess in own)
            settled = settle(own, detector.guess([" ".join(turns)])[0], "", "")
            right += sum(language == code for language in settled)
            number += 3
    return Row(
        "messages of a conversation of three, settled",
        f"sentences ({number:,})",
        f"{right / number:.3f}",
        f"{alone / number:.3f} (each alone)",
        "",
        None,
    )


def speed_row(detector: LanguageDetector) -> Row:
    texts = [row["text"] for row in labelled("intents/clinc150_train")][:6_000]
    start = time.perf_counter()
    detector.guess(texts)
    ours = len(texts) / (time.perf_counter() - start)
    plain = plain_model(CHAT_LANGUAGES)
    start = time.perf_counter()
    for text in texts:
        plain.classify(text)
    theirs = len(texts) / (time.perf_counter() - start)
    return Row(
        "short messages a second, one core",
        "clinc150 (6,000)",
        f"{ours:,.0f}",
        f"{theirs:,.0f} (py3langid)",
        "20,000",
        ours >= 20_000,
    )


def film_lines() -> Texts:
    """XED, cut as a subtitle is; lines that are the name of a file are left out."""
    return {
        code: sample(
            shortened(row["text"], code)
            for row in labelled(f"sentiment/xed_{code}")
            if judged(row["text"]) and ".xml" not in row["text"]
        )
        for code in ("en", "fr", "es", "zh")
    }


def shortened(text: str, code: str) -> str:
    text = text.strip()
    if code == "zh":
        return text[:SHORT_HAN_CHARS]
    if len(text) <= SHORT_CHARS:
        return text
    return text[:SHORT_CHARS].rpartition(" ")[0] or text[:SHORT_CHARS]


def short_sentences() -> Texts:
    texts = {
        code: sample(
            row["t"] for row in labelled(f"languages/{name}-eng") if len(row["t"]) < SHORT_CHARS
        )
        for name, code in SENTENCES.items()
    }
    english = (row["en"] for row in labelled("languages/deu-eng") if len(row["en"]) < SHORT_CHARS)
    return {**texts, "en": sample(english)}


def xsid() -> Texts:
    return {
        code: [row["text"] for row in labelled(f"intents/xsid_{code}_test")]
        for code in ("ar", "de", "en", "it", "ja", "zh")
    }


def tweet_texts() -> Texts:
    return {
        code: sample(row["text"] for row in labelled(f"sentiment/umsab_{name}_train"))
        for code, name in TWEETS.items()
    }


def sample(texts) -> list[str]:
    every = list(texts)
    return Random(SEED).sample(every, min(SAMPLE, len(every)))
