"""From one sentence of a person's to a topic: which kind it would be, and its definition.

messages with "refund" or “money back”      words, because they are quoted
People who ask where their parcel is        meaning, with the sentence as its example
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from causerie.topics import TOPIC_NAME_CHARS_MAX, TopicKind

SENTENCE_CHARS_MAX = 500
NAME_CHARS = 48
"""A name that is made of a sentence is about so long."""
QUOTED = re.compile(
    r'"([^"\n]+)"|[“„]([^“”„"\n]+)[”“"]|«\s*([^«»\n]+?)\s*»|‹\s*([^‹›\n]+?)\s*›'
    r"|「([^「」\n]+)」|『([^『』\n]+)』|《([^《》\n]+)》"
    # An apostrophe in a word quotes nothing.
    r"|(?<!\w)['‘]([^'‘’\n]+)['’](?!\w)"
)
# What only introduces what is meant, in the languages of the pages.
INTRODUCTION = re.compile(
    r"^(?:(?:all |any )?(?:messages|conversations|people|users|customers|questions)"
    r"(?: (?:about|where|that|who|with|which|of|asking|people|users))*"
    r"|(?:when|if) (?:somebody|someone|people|users|customers|a user|a customer)"
    r"|(?:les )?(?:messages|conversations|gens|utilisateurs|clients)"
    r"(?: (?:sur|où|qui|de|à propos de))*"
    r"|(?:los |las )?(?:mensajes|conversaciones|personas|usuarios|clientes)"
    r"(?: (?:sobre|donde|que|con|de))*)\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Proposal:
    """What a sentence may be meant for. All kinds are filled in; `kind` is the one proposed."""

    kind: TopicKind
    name: str
    words: tuple[str, ...]
    """What is quoted in it."""
    sentence: str


def propose(sentence: str) -> Proposal:
    """A topic from a sentence: quoted words make one of words, anything else one of meaning."""
    sentence = " ".join(sentence.split())[:SENTENCE_CHARS_MAX]
    quoted = [next(filter(None, match.groups())).strip() for match in QUOTED.finditer(sentence)]
    words = tuple(dict.fromkeys(word for word in quoted if word))
    if words:
        return Proposal(TopicKind.KEYWORD, _cut(", ".join(words)), words, sentence)
    return Proposal(TopicKind.SEMANTIC, _named(sentence), (), sentence)


def _named(sentence: str) -> str:
    """The beginning of what is meant, without what introduces it."""
    meant = INTRODUCTION.sub("", sentence).strip(" .,:;!?。，！？¿¡") or sentence
    return _cut(meant[:1].upper() + meant[1:])


def _cut(name: str) -> str:
    if len(name) <= NAME_CHARS:
        return name
    words = name[:NAME_CHARS].rsplit(" ", 1)[0]
    # Some languages have few spaces, or none.
    return (words if len(words) > NAME_CHARS / 2 else name[:NAME_CHARS])[:TOPIC_NAME_CHARS_MAX]
