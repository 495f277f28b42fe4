"""A topic as a form: its fields filled in from one, a definition made of them, and what it finds.

Lists are written one to a line; words in one language begin with its code: `fr: carte, virement`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from causerie.conversations import Kind
from causerie.errors import Invalid
from causerie.keyword_topics import KeywordTopics
from causerie.reports import Question, Reports, Transcript
from causerie.topic_changes import checked_definition
from causerie.topic_proposals import Proposal
from causerie.topics import Definition, Template, Topic, TopicKind
from causerie.web.meaning_words import LANGUAGES
from causerie.wording import say

if TYPE_CHECKING:
    from causerie.asking import Judged
    from causerie.semantic_topics import Preview

Form = Mapping[str, str]
Nearest = Callable[[str, Sequence[str], Sequence[str], float], "Preview"]
"""What a threshold finds of some texts and what it leaves: of a project, texts, examples, and the
least cosine, where 0 is the model's own. It may take a second, for it computes what texts mean.
"""
Judge = Callable[[str, Definition, Sequence[str]], "Judged"]
"""What a language model says of some texts: of a project, by a definition, the texts."""
KINDS = (TopicKind.KEYWORD, TopicKind.SEMANTIC, TopicKind.LLM)
LATEST_CONVERSATIONS = 100
LATEST_MESSAGES_MAX = 400
SHOWN = 10
CLOSENESS_MIN = 0.4
"""What is farther away than this is about something else."""
CLOSENESS_BELOW = 0.04
JUDGED_MESSAGES = 12
"""So many calls a trial of a model's judgement costs."""


@dataclass(frozen=True)
class Match:
    """A message, and the cosine to the nearest example where that is what counts."""

    text: str
    cosine: float | None
    conversation: str
    tenant: str
    message: str


@dataclass(frozen=True)
class Trial:
    """What a definition would find among the latest messages of users."""

    found: list[Match]
    left: list[Match]
    """Of a semantic topic: the nearest that it leaves."""
    total: int
    of: int
    threshold: float | None = None
    calls_left: int | None = None
    """Of a model's judgement: how many calls are left today."""
    trouble: str = ""
    """Why not all of them were judged."""


class Trials:
    """Tries definitions on the latest messages. `nearest` and `judged` are None where no model is
    at hand.
    """

    def __init__(
        self, reports: Reports, nearest: Nearest | None, judged: Judge | None = None
    ) -> None:
        self._reports = reports
        self._nearest = nearest
        self._judged = judged

    def run(self, question: Question, kind: TopicKind, definition: Definition) -> Trial | None:
        """What it finds; None where that cannot be told here. Raises Invalid."""
        definition = checked_definition(kind, definition)
        wanted = {TopicKind.LLM: self._judged, TopicKind.SEMANTIC: self._nearest}
        if kind in wanted and wanted[kind] is None:
            return None
        latest = self._latest(question)
        if kind is TopicKind.LLM:
            return self._by_judgement(question.project, definition, [match for match, _ in latest])
        if kind is TopicKind.KEYWORD:
            return _by_words(definition, latest)
        return self._by_meaning(question.project, definition, [match for match, _ in latest])

    def _latest(self, question: Question) -> list[tuple[Match, str]]:
        """Messages of users with the language of their conversation, the latest first."""
        latest = replace(question, sort="newest", page=1, per_page=LATEST_CONVERSATIONS)
        rows = self._reports.conversations(latest).rows
        found: list[tuple[Match, str]] = []
        for transcript in self._reports.transcripts(question.project, rows):
            said = _said(transcript)
            found += [(match, transcript.row.language) for match in reversed(said)]
        return found[:LATEST_MESSAGES_MAX]

    def _by_meaning(
        self, project: str, definition: Definition, latest: Sequence[Match]
    ) -> Trial | None:
        if self._nearest is None:
            return None
        texts = [match.text for match in latest]
        seen = self._nearest(project, texts, definition.examples, definition.threshold)
        above = [replace(latest[near.place], cosine=near.cosine) for near in seen.above]
        below = [replace(latest[near.place], cosine=near.cosine) for near in seen.below]
        return Trial(above, below, seen.found, seen.of, seen.threshold)

    def _by_judgement(
        self, project: str, definition: Definition, latest: Sequence[Match]
    ) -> Trial | None:
        if self._judged is None:
            return None
        # Each text once: it is paid for.
        asked = list({match.text: match for match in latest}.values())[:JUDGED_MESSAGES]
        told = self._judged(project, definition, [match.text for match in asked])
        found = [match for match in asked if told.verdicts.get(match.text)]
        left = [match for match in asked if told.verdicts.get(match.text) is False]
        count = len(found) + len(left)
        return Trial(found, left, len(found), count, None, told.calls_left, told.trouble)


def _said(transcript: Transcript) -> list[Match]:
    row = transcript.row
    return [
        Match(message.text, None, row.id, row.tenant, message.id)
        for message in transcript.messages
        if message.kind is Kind.MESSAGE and message.role == "user" and message.text.strip()
    ]


def _by_words(definition: Definition, latest: Sequence[tuple[Match, str]]) -> Trial:
    matcher = KeywordTopics([("it", definition)])
    found = [match for match, language in latest if matcher.match(match.text, language)]
    return Trial(found[:SHOWN], [], len(found), len(latest))


def fields_of(topic: Topic) -> dict[str, str]:
    """What the form shows of a kept topic."""
    definition = topic.definition
    return {
        "kind": topic.kind.value,
        "name": topic.name,
        "words": "\n".join(definition.words),
        "language_words": "\n".join(
            f"{code}: {', '.join(words)}" for code, words in definition.language_words.items()
        ),
        "examples": "\n".join(definition.examples),
        "threshold": f"{definition.threshold:g}" if definition.threshold else "",
        "template": definition.template.value,
        "prompt": definition.prompt,
    }


def fields_proposed(proposal: Proposal) -> dict[str, str]:
    """What the form shows of a proposal: every kind filled in, one of them chosen."""
    return {
        "sentence": proposal.sentence,
        "kind": proposal.kind.value,
        "name": proposal.name,
        "words": "\n".join(proposal.words),
        "examples": proposal.example,
        "template": Template.SEMANTIC.value,
        "prompt": proposal.sentence,
    }


def nearer(trial: Trial) -> str:
    """A closeness that finds what is nearest, where the model's own finds nothing; empty where
    that does, or nothing is near.
    """
    if trial.threshold is None or trial.total or not trial.left:
        return ""
    best = trial.left[0].cosine or 0.0
    return f"{best - CLOSENESS_BELOW:.2f}" if best >= CLOSENESS_MIN else ""


def kind_of(form: Form) -> TopicKind:
    """The kind that was chosen. Raises Invalid."""
    for kind in KINDS:
        if form.get("kind") == kind.value:
            return kind
    raise Invalid(say("choose how the topic finds its messages"), field="kind")


def definition_of(form: Form, kind: TopicKind) -> Definition:
    """What was filled in, for that kind. Raises Invalid, naming the field."""
    if kind is TopicKind.KEYWORD:
        words = _lines(form.get("words", "").replace(",", "\n"))
        return Definition(
            words=words, language_words=_language_words(form.get("language_words", ""))
        )
    if kind is TopicKind.SEMANTIC:
        threshold = _threshold(form.get("threshold", ""))
        return Definition(examples=_lines(form.get("examples", "")), threshold=threshold)
    try:
        template = Template(form.get("template", Template.FREEFORM.value))
    except ValueError as error:
        raise Invalid(say("choose what the model is asked"), field="template") from error
    return Definition(template=template, prompt=form.get("prompt", ""))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _language_words(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in _lines(text):
        code, colon, words = line.partition(":")
        code = code.strip().lower()
        if not colon or code not in LANGUAGES:
            raise Invalid(
                f"“{line[:40]}” does not begin with a language, as in “fr: carte, virement”",
                field="language_words",
            )
        found[code] = found.get(code, ()) + _lines(words.replace(",", "\n"))
    return found


def _threshold(text: str) -> float:
    try:
        return float(text.replace(",", ".")) if text.strip() else 0.0
    except ValueError as error:
        raise Invalid(
            say("the least closeness is a number from 0 to 1"), field="threshold"
        ) from error
