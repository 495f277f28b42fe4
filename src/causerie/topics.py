"""Topic: what messages are about. Suggested ones are found, kept ones a person has defined.

A topic is assigned to messages; a conversation has those of its messages. What a person has said of
a topic (its name, that it is pinned, hidden, or part of another) holds for ever, whatever is found
afterwards.
"""

from __future__ import annotations

import random
import string
from datetime import datetime
from enum import StrEnum

import msgspec

from causerie.errors import Invalid
from causerie.wording import say

TOPIC_ID_CHARS = 21
TOPIC_NAME_CHARS_MAX = 80
TOPICS_MAX = 500
"""Kept topics of one project."""
ALPHABET = string.ascii_letters + string.digits


class TopicKind(StrEnum):
    """How a topic finds its messages."""

    SUGGESTED = "suggested"
    """Discovered: messages that mean alike."""
    KEYWORD = "keyword"
    """Kept: they hold one of its words."""
    SEMANTIC = "semantic"
    """Kept: they mean about the same as one of its examples."""
    LLM = "llm"
    """Kept: a model says that they match."""


class Template(StrEnum):
    """What a model is asked about a message."""

    INTENT = "intent"
    SEMANTIC = "semantic"
    FREEFORM = "freeform"


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What makes a message belong to a topic; which fields count follows from the kind."""

    words: tuple[str, ...] = ()
    """Keyword: any of these, in any language, unless `language_words` has its own."""
    language_words: dict[str, tuple[str, ...]] = {}
    """Keyword: by language code, only where messages are in that language."""
    examples: tuple[str, ...] = ()
    """Semantic: a sentence that describes it, or messages that belong to it."""
    threshold: float = 0.0
    """Semantic: the least cosine to the nearest example; 0 means the model's own."""
    template: Template = Template.FREEFORM
    prompt: str = ""
    """LLM: what to look for, or the whole instruction."""
    parent: str = ""
    """Suggested: the id of its theme, or empty for a theme."""
    terms: tuple[str, ...] = ()
    """Suggested: the words that set it apart, the most telling first."""
    typical: str = ""
    """Suggested: a message in its middle."""
    found_name: str = ""
    """Suggested: the name that was made for it; a person's own is the topic's."""
    polished_name: str = ""
    """Suggested: what a language model made of that name, where one is asked."""
    size: int = 0
    """Suggested: how many messages it had when it was found."""
    tone: bool = False
    """Suggested: courtesy or feeling, whatever it is about."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic of a project."""

    project: str
    id: str
    kind: TopicKind
    definition: Definition
    created_at: datetime
    changed_at: datetime
    name: str = ""
    """Given by a person; empty where a suggested topic has the name that was found."""
    pinned: bool = False
    hidden: bool = False
    merged_into: str = ""
    """The topic that a person has made this one a part of."""
    dormant: bool = False
    """A suggested topic that nobody talks about any more; it comes back under its id."""
    revision: int = 1
    """Grows with each change of what matches."""

    @property
    def title(self) -> str:
        """What to call it."""
        return self.name or self.definition.polished_name or self.definition.found_name or "Unnamed"

    @property
    def kept(self) -> bool:
        """Whether a person defined it."""
        return self.kind is not TopicKind.SUGGESTED

    @property
    def is_small(self) -> bool:
        """Whether it is of so few users that nothing may be told of what they said."""
        return False

    @property
    def is_named(self) -> bool:
        """Whether it can be told from others by what it is called."""
        return bool(self.name) or not self.is_small


class SmallTopic(Topic, frozen=True, kw_only=True):
    """A suggested topic of few users: it has no words, and no name but a person's."""

    @property
    def title(self) -> str:
        """What to call it."""
        return self.name or say("A small topic")

    @property
    def is_small(self) -> bool:
        """That it is."""
        return True


class TopicEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a topic, for its history."""

    project: str
    at: datetime
    kind: str
    """appeared, vanished, split, merged, grown: what was found. renamed, joined and so on: what a
    person did. asked: that somebody wanted topics found anew.
    """
    topic: str
    others: tuple[str, ...] = ()
    """The topics that it came from, or went to."""
    by: str = ""
    """The member who did it; empty where it was found."""
    detail: str = ""
    """A new name, say."""


def hushed(topic: Topic) -> SmallTopic:
    """A suggested topic without the words of those who talk about it."""
    values = msgspec.structs.asdict(topic)
    defined = Definition(parent=topic.definition.parent, size=topic.definition.size)
    return SmallTopic(**{**values, "definition": defined})


def new_topic_id(source: random.Random) -> str:
    """A random id as the Context service had them: 21 letters and digits."""
    return "".join(source.choices(ALPHABET, k=TOPIC_ID_CHARS))


def checked_name(name: str) -> str:
    """A person's name for a topic, without blanks around it. Raises Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > TOPIC_NAME_CHARS_MAX or "\0" in name:
        most = f"{TOPIC_NAME_CHARS_MAX} (TOPIC_NAME_CHARS_MAX)"
        raise Invalid(say("name: 1 to %(most)s characters are expected", most=most), field="name")
    return name
