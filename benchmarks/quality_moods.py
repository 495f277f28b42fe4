"""How well sentiment follows people who said how they felt: tweets, reviews, film, requests."""

from collections import Counter
from random import Random

import numpy as np
from quality_rows import Row, labelled
from sklearn.metrics import f1_score, roc_auc_score

from causerie.embeddings import UniversalSentenceEncoder
from causerie.meanings import message_mood
from causerie.sentiment import SentimentHead, trend
from causerie.valence import valence

SEED = 7
SAMPLE = 1_500
TWEETS = {
    "en": ("umsab_english_train", 0.92),
    "fr": ("umsab_french_train", 0.80),
    "es": ("umsab_spanish_train", 0.88),
    "de": ("umsab_german_train", None),
    "pt": ("umsab_portuguese_train", None),
}
FALSE_ALARMS_MAX = 0.10
TREND_DRAWS = 2_000

Rows = list[dict[str, str]]


def rows() -> list[Row]:
    encoder = UniversalSentenceEncoder()
    head = SentimentHead(encoder.name)
    found: list[Row] = []
    english = np.zeros(0)
    for code, (name, aim) in TWEETS.items():
        given = sample(f"sentiment/{name}")
        scores = scored(encoder, head, given)
        english = scores if code == "en" else english
        found += [ranking(f"tweets {code}", given, scores, aim), naming(code, given, scores)]
    reviews = sample("sentiment/waimai_10k_zh")
    found.append(ranking("reviews zh (waimai)", reviews, scored(encoder, head, reviews), 0.93))
    for code in ("en", "fr", "es"):
        lines = sample(f"sentiment/xed_{code}")
        found.append(ranking(f"film lines {code}", lines, scored(encoder, head, lines), None))
    for name, aim in (("clinc150", FALSE_ALARMS_MAX), ("banking77", None)):
        requests = sample(f"intents/{name}_train")
        found.append(alarms(name, requests, scored(encoder, head, requests), aim))
    return [*found, chance(english)]


def sample(name: str) -> Rows:
    every = list(labelled(name))
    return Random(SEED).sample(every, min(SAMPLE, len(every)))


def scored(encoder: UniversalSentenceEncoder, head: SentimentHead, given: Rows) -> np.ndarray:
    """As in production: the mean of the language's own messages is taken off."""
    texts = [row["text"] for row in given]
    vectors = encoder.embed(texts)
    return head.score(vectors - vectors.mean(axis=0), texts)


def words_alone(given: Rows) -> np.ndarray:
    counts = np.array([valence(row["text"]) for row in given])
    return counts[:, 0] - counts[:, 1] + counts[:, 2] - counts[:, 3]


def ranking(name: str, given: Rows, scores: np.ndarray, aim: float | None) -> Row:
    felt = np.array([row["label"] != "neutral" for row in given])
    truth = np.array([row["label"] == "positive" for row in given])[felt]
    ours = roc_auc_score(truth, scores[felt])
    words = roc_auc_score(truth, words_alone(given)[felt])
    return Row(
        "positive against negative, AUC",
        f"{name} ({felt.sum():,})",
        f"{ours:.3f}",
        f"{words:.3f} (word list), 0.500 (chance)",
        f"{aim:.2f}" if aim else "",
        ours >= aim if aim else None,
    )


def naming(code: str, given: Rows, scores: np.ndarray) -> Row:
    truth = [row["label"] for row in given]
    ours = f1_score(truth, [message_mood(score) for score in scores], average="macro")
    counted = words_alone(given)
    words = ["positive" if n > 0 else "negative" if n < 0 else "neutral" for n in counted]
    listed = f1_score(truth, words, average="macro")
    silent = f1_score(truth, ["neutral"] * len(truth), average="macro")
    return Row(
        "positive, neutral, negative, macro F1",
        f"tweets {code} ({len(given):,})",
        f"{ours:.3f}",
        f"{listed:.3f} (word list), {silent:.3f} (always neutral)",
        "",
        None,
    )


def alarms(name: str, given: Rows, scores: np.ndarray, aim: float | None) -> Row:
    named = Counter(message_mood(score) for score in scores)
    share = named["negative"] / len(given)
    words = (words_alone(given) < 0).mean()
    return Row(
        "plain requests called negative",
        f"{name} ({len(given):,})",
        f"{share:.1%}; positive {named['positive'] / len(given):.1%}",
        f"{words:.1%} (word list), 0 % (always neutral)",
        f"< {aim:.0%}" if aim else "",
        share < aim if aim else None,
    )


def chance(scores: np.ndarray) -> Row:
    """Tweets of strangers in a row are no conversation, and go nowhere."""
    draw = np.random.default_rng(SEED)
    moved = sum(trend(list(draw.choice(scores, 8))) != "flat" for _ in range(TREND_DRAWS))
    return Row(
        "trends seen in 8 messages that have none",
        f"tweets en ({TREND_DRAWS:,} draws)",
        f"{moved / TREND_DRAWS:.1%}",
        "",
        "",
        None,
    )
