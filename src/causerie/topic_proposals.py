"""From one sentence of a person's to a topic: which kind it would be, and its definition.

Messages with "refund" or “money back” are found by words, because they are quoted; of “people who
ask where their parcel is” the meaning is “where their parcel is?”.
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
ASKING = re.compile(
    r"^(?:ask(?:s|ing|ed)?|want(?:s|ing)? to know|wonder(?:s|ing)?)(?: about| for)?\s+"
    r"|^(?:demandent|veulent savoir|se demandent)\s+|^(?:preguntan(?: por)?|quieren saber)\s+"
    r"|^(?:用户|客户|人们)?(?:问|询问|想知道)",
    re.IGNORECASE,
)
SAYING = re.compile(
    r"^(?:say(?:s|ing)?|complain(?:s|ing)?|write(?:s)?)(?: that| about)?\s+"
    r"|^se plaignent (?:de |que )?|^disent (?:que )?|^se quejan (?:de |que |por )?|^dicen (?:que )?"
    r"|^(?:用户|客户|人们)?抱怨",
    re.IGNORECASE,
)
ENDS = " .,:;!?。，！？¿¡"


@dataclass(frozen=True)
class Proposal:
    """What a sentence may be meant for. All kinds are filled in; `kind` is the one proposed."""

    kind: TopicKind
    name: str
    words: tuple[str, ...]
    """What is quoted in it."""
    sentence: str
    example: str
    """What such a message may say: a model of meaning compares it with messages, and what is told
    of people lies farther from what they say than what they say themselves.
    """


def propose(sentence: str) -> Proposal:
    """A topic from a sentence: quoted words make one of words, anything else one of meaning."""
    sentence = " ".join(sentence.split())[:SENTENCE_CHARS_MAX]
    quoted = [next(filter(None, match.groups())).strip() for match in QUOTED.finditer(sentence)]
    words = tuple(dict.fromkeys(word for word in quoted if word))
    meant, asks = _meant(sentence)
    example = f"{meant}?" if asks else meant
    if words:
        return Proposal(TopicKind.KEYWORD, _cut(", ".join(words)), words, sentence, example)
    name = _cut(meant[:1].upper() + meant[1:])
    return Proposal(TopicKind.SEMANTIC, name, (), sentence, example)


def _meant(sentence: str) -> tuple[str, bool]:
    """What people say, without what introduces it, and whether they ask it."""
    rest = INTRODUCTION.sub("", sentence)
    asked = ASKING.sub("", rest)
    meant = (asked if asked != rest else SAYING.sub("", rest)).strip(ENDS)
    return meant or sentence.strip(ENDS) or sentence, asked != rest


def _cut(name: str) -> str:
    if len(name) <= NAME_CHARS:
        return name
    words = name[:NAME_CHARS].rsplit(" ", 1)[0]
    # Some languages have few spaces, or none.
    return (words if len(words) > NAME_CHARS / 2 else name[:NAME_CHARS])[:TOPIC_NAME_CHARS_MAX]
