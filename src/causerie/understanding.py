"""What conversations mean: language, mood, signals and topics, from what was said in them.

Pure and heavy: it runs in a process of its own (`model_processes.py`), which is handed values and
hands values back. `REVISION` stands for the rules and models in this version of Causerie; what was
understood under an earlier one is understood again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b

import msgspec
import numpy as np

from causerie.embeddings import Embedder, Vectors, embedder, pack, unit, unpack
from causerie.kept_topics import KeptMatcher
from causerie.languages import UNDETERMINED, Guess, LanguageDetector, settle
from causerie.meaning_settings import REMOTE, MeaningSettings, Service
from causerie.meanings import ConversationMeaning, MessageMeaning, Said
from causerie.remote_embeddings import RemoteEmbedder
from causerie.semantic_topics import Preview, preview, threshold_of
from causerie.sentiment import HEADS, Calibration, SentimentHead, calibrate, trend
from causerie.signals import Signal, reasked, signals_of
from causerie.topic_maps import TopicMap
from causerie.topics import Topic

REVISION = 1
USER = "user"
VECTORS_REMEMBERED_MAX = 20_000
"""Of texts that came lately: people say the same things, and a template says one over and over."""
TOGETHER_TURNS = 20
"""How many turns at either end say which language a whole conversation is in."""
TOGETHER_CHARS = 200
"""Of each."""
LOADED_MAX = 4
Row = tuple[float | None, tuple[str, tuple[str, ...]], bytes]
"""Of a user's message: mood, suggested topic and kept ones, vector."""


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation to understand."""

    said: list[Said]
    """All of it, in order."""
    known: dict[str, MessageMeaning] = {}
    """What was understood of its messages before."""
    user_language: str = ""
    """What its user writes elsewhere."""
    judged: dict[str, tuple[str, ...]] = {}
    """Message id to the topics that a language model found in it."""
    translations: dict[str, str] = {}
    """Message id to translation."""
    judged_generation: int = 0
    """Of those two; 0 while something is still to be asked."""


class Understood(msgspec.Struct, frozen=True):
    """What came of it."""

    changed: list[MessageMeaning]
    """The messages whose meaning is new or another than before."""
    conversation: ConversationMeaning


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """All that a project's messages are understood by."""

    generation: int
    judging: int = 1
    """The same for what a language model is asked; 1 where nothing is."""
    settings: MeaningSettings = MeaningSettings()
    topics: tuple[Topic, ...] = ()
    """Kept and suggested ones."""
    map: bytes = b""
    """What assigns messages to the suggested ones; empty before any were found."""
    language: str = ""
    """What most of the project's users write."""


class Felt(msgspec.Struct, frozen=True):
    """What a user said, with its vector."""

    text: str
    language: str
    vector: bytes


ENCODER = msgspec.msgpack.Encoder()
SPOKEN = msgspec.msgpack.Decoder(list[Spoken])
UNDERSTOOD = msgspec.msgpack.Decoder(list[Understood])


def bend(grounds: Grounds, felt: Sequence[Felt], thumbs: Sequence[bool]) -> dict[str, float]:
    """The calibration that thumbs say, as the settings keep it; empty while there are too few."""
    plain = msgspec.structs.replace(
        grounds, settings=msgspec.structs.replace(grounds.settings, calibration={})
    )
    scores = Understanding(plain).moods(felt)
    found = calibrate(scores, thumbs) if scores else Calibration()
    return {name: float(value) for name, value in found._asdict().items()} if found.thumbs else {}


def understand(grounds: Grounds, conversations: Sequence[Spoken]) -> list[Understood]:
    """What the conversations mean, in order. Keeps the models of the latest grounds at hand.

    Raises Unavailable or UpstreamFailed when a remote model does not answer.
    """
    kept = _loaded.get(grounds.generation)
    if kept is None:
        while len(_loaded) >= LOADED_MAX:
            del _loaded[next(iter(_loaded))]
        kept = _loaded[grounds.generation] = Understanding(grounds)
    return kept.understand(conversations)


def understand_packed(grounds: Grounds, packed: bytes) -> bytes:
    """The same between processes: packed and unpacked in a twentieth of the time that pickling
    takes, during which nobody is answered.
    """
    return ENCODER.encode(understand(grounds, SPOKEN.decode(packed)))


def embedder_of(settings: MeaningSettings) -> Embedder:
    """The model that a project's texts are embedded by. Raises Invalid if it is not installed."""
    service = settings.embeddings
    if settings.model == REMOTE:
        return RemoteEmbedder(service.url, service.model, service.key)
    return embedder(settings.model)


def embedded(
    settings: MeaningSettings, texts: Sequence[str]
) -> tuple[str, list[tuple[float, ...]]]:
    """What some texts mean, and the name of the model. It stays loaded, for people who search do
    so more than once. Raises Invalid, Unavailable.
    """
    model = _kept_embedder(settings.model, settings.embeddings)
    vectors = model.embed(texts)
    return model.name, [tuple(map(float, row)) for row in vectors]


@lru_cache(maxsize=1)
def _kept_embedder(model: str, embeddings: Service) -> Embedder:
    return embedder_of(MeaningSettings(model=model, embeddings=embeddings))


def nearest(
    settings: MeaningSettings, texts: Sequence[str], examples: Sequence[str], threshold: float
) -> Preview:
    """The texts that are nearest to some examples, on both sides of a threshold; 0 is the model's
    own.
    """
    model = embedder_of(settings)
    vectors = model.embed([*texts, *examples])
    least = threshold_of(model.name, threshold)
    return preview(vectors[: len(texts)], texts, vectors[len(texts) :], least)


class Understanding:
    """The models, loaded; one for each set of grounds. Not safe in threads."""

    def __init__(self, grounds: Grounds) -> None:
        self.grounds = grounds
        self._detector = LanguageDetector(grounds.settings.languages)
        self._map = TopicMap.from_bytes(grounds.map) if grounds.map else None
        self._remembered: OrderedDict[bytes, bytes] = OrderedDict()
        given = grounds.settings.calibration
        self._calibration = _calibration(given) if given else None

    @cached_property
    def _embedder(self) -> Embedder:
        return embedder_of(self.grounds.settings)

    @cached_property
    def _head(self) -> SentimentHead | None:
        name = self._embedder.name
        return SentimentHead(name) if name in HEADS else None

    @cached_property
    def _matcher(self) -> KeptMatcher:
        return KeptMatcher(self.grounds.topics, self._embedder)

    def understand(self, conversations: Sequence[Spoken]) -> list[Understood]:
        """Each conversation, in order. Raises Unavailable when a remote model does not answer."""
        languages = self._languages(conversations)
        packed = self._vectors(conversations)
        vectors = self._unpacked(packed)
        users = [
            (one, said, language)
            for one, spoken in zip(conversations, languages, strict=True)
            for said, language in zip(one.said, spoken, strict=True)
            if said.role == USER
        ]
        texts = [said.text for _, said, _ in users]
        felt = self._felt(texts, [language for _, _, language in users], vectors)
        found = self._found(users, vectors)
        rows = iter(zip(felt, found, packed, strict=True))
        return [
            self._understood(one, spoken, rows)
            for one, spoken in zip(conversations, languages, strict=True)
        ]

    def moods(self, felt: Sequence[Felt]) -> list[float]:
        """The mood of each; empty where the model has no head for it."""
        vectors = self._unpacked([one.vector for one in felt])
        texts, languages = [one.text for one in felt], [one.language for one in felt]
        return [score for score in self._felt(texts, languages, vectors) if score is not None]

    # ---- language ------------------------------------------------------------------------------

    def _languages(self, conversations: Sequence[Spoken]) -> list[list[str]]:
        """Of every message of every conversation."""
        new = [said.text for one in conversations for said in one.said if self._is_new(one, said)]
        together = [_together(one) for one in conversations]
        guesses = self._detector.guess([*new, *together])
        own, shared = iter(guesses[: len(new)]), guesses[len(new) :]
        return [
            self._settled(one, own, whole) for one, whole in zip(conversations, shared, strict=True)
        ]

    def _is_new(self, one: Spoken, said: Said) -> bool:
        known = one.known.get(said.id)
        return known is None or known.revision != REVISION

    def _settled(self, one: Spoken, own: Iterable[Guess], whole: Guess) -> list[str]:
        """Users first: an assistant's short answer is in the language that it was asked in."""
        own = iter(own)
        guesses = [
            next(own) if self._is_new(one, said) else Guess(one.known[said.id].language, 1.0)
            for said in one.said
        ]
        by_user = [said.role == USER for said in one.said]
        theirs = [guess for guess, is_user in zip(guesses, by_user, strict=True) if is_user]
        project = self.grounds.language
        settled = iter(settle(theirs, whole, one.user_language, project))
        others = [guess for guess, is_user in zip(guesses, by_user, strict=True) if not is_user]
        answers = iter(settle(others, whole, one.user_language, project))
        return [next(settled) if is_user else next(answers) for is_user in by_user]

    # ---- meaning -------------------------------------------------------------------------------

    def _vectors(self, conversations: Sequence[Spoken]) -> list[bytes]:
        """One for every message of a user, in order, packed."""
        model = self._embedder.name
        wanted = [
            (said.text, _vector(one.known.get(said.id), model))
            for one in conversations
            for said in one.said
            if said.role == USER
        ]
        new = {_digest(text): text for text, vector in wanted if vector is None}
        missing = {key: text for key, text in new.items() if key not in self._remembered}
        if missing:
            made = pack(self._embedder.embed(list(missing.values())))
            self._remembered.update(zip(missing, (row.tobytes() for row in made), strict=True))
        rows = [self._remembered[_digest(text)] if kept is None else kept for text, kept in wanted]
        while len(self._remembered) > VECTORS_REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return rows

    def _unpacked(self, packed: Sequence[bytes]) -> Vectors:
        flat = np.frombuffer(b"".join(packed), dtype=np.int8)
        return unpack(flat.reshape(len(packed), self._embedder.dimensions))

    def _felt(self, texts: list[str], languages: list[str], vectors: Vectors) -> list[float | None]:
        """The mood of each text; None where the model has no head for it."""
        if self._head is None:
            return [None] * len(texts)
        scores = self._head.score(self._centred(languages, vectors), texts)
        if self._calibration is not None:
            scores = self._calibration.apply(scores)
        return [float(score) for score in scores]

    def _centred(self, languages: list[str], vectors: Vectors) -> Vectors:
        """Without the means of their languages: those of the project, once they are known."""
        if self._map is not None and self._map.model == self._embedder.name:
            return self._map.means.centred(vectors, languages)
        assert self._head is not None
        return unit(vectors - self._head.english_mean)

    # ---- topics --------------------------------------------------------------------------------

    def _found(
        self, users: Sequence[tuple[Spoken, Said, str]], vectors: Vectors
    ) -> list[tuple[str, tuple[str, ...]]]:
        """The suggested topic and the kept ones of every message of a user."""
        texts = [said.text for _, said, _ in users]
        languages = [language for _, _, language in users]
        suggested = self._map.assign(vectors, languages) if self._map else [""] * len(users)
        kept = self._matcher.match(texts, languages, vectors)
        return [
            (finest, self._matcher.joined((*matched, *one.judged.get(said.id, ()))))
            for (one, said, _), finest, matched in zip(users, suggested, kept, strict=True)
        ]

    # ---- together ------------------------------------------------------------------------------

    def _understood(self, one: Spoken, languages: Sequence[str], rows: Iterator[Row]) -> Understood:
        own = [next(rows) if said.role == USER else None for said in one.said]
        again = _asked_again(one, own)
        meanings = [
            self._meaning(one, said, language, row, again)
            for said, language, row in zip(one.said, languages, own, strict=True)
        ]
        changed = [each for each in meanings if one.known.get(each.message) != each]
        return Understood(changed, self._summed_up(one, meanings))

    def _meaning(
        self, one: Spoken, said: Said, language: str, row: Row | None, again: set[str]
    ) -> MessageMeaning:
        signals = signals_of(said.text, said.role)
        if said.id in again:
            signals = (*signals, Signal.REASKED)
        meaning = MessageMeaning(
            position=said.position,
            message=said.id,
            at=said.at,
            role=said.role,
            language=language,
            signals=tuple(str(signal) for signal in signals),
            translation=one.translations.get(said.id, ""),
            revision=REVISION,
        )
        if row is None:
            return meaning
        felt, (suggested, topics), vector = row
        return msgspec.structs.replace(
            meaning,
            sentiment=felt,
            topics=topics,
            suggested=suggested,
            model=self._embedder.name,
            vector=vector,
        )

    def _summed_up(self, one: Spoken, meanings: Sequence[MessageMeaning]) -> ConversationMeaning:
        users = [each for each in meanings if each.role == USER]
        scores = [each.sentiment for each in users if each.sentiment is not None]
        return ConversationMeaning(
            language=_most_used(users) or _most_used(meanings) or UNDETERMINED,
            sentiment=float(np.float32(np.mean(scores))) if scores else None,
            scored=len(scores),
            trend=trend(scores) if scores else "",
            signals=tuple(dict.fromkeys(sign for each in meanings for sign in each.signals)),
            topics=_ranked(topic for each in users for topic in each.topics),
            suggested=_ranked(each.suggested for each in users if each.suggested),
            generation=self.grounds.generation,
            judged=one.judged_generation,
        )


def _calibration(given: Mapping[str, float]) -> Calibration:
    return Calibration(given["slope"], given["shift"], int(given["thumbs"]))


_loaded: dict[int, Understanding] = {}


def _together(one: Spoken) -> str:
    """What the user said at either end, as one text."""
    texts = [said.text for said in one.said if said.role == USER]
    if len(texts) > 2 * TOGETHER_TURNS:
        texts = texts[:TOGETHER_TURNS] + texts[-TOGETHER_TURNS:]
    return "\n".join(text[:TOGETHER_CHARS] for text in texts)


def _vector(known: MessageMeaning | None, model: str) -> bytes | None:
    return known.vector if known is not None and known.model == model and known.vector else None


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _asked_again(one: Spoken, rows: Sequence[Row | None]) -> set[str]:
    """The messages in which the user asks what was asked before."""
    asked = [(said, row) for said, row in zip(one.said, rows, strict=True) if row is not None]
    if len(asked) < 2:
        return set()
    packed = np.frombuffer(b"".join(row[2] for _, row in asked), dtype=np.int8)
    vectors = unpack(packed.reshape(len(asked), -1))
    again = reasked([said.text for said, _ in asked], vectors)
    return {said.id for (said, _), is_again in zip(asked, again, strict=True) if is_again}


def _most_used(meanings: Iterable[MessageMeaning]) -> str:
    counts = Counter(each.language for each in meanings if each.language != UNDETERMINED)
    return counts.most_common(1)[0][0] if counts else ""


def _ranked(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(id for id, _ in Counter(ids).most_common())
