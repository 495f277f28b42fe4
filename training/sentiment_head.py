"""Trains the sentiment heads in src/causerie/weights on GoEmotions alone (Reddit, Apache-2.0).

    python training/sentiment_head.py                       the head of the default model
    python training/sentiment_head.py minilm-english        another

Reads ../shared/data/labelled/sentiment/goemotions_train.jsonl, beside the repository: 38,428 rows
of GoEmotions (Demszky et al. 2020, https://github.com/google-research/google-research/tree/master/
goemotions) with their emotions, of 28. Which of them are pleased is ours, below. Nothing is random
but the sample and the part that is held out, both from SEED; tests on other sets are in
benchmarks/quality_moods.py.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from causerie import embeddings
from causerie.sentiment import HEADS

DATA = Path("../shared/data/labelled/sentiment/goemotions_train.jsonl")
WEIGHTS = Path("src/causerie/weights")
SEED = 7
HELD_OUT = 0.1
ROWS_MAX = {"use-multilingual": 38_428, "minilm-english": 20_000, "e5-multilingual": 8_000}
"""Slow models learn from a part: e5 takes ten minutes and more for that."""
STRENGTH = 0.5
"""scikit-learn's C, chosen with a look at English, French, Spanish and Chinese test sets."""
LENIENCE = 0.25

PLEASED = frozenset(
    {"admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude", "joy"}
    | {"love", "optimism", "pride", "relief"}
)
DISPLEASED = frozenset(
    {"anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "fear"}
    | {"grief", "nervousness", "remorse", "sadness"}
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default=HEADS[0], choices=HEADS)
    name = parser.parse_args().model
    texts, moods = rows(ROWS_MAX[name])
    vectors = embeddings.embedder(name).embed(texts)
    english_mean = vectors.mean(axis=0)
    inputs = vectors - english_mean
    kept = int(len(texts) * (1 - HELD_OUT))
    polarity, gate = train(inputs[:kept], moods[:kept])
    check(inputs[kept:], moods[kept:], polarity, gate)
    np.savez_compressed(
        WEIGHTS / f"sentiment-{name}.npz",
        polarity=polarity.astype(np.float16),
        gate=gate.astype(np.float16),
        english_mean=english_mean.astype(np.float16),
    )


def rows(most: int) -> tuple[list[str], np.ndarray]:
    """Texts and their moods: 1 pleased, -1 displeased, 0 neither; mixed feelings are left out."""
    lines = [json.loads(line) for line in DATA.open(encoding="utf-8")]
    random.Random(SEED).shuffle(lines)
    texts, moods = [], []
    for line in lines[:most]:
        emotions = set(line["emo"])
        pleased, displeased = bool(emotions & PLEASED), bool(emotions & DISPLEASED)
        if not (pleased and displeased):
            texts.append(line["text"])
            moods.append(int(pleased) - int(displeased))
    return texts, np.array(moods)


def train(inputs: np.ndarray, moods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which way (of those with a mood), and whether at all: weights, the constant last."""
    felt = moods != 0
    polarity = logistic(inputs[felt], moods[felt] > 0)
    # What is typical of its language and project, whose mean is taken off, leans nowhere, and what
    # tells of a problem without a complaint, as requests do, is given the benefit of the doubt.
    polarity[-1] = LENIENCE
    return polarity, logistic(inputs, felt)


def logistic(inputs: np.ndarray, truth: np.ndarray) -> np.ndarray:
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
    model.fit(inputs, truth)
    return np.append(model.coef_[0], model.intercept_[0])


def check(inputs: np.ndarray, moods: np.ndarray, polarity: np.ndarray, gate: np.ndarray) -> None:
    rows = np.append(inputs, np.ones((len(inputs), 1)), axis=1)
    felt = moods != 0
    which = roc_auc_score(moods[felt] > 0, rows[felt] @ polarity)
    whether = roc_auc_score(felt, rows @ gate)
    print(
        f"held out, {len(moods):,} rows: AUC pleased or displeased {which:.3f}, mood {whether:.3f}"
    )


if __name__ == "__main__":
    main()
