"""Which language a message is in, and what a conversation says where its words do not tell.

1. `judged` leaves out of a text what is in no language: code, addresses, numbers, dummies.
2. The script that most of it is in decides, where one language is written in it.
3. Between languages of one script the model's probabilities and the words of chat decide together;
   who is not sure enough says "und".
4. `settle` gives the messages of a conversation their languages.
"""

from __future__ import annotations

import copy
import functools
import math
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from causerie import errors
from causerie.tongues import (
    CHAT_LANGUAGES,
    COMMON,
    LETTERS,
    NAMES,
    NO_LANGUAGE,
    SHARED_SCRIPTS,
    SOLE_SCRIPTS,
    UNSPACED,
    WORDS,
)

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNDETERMINED = "und"
SURE = 0.55
"""The probability from which a guess is given; below it a message is "und"."""
CHARS_MAX = 160
"""What of a text is judged, after code and the like are out."""
RAW_CHARS_MAX = 4_000

WORD_WEIGHT = 1.8
"""How much a word that one language alone lists adds, in logarithms of the model's odds."""
ALONE_WEIGHT = 1.5
"""How many times more a word adds that is the whole message."""
LETTER_WEIGHT = 2.0
"""How much a letter that a language is never written with takes from it."""
SHARPNESS = 1.5
"""The model is surer of short texts than it says."""
BEYOND_DOUBT = 0.98
"""What the model alone is so sure of, no words of chat turn; most messages end here, at once."""
HOPELESS = 1e-6
"""Languages that the model gives less are not looked at."""
SCRIPT_PROBABILITY = 0.99
HAN_CHARS = 8
HAN_PROBABILITY = 0.9
"""So many characters of Han alone may be Japanese too; in a Japanese conversation they are."""
CLEAR = 0.75
"""From this probability on a message's own guess stands against the rest of its conversation."""
BLOCK_POWER = 0.4
"""A block of words in one script counts as their number to this power: a title in a sentence, or a
word that is asked about, is one block and the sentence around it two.
"""
LATIN_SHARE = 0.7
"""What Latin letters weigh beside another script: names and titles are often left in them."""
KANA_SHARE = 8
"""Chinese has less kana, weighed as blocks, than its Han divided by this; Japanese has more."""
LATIN = "latin"
LATIN_TOO = frozenset({"sr"})
"""Languages of another script that are written in Latin letters too."""

_LATIN = "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\ufb00-\ufb06"
_RUN = re.compile(
    "|".join(
        [f"(?P<latin>[{_LATIN}\u0300-\u036f]+)"]
        + [f"(?P<{name}>[{signs}]+)" for name, (signs, _) in SOLE_SCRIPTS.items()]
        + [f"(?P<{name}>[{signs}]+)" for name, (signs, _) in SHARED_SCRIPTS.items()]
    )
)
_WORD = re.compile(r"[^\W\d_]+'?")
# In the order in which they are tried. Personal data arrives masked, as numbers and addresses.
_NOISE = re.compile(
    r"```.*?(?:```|\Z)"
    r"|`[^`\n]{1,200}`"
    r"|</?[A-Za-z][^<>\n]{0,200}>"
    r"|(?:https?://|www\.)[!-~]+"
    r"|(?<![!-~])[!-~]*[\d_\\/=<>{}|@#][!-~]*",
    re.DOTALL,
)
_NOISE_SIGN = re.compile(r"[`<\d_\\/=>{}|@#]|www\.")
_ASCII_LETTER = re.compile("[A-Za-z]")


class Guess(NamedTuple):
    """The language of a text, "und" if none is sure enough, and how probable it is, 0..1."""

    language: str
    probability: float


NOTHING = Guess(UNDETERMINED, 0.0)


class LanguageDetector:
    """Tells the languages of texts among `languages`, by ISO 639 code; a sensible forty if empty.

    Holds about 90 MB, once for all detectors of a process. Raises Invalid for unknown codes.
    """

    def __init__(self, languages: Collection[str] = ()) -> None:
        model = _whole_model()
        unknown = sorted(set(languages) - (set(model.labels) - {NO_LANGUAGE}))
        if unknown:
            raise errors.Invalid(f"no such language: {', '.join(unknown)}", field="languages")
        self.languages = frozenset(languages or CHAT_LANGUAGES)
        self._model = copy.copy(model)
        self._model.set_languages([*self.languages, NO_LANGUAGE])
        self._common = {} if languages else COMMON
        self._words = _evidence({*self.languages, NO_LANGUAGE})
        self._strangers = _strangers(self.languages)
        self._in_script = _languages_by_script(self.languages)

    def guess(self, texts: Sequence[str]) -> list[Guess]:
        """One guess for each text."""
        return [self._guess(text) for text in texts]

    def _guess(self, text: str) -> Guess:
        text = judged(text)
        script = main_script(text)
        if script is None:
            return NOTHING
        candidates = self._in_script.get(script, frozenset())
        if not candidates:
            return NOTHING
        if script in SOLE_SCRIPTS:
            short = script == "han" and len(text) <= HAN_CHARS and "ja" in self.languages
            return Guess(next(iter(candidates)), HAN_PROBABILITY if short else SCRIPT_PROBABILITY)
        return self._weigh(text, candidates)

    def _weigh(self, text: str, candidates: frozenset[str]) -> Guess:
        """The model's probabilities times what the words say."""
        first, probability = self._model.classify(text)
        if probability >= BEYOND_DOUBT and first in candidates and first != NO_LANGUAGE:
            return Guess(first, probability)
        odds: dict[str, float] = {}
        for code, probability in self._model.rank(text):
            if probability < HOPELESS:
                break
            if code in candidates:
                common = self._common.get(code, 0.0)
                odds[code] = SHARPNESS * math.log(probability) + common
        if not odds:
            return NOTHING
        said = self._said(text)
        if said and max(said, key=said.__getitem__) == NO_LANGUAGE:
            return NOTHING
        for code, weight in said.items():
            if code in odds:
                odds[code] += weight
        if not text.isascii():
            for sign in set(text.lower()):
                for code in self._strangers.get(sign, ()):
                    if code in odds:
                        odds[code] -= LETTER_WEIGHT
        best = max(odds, key=odds.__getitem__)
        probability = 1 / sum(math.exp(value - odds[best]) for value in odds.values())
        if best == NO_LANGUAGE or probability < SURE:
            return Guess(UNDETERMINED, probability)
        return Guess(best, probability)

    def _said(self, text: str) -> dict[str, float]:
        """What the words of chat in a text add to the logarithm of each language's odds."""
        weights: dict[str, float] = {}
        known = 0
        words = _WORD.findall(text.replace("’", "'").lower())
        for word in words:
            evidence = self._words.get(word)
            if evidence:
                known += 1
                for code, weight in evidence:
                    weights[code] = weights.get(code, 0.0) + weight
        if not known:
            return weights
        # As the model's own evidence, that of words grows slower than their number, since they
        # depend on each other; and of one or two words the model knows least.
        share = (1 + ALONE_WEIGHT / len(words)) / math.sqrt(known)
        return {code: weight * share for code, weight in weights.items()}


def judged(text: str) -> str:
    """What of a text is judged: at most CHARS_MAX of its words, without what is in no language."""
    text = text[:RAW_CHARS_MAX]
    if _NOISE_SIGN.search(text):
        text = _NOISE.sub(" ", text)
    text = " ".join(text[: 2 * CHARS_MAX].split())
    return text[:CHARS_MAX]


def main_script(text: str) -> str | None:
    """The script that weighs most in a text: a key of SOLE_SCRIPTS or SHARED_SCRIPTS, "latin", or
    None where there is no letter.
    """
    if text.isascii():
        return LATIN if _ASCII_LETTER.search(text) else None
    words: dict[str, float] = {}
    script, size = "", 0.0
    for run in _RUN.finditer(text):
        signs = UNSPACED.get(run.lastgroup or LATIN)
        if run.lastgroup != script:
            words[script] = words.get(script, 0.0) + size**BLOCK_POWER
            script, size = run.lastgroup or LATIN, 0.0
        size += (run.end() - run.start()) / signs if signs else 1.0
    words[script] = words.get(script, 0.0) + size**BLOCK_POWER
    del words[""]
    if LATIN in words:
        words[LATIN] *= LATIN_SHARE
    if words.get("kana", 0.0) * KANA_SHARE >= words.get("han", 0.0) > 0.0:
        words["kana"] = words.get("kana", 0.0) + words.pop("han")
    return max(words, key=words.__getitem__, default=None)


def settle(own: Sequence[Guess], together: Guess, user: str, project: str) -> list[str]:
    """The language of each message of one side of a conversation, in their order.

    `own` are the guesses for the messages, `together` that for all of them joined, `user` and
    `project` the languages known of the user and the project, "" or "und" where unknown. A message
    has its own language if it is clear, else that of the conversation, else its own if there is a
    likely one, else the user's, else the project's, else "und".
    """
    fallback = next(
        (code for code in (user, project) if code and code != UNDETERMINED), UNDETERMINED
    )
    shared = together.language
    return [_settled(guess, shared, fallback) for guess in own]


def _settled(guess: Guess, shared: str, fallback: str) -> str:
    if guess.language == "zh" and shared == "ja" and guess.probability <= HAN_PROBABILITY:
        return shared
    if guess.language != UNDETERMINED and guess.probability >= CLEAR:
        return guess.language
    if shared != UNDETERMINED:
        return shared
    return guess.language if guess.language != UNDETERMINED else fallback


def language_name(code: str) -> str:
    """The English name of a language, or the code itself where none is known here."""
    return "Undetermined" if code == UNDETERMINED else NAMES.get(code, code)


@functools.cache
def _whole_model() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _evidence(languages: Collection[str]) -> dict[str, tuple[tuple[str, float], ...]]:
    """For each word of chat the languages that have it, with what it adds to the odds of each."""
    speakers: dict[str, list[str]] = {}
    for code in sorted(languages):
        for word in sorted(set(WORDS.get(code, "").split())):
            speakers.setdefault(word, []).append(code)
    return {
        word: tuple((code, WORD_WEIGHT / math.sqrt(len(codes))) for code in codes)
        for word, codes in speakers.items()
    }


def _strangers(languages: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For each sign that some language is written with, those of the languages that are not."""
    signs = {sign for code in languages for sign in LETTERS.get(code, "")}
    return {
        sign: tuple(code for code in sorted(languages) if sign not in LETTERS.get(code, sign))
        for sign in signs
    }


def _languages_by_script(languages: frozenset[str]) -> dict[str, frozenset[str]]:
    """Which of the languages may be written in each script; a script of none is left out."""
    scripts = {name: frozenset({code}) & languages for name, (_, code) in SOLE_SCRIPTS.items()}
    if not scripts["han"]:
        scripts["han"] = scripts["kana"]
    shared = {
        name: frozenset(codes.split()) & languages for name, (_, codes) in SHARED_SCRIPTS.items()
    }
    elsewhere = {code for _, code in SOLE_SCRIPTS.values()}
    elsewhere.update(*(codes.split() for _, codes in SHARED_SCRIPTS.values()))
    latin = languages - (elsewhere - LATIN_TOO)
    return {
        name: codes
        for name, codes in {**scripts, **shared, LATIN: latin | {NO_LANGUAGE}}.items()
        if codes
    }
