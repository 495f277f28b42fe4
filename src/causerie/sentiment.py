"""How pleased a message sounds, from its vector and its words: -1 displeased, 0 neither, 1 pleased.

1. A head, a few kilobytes for each embedding model, says which way a text leans (polarity) and
   whether it leans at all (gate). `training/sentiment_head.py` made it.
2. `label` names a score only past a margin; `trend` looks at a conversation's user messages.
3. `calibrate` bends the scale to what a project's own thumbs say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Literal, NamedTuple

from causerie.errors import Invalid
from causerie.valence import valence

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

HEADS = ("use-multilingual", "minilm-english", "e5-multilingual")
"""The embedding models that have a head, by their names."""
GATE_POWER = 0.75
WORD_WEIGHT = 0.5
FACE_WEIGHT = 0.7
"""What a word or a face adds to the logarithm of the odds. Set by hand: what training would give
them, on English alone, is too much for other languages.
"""
WORDS_MAX = 3
FACES_MAX = 2

TREND_MESSAGES_MIN = 6
"""Fewer user messages are flat: two of them more or less pleased mean nothing."""
TREND_SIZE_MIN = 0.25
"""How far the medians of the two halves must lie apart."""
TREND_Z_MIN = 1.95
"""How far the ranks must be from chance, in standard deviations: 1 in 20 flat ones are not."""

THUMBS_MIN = 30
THUMBS_EACH_MIN = 10
"""So many thumbs in all, and of each direction, before a project's scale is bent."""
PRIOR_THUMBS = 20.0
"""The weight of "leave the scale as it is", in thumbs."""
SCORE_MAX = 0.999


class SentimentHead:
    """The head for the vectors of one embedding model.

    Raises:
        Invalid: there is no head for that model.
    """

    def __init__(self, name: str) -> None:
        import numpy as np

        if name not in HEADS:
            raise Invalid(f"no sentiment head for {name!r}; there are {', '.join(HEADS)}")
        packaged = resources.files("causerie") / "weights" / f"sentiment-{name}.npz"
        with packaged.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            self._polarity = arrays["polarity"].astype(np.float32)
            self._gate = arrays["gate"].astype(np.float32)
            self.english_mean: Floats = arrays["english_mean"].astype(np.float32)
            """What was taken off the vectors that the head learned from; a stand-in for the mean
            of a language of which there are too few messages.
            """
        self.name = name
        self.dimensions = int(self.english_mean.shape[0])

    def score(self, vectors: Floats, texts: Sequence[str] = ()) -> Floats:
        """One score in -1..1 for each row of `vectors` (n, dimensions), from which the mean of the
        text's language has been taken.

        The texts themselves, if given, add what words and faces of `valence` say.
        """
        import numpy as np

        if vectors.ndim != 2 or vectors.shape[1] != self.dimensions:
            raise ValueError(f"vectors of {self.dimensions} columns are asked for")
        said = said_by_words(texts) if texts else np.zeros(len(vectors), np.float32)
        lean = np.tanh((vectors @ self._polarity[:-1] + self._polarity[-1] + said) / 2)
        felt = 1 / (1 + np.exp(-(vectors @ self._gate[:-1] + self._gate[-1] + np.abs(said))))
        scores: Floats = (lean * felt**GATE_POWER).astype(np.float32)
        return scores


def said_by_words(texts: Sequence[str]) -> Floats:
    """What the words and faces of each text add to the logarithm of its odds: (n,)."""
    import numpy as np

    counts = np.array([valence(text) for text in texts], dtype=np.float32).reshape(len(texts), 4)
    pleased, displeased, smiles, frowns = counts.T
    words = np.minimum(pleased, WORDS_MAX) - np.minimum(displeased, WORDS_MAX)
    faces = np.minimum(smiles, FACES_MAX) - np.minimum(frowns, FACES_MAX)
    said: Floats = (WORD_WEIGHT * words + FACE_WEIGHT * faces).astype(np.float32)
    return said


def trend(scores: Sequence[float]) -> Literal["up", "flat", "down"]:
    """Where the scores of one conversation's user messages, in their order, went.

    The later half against the earlier (the middle one of an odd number in neither): they have moved
    if their medians are TREND_SIZE_MIN apart and the ranks are not what chance would give.
    """
    if len(scores) < TREND_MESSAGES_MIN:
        return "flat"
    half = len(scores) // 2
    # Long conversations: a few hundred of each half say the same, and pairs are counted.
    step = max(1, half // 200)
    earlier, later = sorted(scores[:half:step]), sorted(scores[-half::step])
    moved = _median(later) - _median(earlier)
    size = len(earlier)
    wins = sum((b > a) + 0.5 * (b == a) for a in earlier for b in later)
    spread = math.sqrt(size * size * (2 * size + 1) / 12)
    if abs(moved) < TREND_SIZE_MIN or abs(wins - size * size / 2) < TREND_Z_MIN * spread:
        return "flat"
    return "up" if moved > 0 else "down"


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


class Calibration(NamedTuple):
    """How a project's scale differs: scores are stretched by `slope` and moved by `shift`, on the
    scale of logarithms of odds, where -1 and 1 are infinitely far.
    """

    slope: float = 1.0
    shift: float = 0.0
    thumbs: int = 0
    """From how many thumbs it was learned; 0 for the scale as it is."""

    def apply(self, scores: Floats) -> Floats:
        """The scores as this project would give them, in the same order of size."""
        import numpy as np

        if not self.thumbs:
            return scores
        bent = np.tanh(self.slope * np.arctanh(np.clip(scores, -SCORE_MAX, SCORE_MAX)) + self.shift)
        result: Floats = bent.astype(np.float32)
        return result

    def to_json(self) -> str:
        """A line of JSON, as `from_json` reads it."""
        return json.dumps({"slope": self.slope, "shift": self.shift, "thumbs": self.thumbs})

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Raises Invalid for what `to_json` did not write."""
        try:
            given = json.loads(text)
            slope, shift, thumbs = given["slope"], given["shift"], given["thumbs"]
            read = cls(float(slope), float(shift), int(thumbs))
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid("this is no calibration of sentiment", field="calibration") from error
        if not (0 < read.slope < math.inf and math.isfinite(read.shift)):
            raise Invalid("a calibration rises and is finite", field="calibration")
        return read


def calibrate(scores: Sequence[float], thumbs: Sequence[bool]) -> Calibration:
    """What a project's thumbs (True is up) say of the scores of the messages they are about.

    The scale as it is below THUMBS_MIN thumbs or THUMBS_EACH_MIN of either direction. Up and down
    weigh the same in all, so that a project where most thumbs are up keeps its neutral messages
    at 0.
    """
    import numpy as np
    from scipy.optimize import minimize

    up = np.array(thumbs, dtype=bool)
    ups, downs = int(up.sum()), int((~up).sum())
    if len(up) < THUMBS_MIN or min(ups, downs) < THUMBS_EACH_MIN:
        return Calibration()
    places = np.arctanh(np.clip(np.array(scores, dtype=float), -SCORE_MAX, SCORE_MAX))
    weights = np.where(up, len(up) / 2 / ups, len(up) / 2 / downs)
    signs = np.where(up, 1.0, -1.0)

    def misfit(parameters: npt.NDArray[np.float64]) -> float:
        """Logistic loss with a pull towards slope 1 and shift 0; the slope stays above 0."""
        stretch, shift = parameters
        margins = 2 * signs * (np.exp(stretch) * places + shift)
        return float(weights @ np.logaddexp(0, -margins) + PRIOR_THUMBS * (stretch**2 + shift**2))

    stretch, shift = minimize(misfit, np.zeros(2), bounds=[(-2, 2), (-2, 2)]).x
    return Calibration(round(math.exp(stretch), 4), round(float(shift), 4), len(up))
