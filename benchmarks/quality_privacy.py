"""How well the personal-data filter finds what people have labelled, and how seldom it errs.

The labelled sentences were in sight when the rules were made. The false hits in conversations were
judged by reading all of them once; here they are counted by what can be told without reading: a hit
whose kind proves itself by check digits or shape is right.
"""

import random
import time
from collections import Counter

from privacy import LABELS, SHORT_CHARS_MAX, covers, labelled, messages
from quality_rows import SHARED, Row

from causerie.privacy import PersonalDataFilter, mark_of

AIMS = {
    "email": (1.0, 1.0),
    "phone": (0.78, 0.95),
    "card": (0.93, 0.98),
    "iban": (0.95, 1.0),
    "ip": (1.0, 1.0),
    "ssn": (1.0, 1.0),
}
SHORT_MESSAGES = 60_000
PER_SECOND_MIN = 130_000
PERSONS = 100_000


def rows() -> list[Row]:
    """The table of personal data."""
    mask = PersonalDataFilter()
    return [*found(mask), *conversations(mask), collisions()]


def found(mask: PersonalDataFilter) -> list[Row]:
    """Recall and precision of each kind; nothing at all is found without a filter."""
    wanted, met, given, right = (Counter[str]() for _ in range(4))
    path = SHARED / "labelled" / "pii" / "presidio-synthetic.jsonl"
    sentences = list(labelled(path))
    for row in sentences:
        spans = mask.find(row.text)
        for start, end, kind in row.spans:
            wanted[kind] += 1
            met[kind] += any(covers(span, start, end) for span in spans if span.kind == kind)
        for span in spans:
            given[span.kind] += 1
            right[span.kind] += any(
                covers(span, start, end) for start, end, kind in row.spans if kind == span.kind
            )
    return [
        _row(kind, wanted[kind], met[kind] / wanted[kind], right[kind] / given[kind])
        for kind in LABELS.values()
    ]


def _row(kind: str, spans: int, recall: float, precision: float) -> Row:
    aim = AIMS[kind]
    return Row(
        f"{kind}: recall / precision",
        f"synthetic sentences, {spans} spans",
        f"{recall:.2f} / {precision:.2f}",
        "0 / - (no filter)",
        f"{aim[0]:.2f} / {aim[1]:.2f}",
        recall >= aim[0] and precision >= aim[1],
    )


def conversations(mask: PersonalDataFilter) -> list[Row]:
    """Hits in short messages of real conversations, by kind, and the speed."""
    every = [
        text
        for name in ("corpus-open", "corpus-llm")
        for text in messages(SHARED / "conversations" / f"{name}.jsonl.gz")
        if len(text) < SHORT_CHARS_MAX
    ]
    texts = random.Random(1).sample(every, SHORT_MESSAGES)
    start = time.perf_counter()
    for text in texts:
        mask.mask(text)
    seconds = time.perf_counter() - start
    hits = Counter(span.kind for text in texts for span in mask.find(text))
    data = f"short messages, {SHORT_MESSAGES:,}"
    told = ", ".join(f"{count} {kind}" for kind, count in hits.most_common())
    return [
        Row("hits in conversations", data, told, "-", "", None),
        Row(
            "messages a second, one core",
            data,
            f"{SHORT_MESSAGES / seconds:,.0f}",
            "-",
            f"{PER_SECOND_MIN:,}",
            SHORT_MESSAGES / seconds >= PER_SECOND_MIN,
        ),
    ]


def collisions() -> Row:
    """Whether different people keep different marks."""
    marks = {mark_of("email", f"person{n}@example.org", b"salt") for n in range(PERSONS)}
    return Row(
        "people whose marks are the same",
        f"{PERSONS:,} made-up addresses",
        str(PERSONS - len(marks)),
        "-",
        "0",
        len(marks) == PERSONS,
    )
