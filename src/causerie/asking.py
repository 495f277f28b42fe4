"""What a language model says about texts: from what is kept, else by asking, within a day's budget.

Called by workers in threads, never in an event loop. The same question about the same text is asked
once, in whichever message it occurs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from causerie.judge import Judge
from causerie.judging import (
    NO_ANSWER,
    Inquiry,
    Verdict,
    about_title,
    about_topic,
    about_translation,
    question_of,
)
from causerie.meaning_settings import MeaningSettings
from causerie.store.verdicts import Asked, Verdicts
from causerie.topics import Definition, Topic, TopicKind

TRIED = "tried"
"""The id of a topic that is not one yet."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_LANGUAGES = frozenset({"", "und"})
Named = tuple[Sequence[str], str, str]
"""A suggested topic: its terms, a typical message, and the name that was found."""


@dataclass(frozen=True)
class Answered:
    """What is known of some texts."""

    verdicts: Mapping[str, Mapping[str, bool]]
    """By text: for each topic that has a verdict, whether the text belongs to it."""
    complete: bool
    """Whether every topic has a verdict on every text."""
    trouble: str
    """Why not, in a sentence; empty where it only takes more time."""


@dataclass(frozen=True)
class Judged:
    """What a model said of some texts when a definition was tried."""

    verdicts: Mapping[str, bool]
    """Of those that it answered about."""
    trouble: str
    """Why not all are, in a sentence."""
    calls_left: int
    """Of this day's."""


class Asking:
    """Answers of a project's judge. Raises Unavailable when the state store cannot be reached."""

    def __init__(self, verdicts: Verdicts, judge: Judge) -> None:
        self._verdicts = verdicts
        self._judge = judge

    def trouble(self, project: str, settings: MeaningSettings) -> str:
        """Why nothing is asked at the moment, in a sentence; empty where nothing is in the way."""
        return self._judge.trouble(project, settings)

    def missing(self, project: str, topics: Sequence[Topic], texts: Sequence[str]) -> list[str]:
        """The texts, each once, that some LLM topic among these has no verdict on."""
        inquiries = _about(topics, texts)
        known = self._verdicts.find(project, _keys(_flat(inquiries)))
        return [
            text for text, asked in inquiries.items() if any(_key(i) not in known for i in asked)
        ]

    def answer(
        self,
        project: str,
        settings: MeaningSettings,
        topics: Sequence[Topic],
        texts: Sequence[str],
    ) -> Answered:
        """The verdicts of the LLM topics among these; what is not known is asked, as far as budget
        and time go. A blank text belongs to none.
        """
        inquiries = _about(topics, texts)
        known, trouble = self._known(project, settings, _flat(inquiries))
        judged = [topic for topic in topics if topic.kind is TopicKind.LLM]
        verdicts: dict[str, dict[str, bool]] = {}
        for text in texts:
            pairs = zip(judged, inquiries.get(text, ()), strict=False)
            blank = {} if text in inquiries else {topic.id: False for topic in judged}
            verdicts[text] = blank | {
                topic.id: known[_key(asked)].verdict
                for topic, asked in pairs
                if _key(asked) in known
            }
        complete = all(len(of_text) == len(judged) for of_text in verdicts.values())
        return Answered(verdicts, complete, "" if complete else trouble)

    def try_out(
        self, project: str, settings: MeaningSettings, definition: Definition, texts: Sequence[str]
    ) -> Answered:
        """What an LLM topic would make of some texts, before there is one. Each text costs a call
        of the day's; the answers are not kept.
        """
        tried = Topic(
            project=project,
            id=TRIED,
            kind=TopicKind.LLM,
            definition=definition,
            created_at=EPOCH,
            changed_at=EPOCH,
        )
        # What another definition was told under that name says nothing of this one.
        self._verdicts.forget(project, question_of(tried))
        answered = self.answer(project, settings, [tried], texts)
        self._verdicts.forget(project, question_of(tried))
        return answered

    def missing_translations(
        self, project: str, settings: MeaningSettings, texts: Sequence[tuple[str, str]]
    ) -> list[str]:
        """The texts, each with its language, that were not asked to be translated yet."""
        inquiries = _foreign(settings, texts)
        known = self._verdicts.find(project, _keys(inquiries.values()))
        return [text for text, asked in inquiries.items() if _key(asked) not in known]

    def translations(
        self, project: str, settings: MeaningSettings, texts: Sequence[tuple[str, str]]
    ) -> dict[str, str]:
        """Translations of the texts, each given with its language, that are in another language
        than the project's and could be translated until now. Nothing without a judge.
        """
        inquiries = _foreign(settings, texts)
        known, _ = self._known(project, settings, list(inquiries.values()))
        found = {text: known.get(_key(asked)) for text, asked in inquiries.items()}
        return {text: one.reason for text, one in found.items() if one and one.verdict}

    def polish(self, project: str, settings: MeaningSettings, topics: Sequence[Named]) -> list[str]:
        """Names for suggested topics, in their order: a model's title, else the name found."""
        if not (settings.polishes_names and settings.judge):
            return [found for _, _, found in topics]
        inquiries = [about_title(terms, typical) for terms, typical, _ in topics]
        known, _ = self._known(project, settings, inquiries)
        titles = [known.get(_key(asked)) for asked in inquiries]
        return [
            title.reason if title and title.verdict else found
            for title, (_, _, found) in zip(titles, topics, strict=True)
        ]

    def reasons(self, project: str, topics: Sequence[Topic], text: str) -> dict[str, str]:
        """Why a model said what it did about a text, by topic, where it gave a reason."""
        asked = _about(topics, [text]).get(text, [])
        judged = [topic for topic in topics if topic.kind is TopicKind.LLM]
        known = self._verdicts.find(project, _keys(asked))
        found = {
            topic.id: known[_key(one)].reason
            for topic, one in zip(judged, asked, strict=False)
            if _key(one) in known
        }
        return {id: reason for id, reason in found.items() if reason not in ("", NO_ANSWER)}

    def _known(
        self, project: str, settings: MeaningSettings, inquiries: Sequence[Inquiry]
    ) -> tuple[dict[Asked, Verdict], str]:
        known = self._verdicts.find(project, _keys(inquiries))
        # Two long texts may differ only in what is not asked about.
        left = {_key(asked): asked for asked in inquiries if _key(asked) not in known}
        if not left:
            return known, ""
        if not settings.judge:
            return known, "no model is set that could be asked"
        answers, trouble = self._judge.ask(project, settings, list(left.values()))
        return known | answers, trouble


def _about(topics: Sequence[Topic], texts: Iterable[str]) -> dict[str, list[Inquiry]]:
    judged = [topic for topic in topics if topic.kind is TopicKind.LLM]
    return {
        text: [about_topic(topic, text) for topic in judged]
        for text in dict.fromkeys(texts)
        if text.strip()
    }


def _foreign(settings: MeaningSettings, texts: Iterable[tuple[str, str]]) -> dict[str, Inquiry]:
    into = settings.translates_to
    if not (into and settings.judge):
        return {}
    ours = {into, into.partition("-")[0]} | UNKNOWN_LANGUAGES
    return {
        text: about_translation(text, into)
        for text, language in texts
        if language not in ours and text.strip()
    }


def _flat(inquiries: Mapping[str, Sequence[Inquiry]]) -> list[Inquiry]:
    return [asked for of_text in inquiries.values() for asked in of_text]


def _key(inquiry: Inquiry) -> Asked:
    return inquiry.question, inquiry.digest


def _keys(inquiries: Iterable[Inquiry]) -> set[Asked]:
    return {_key(inquiry) for inquiry in inquiries}
