"""A scan: what the personal-data filter would mask in texts that are there, and changes nothing.

It is meant to be shown: a sample has the words around with everything masked, and of the value no
more than its first sign and its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from causerie.names import people
from causerie.privacy import PersonalDataFilter, Span

SAMPLES_MAX = 3
AROUND_CHARS = 30


@dataclass(frozen=True)
class Sample:
    """One hit that gives nothing away."""

    before: str
    shown: str
    """Such as `a… (15 characters)`."""
    after: str


@dataclass
class Finding:
    """What was found of one kind."""

    kind: str
    hits: int = 0
    messages: int = 0
    conversations: int = 0
    samples: list[Sample] = field(default_factory=list)


@dataclass
class Scan:
    """What was found in all texts that it was given so far."""

    personal_data: PersonalDataFilter
    conversations: int = 0
    messages: int = 0
    _found: dict[str, Finding] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """By kind, the most frequent first."""
        return sorted(self._found.values(), key=lambda one: (-one.hits, one.kind))

    def read(self, texts: Iterator[list[str]], metadata: Mapping[str, str]) -> None:
        """Take in one conversation: the texts of each of its messages."""
        who = people(metadata) if self.personal_data.masks_names else None
        self.conversations += 1
        kinds: set[str] = set()
        for message in texts:
            self.messages += 1
            kinds |= self._read_message(message, who)
        for kind in kinds:
            self._found[kind].conversations += 1

    def _read_message(self, texts: list[str], who: re.Pattern[str] | None) -> set[str]:
        kinds: set[str] = set()
        for text in texts:
            for span in self.personal_data.find(text, who):
                kinds.add(span.kind)
                finding = self._found.setdefault(span.kind, Finding(span.kind))
                finding.hits += 1
                if len(finding.samples) < SAMPLES_MAX:
                    finding.samples.append(self._sample(text, span, who))
        for kind in kinds:
            self._found[kind].messages += 1
        return kinds

    def _sample(self, text: str, span: Span, who: re.Pattern[str] | None) -> Sample:
        # Masked before it is cut: half an address would no longer look like one.
        before = self.personal_data.mask(text[: span.start], who).text[-AROUND_CHARS:]
        after = self.personal_data.mask(text[span.end :], who).text[:AROUND_CHARS]
        length = span.end - span.start
        shown = f"{text[span.start]}… ({length} character{'' if length == 1 else 's'})"
        return Sample(" ".join(before.split()), shown, " ".join(after.split()))


def leaves(value: Any, key: str = "") -> Iterator[str]:
    """Every text and number in a JSON value, each after its key, as the filter reads them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    elif value is not None and not isinstance(value, bool):
        named = key and key not in ("text", "message", "content")
        yield f"{key}: {value}" if named else str(value)
