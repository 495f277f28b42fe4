"""What a person does with topics: defines, changes, names, merges, pins, hides, deletes them.

Each is checked, kept, and noted with who did it. Whatever is found afterwards, it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import isfinite

from msgspec.structs import replace

from causerie.errors import Conflict, Invalid
from causerie.judging import question_of
from causerie.letters import folded
from causerie.store.topics import Topics
from causerie.store.verdicts import Verdicts
from causerie.topics import Definition, Topic, TopicEvent, TopicKind, checked_name
from causerie.wording import say

WORDS_MAX = 200
"""Of one topic, in all languages."""
WORD_CHARS_MAX = 100
EXAMPLES_MAX = 100
EXAMPLE_CHARS_MAX = 2_000
PROMPT_CHARS_MAX = 8_000
LANGUAGES_MAX = 50
LANGUAGE_CHARS_MAX = 10


class TopicChanges:
    """Changes of one member, named by `by`. Every method raises NotFound for a topic that the
    project has not, Invalid naming the field, Unavailable when the store cannot be reached, and
    returns the topic as it is then.
    """

    def __init__(
        self,
        topics: Topics,
        verdicts: Verdicts,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._topics = topics
        self._verdicts = verdicts
        self._clock = clock
        self._new_id = new_id

    def define(
        self, project: str, by: str, name: str, kind: TopicKind, definition: Definition
    ) -> Topic:
        """A new kept topic. Raises Conflict when there are too many."""
        topic = self._made(project, name, kind, definition)
        self._topics.put(topic, [self._event(topic, "defined", by, detail=topic.name)])
        return topic

    def _made(self, project: str, name: str, kind: TopicKind, definition: Definition) -> Topic:
        now = self._clock()
        return Topic(
            project=project,
            id=self._new_id(),
            kind=kind,
            definition=checked_definition(kind, definition),
            created_at=now,
            changed_at=now,
            name=checked_name(name),
        )

    def change(self, project: str, by: str, id: str, definition: Definition) -> Topic:
        """What a kept topic matches. Its revision grows when that is another thing than before."""
        topic = self._kept(project, id)
        definition = checked_definition(topic.kind, definition)
        if definition == topic.definition:
            return topic
        changed = replace(topic, definition=definition, revision=topic.revision + 1)
        changed = self._put(changed, "changed", by)
        if topic.kind is TopicKind.LLM:
            self._verdicts.forget(project, question_of(topic))
        return changed

    def rename(self, project: str, by: str, id: str, name: str) -> Topic:
        """Another name; none at all gives a suggested topic the one back that was found."""
        topic = self._topics.get(project, id)
        found = not topic.kept and not name.strip()
        name = "" if found else checked_name(name)
        if name == topic.name:
            return topic
        return self._put(replace(topic, name=name), "renamed", by, detail=name)

    def merge(self, project: str, by: str, id: str, into: str) -> Topic:
        """Make it a part of another. Raises Conflict when that one is a part of it already."""
        topic = self._topics.get(project, id)
        self._topics.get(project, into)
        by_id = {one.id: one.merged_into for one in self._topics.all(project)}
        step, passed = into, {""}
        while step not in passed:
            if step == id:
                raise Conflict(say("a topic cannot become a part of itself"), field="into")
            passed.add(step)
            step = by_id.get(step, "")
        if topic.merged_into == into:
            return topic
        return self._put(replace(topic, merged_into=into), "merged", by, others=(into,))

    def unmerge(self, project: str, by: str, id: str) -> Topic:
        """Let it stand for itself again."""
        topic = self._topics.get(project, id)
        if not topic.merged_into:
            return topic
        left = (topic.merged_into,)
        return self._put(replace(topic, merged_into=""), "unmerged", by, others=left)

    def pin(self, project: str, by: str, id: str, pinned: bool = True) -> Topic:
        """Show it before others, or no longer."""
        topic = self._topics.get(project, id)
        if topic.pinned == pinned:
            return topic
        return self._put(replace(topic, pinned=pinned), "pinned" if pinned else "unpinned", by)

    def hide(self, project: str, by: str, id: str, hidden: bool = True) -> Topic:
        """Show it no more, or again. Hidden topics are found all the same."""
        topic = self._topics.get(project, id)
        if topic.hidden == hidden:
            return topic
        return self._put(replace(topic, hidden=hidden), "hidden" if hidden else "shown", by)

    def delete(self, project: str, by: str, id: str) -> Topic:
        """Forget a kept topic; what was a part of it stands for itself again. Raises Conflict for a
        suggested one: that would be found again, and can be hidden.
        """
        topic = self._kept(project, id)
        for part in self._topics.all(project):
            if part.merged_into == id:
                self.unmerge(project, by, part.id)
        self._topics.delete(topic, [self._event(topic, "deleted", by, detail=topic.title)])
        if topic.kind is TopicKind.LLM:
            self._verdicts.forget(project, question_of(topic))
        return topic

    def keep(
        self, project: str, by: str, id: str, name: str = "", examples: Sequence[str] = ()
    ) -> Topic:
        """A semantic topic made of a suggested one, which becomes a part of it. Its examples are
        typical messages, by default the one in the middle. Raises Conflict for a kept one.
        """
        found = self._topics.get(project, id)
        if found.kept:
            raise Conflict(say("the topic is kept already"), field="topic")
        given = tuple(examples) or (found.definition.typical,)
        definition = Definition(examples=tuple(text[:EXAMPLE_CHARS_MAX] for text in given))
        topic = self._made(project, name or found.title, TopicKind.SEMANTIC, definition)
        event = self._event(topic, "defined", by, others=(id,), detail=topic.name)
        self._topics.put(topic, [event])
        self._put(replace(found, merged_into=topic.id), "merged", by, others=(topic.id,))
        return topic

    def _kept(self, project: str, id: str) -> Topic:
        topic = self._topics.get(project, id)
        if not topic.kept:
            raise Conflict(
                say("a suggested topic is found, not defined: keep it first"), field="topic"
            )
        return topic

    def _put(
        self, topic: Topic, kind: str, by: str, others: tuple[str, ...] = (), detail: str = ""
    ) -> Topic:
        topic = replace(topic, changed_at=self._clock())
        self._topics.put(topic, [self._event(topic, kind, by, others, detail)])
        return topic

    def _event(
        self, topic: Topic, kind: str, by: str, others: tuple[str, ...] = (), detail: str = ""
    ) -> TopicEvent:
        return TopicEvent(
            project=topic.project,
            at=self._clock(),
            kind=kind,
            topic=topic.id,
            others=others,
            by=by,
            detail=detail,
        )


def checked_definition(kind: TopicKind, definition: Definition) -> Definition:
    """What of a definition counts for that kind, in one form. Raises Invalid, naming the field."""
    match kind:
        case TopicKind.KEYWORD:
            return _keyword(definition)
        case TopicKind.SEMANTIC:
            return _semantic(definition)
        case TopicKind.LLM:
            prompt = _text(definition.prompt, "prompt", PROMPT_CHARS_MAX)
            return Definition(template=definition.template, prompt=prompt)
    raise Invalid(say("kind: keyword, semantic or llm is expected"), field="kind")


def _keyword(definition: Definition) -> Definition:
    if len(definition.language_words) > LANGUAGES_MAX:
        raise Invalid(
            say("language_words: at most %(languages_max)s languages", languages_max=LANGUAGES_MAX),
            field="language_words",
        )
    words = _words(definition.words, "words")
    by_language = {
        code: _words(of_language, "language_words")
        for code, of_language in definition.language_words.items()
    }
    by_language = {code: given for code, given in by_language.items() if given}
    for code in by_language:
        if not (0 < len(code) <= LANGUAGE_CHARS_MAX and code.replace("-", "").isalnum()):
            raise Invalid(
                say("language_words: a code such as fr is expected"), field="language_words"
            )
    count = len(words) + sum(map(len, by_language.values()))
    if not 1 <= count <= WORDS_MAX:
        raise Invalid(
            say("words: 1 to %(words_max)s are expected", words_max=WORDS_MAX), field="words"
        )
    return Definition(words=words, language_words=by_language)


def _words(given: Sequence[str], field: str) -> tuple[str, ...]:
    """Each once, as it is compared, though in the letters that were given."""
    words: dict[str, str] = {}
    for word in given:
        if word.strip():
            word = _text(word, field, WORD_CHARS_MAX)
            if not folded(word):
                raise Invalid(f"{field}: nothing of {word!r} can be seen", field=field)
            words.setdefault(folded(word), word)
    return tuple(words.values())


def _semantic(definition: Definition) -> Definition:
    given = (text for text in definition.examples if text.strip())
    examples = tuple(dict.fromkeys(_text(one, "examples", EXAMPLE_CHARS_MAX) for one in given))
    if not 1 <= len(examples) <= EXAMPLES_MAX:
        raise Invalid(
            say("examples: 1 to %(examples_max)s are expected", examples_max=EXAMPLES_MAX),
            field="examples",
        )
    threshold = definition.threshold
    if not isfinite(threshold) or not 0 <= threshold <= 1:
        raise Invalid(say("threshold: 0 to 1 is expected"), field="threshold")
    return Definition(examples=examples, threshold=threshold)


def _text(text: str, field: str, most: int) -> str:
    text = text.strip()
    if not text or len(text) > most or "\0" in text:
        raise Invalid(
            say("%(field)s: 1 to %(most)s characters are expected", field=field, most=most),
            field=field,
        )
    return text
