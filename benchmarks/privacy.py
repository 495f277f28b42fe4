"""How well and how fast the personal-data filter works: prints the tables of docs/privacy.md.

    python benchmarks/privacy.py            the tables
    python benchmarks/privacy.py --show 20  and what it found in the conversations, to judge by eye

Reads `labelled/pii` and `conversations` below CAUSERIE_SHARED_DATA, or below ../shared/data beside
the repository. A span counts as found when at least half of it is masked as its kind.
"""

import argparse
import gzip
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from causerie.privacy import ALL_KINDS, PersonalDataFilter, Span

LABELS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip",
    "US_SSN": "ssn",
}
SHORT_CHARS_MAX = 200
ROUNDS = 5
ADVERSE_CHARS = 250_000
ADVERSE = {
    "digits": "7",
    "at signs": "@",
    "a@": "a@",
    "a.": "a.",
    "hex and colons": "a1b2:",
    "card groups": "4111 ",
    "phone numbers": "061234567 ",
    "dots and digits": "1.",
    "blanks": " ",
    "backslashes": "\\",
    "account heads": "GB82 ",
    "key heads": "sk-",
}


class Row(NamedTuple):
    """A labelled text: spans are (start, end, kind)."""

    text: str
    spans: list[tuple[int, int, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--show", type=int, default=0, metavar="N", help="hits to print per kind")
    arguments = parser.parse_args()
    data = shared_data()
    console = Console()
    mask = PersonalDataFilter()
    rows = list(labelled(data / "labelled" / "pii" / "presidio-synthetic.jsonl"))
    corpora = {
        name: list(messages(data / "conversations" / f"{name}.jsonl.gz"))
        for name in ("corpus-open", "corpus-llm")
    }
    console.print(quality(mask, rows))
    console.print(hits(mask, corpora))
    console.print(speed(mask, corpora, [row.text for row in rows]))
    console.print(growth(mask))
    if arguments.show:
        show(mask, corpora, arguments.show)


def shared_data() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("CAUSERIE_SHARED_DATA", default))
    if not path.is_dir():
        raise SystemExit(f"no data at {path}: set CAUSERIE_SHARED_DATA")
    return path


def labelled(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield Row(row["text"], [(s, e, LABELS.get(kind, kind)) for s, e, kind in row["spans"]])


def messages(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            for message in json.loads(line)["messages"]:
                yield message["content"]


def quality(mask: PersonalDataFilter, rows: Iterable[Row]) -> Table:
    """Recall and precision per kind on the labelled sentences."""
    wanted, met, given, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        found = mask.find(row.text)
        for start, end, kind in row.spans:
            wanted[kind] += 1
            met[kind] += any(covers(span, start, end) for span in found if span.kind == kind)
        for span in found:
            given[span.kind] += 1
            right[span.kind] += any(
                covers(span, start, end) for start, end, kind in row.spans if kind == span.kind
            )
    table = Table("kind", "spans", "recall", "precision", title="labelled sentences")
    for kind in LABELS.values():
        table.add_row(
            kind, str(wanted[kind]), ratio(met[kind], wanted[kind]), ratio(right[kind], given[kind])
        )
    return table


def covers(span: Span, start: int, end: int) -> bool:
    return min(span.end, end) - max(span.start, start) >= (end - start) / 2


def ratio(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"


def hits(mask: PersonalDataFilter, corpora: dict[str, list[str]]) -> Table:
    """In how many messages of real conversations each kind is found, rightly or not."""
    table = Table("corpus", "messages", *ALL_KINDS, title="messages with a hit")
    for name, texts in corpora.items():
        counts = Counter(kind for text in texts for kind in {s.kind for s in mask.find(text)})
        table.add_row(name, str(len(texts)), *(str(counts[kind]) for kind in ALL_KINDS))
    return table


def speed(mask: PersonalDataFilter, corpora: dict[str, list[str]], dense: list[str]) -> Table:
    """Messages masked per second on one core, the best of several rounds."""
    chat = corpora["corpus-open"]
    plain = [text for text in corpora["corpus-llm"] if text.isascii() and not has_digit(text)]
    sets = {
        "chat messages": chat,
        f"of them under {SHORT_CHARS_MAX} characters": [
            t for t in chat if len(t) < SHORT_CHARS_MAX
        ],
        "conversations with a language model": corpora["corpus-llm"],
        "of them in English without a digit": plain,
        "labelled sentences, dense": dense,
    }
    columns = ("texts", "mean characters", "messages/s", "microseconds per 100 characters")
    table = Table(*columns, title="speed")
    for name, texts in sets.items():
        seconds = best(mask, texts)
        characters = sum(map(len, texts))
        table.add_row(
            name,
            f"{characters / len(texts):.0f}",
            f"{len(texts) / seconds:,.0f}",
            f"{seconds / characters * 1e8:.2f}",
        )
    return table


def has_digit(text: str) -> bool:
    return any(sign.isdigit() for sign in text)


def growth(mask: PersonalDataFilter) -> Table:
    """Time on hostile texts of n and 4n characters; linear work takes four times as long."""
    table = Table("text", "seconds for 1 MB", "4n / n", title="hostile texts")
    for name, piece in ADVERSE.items():
        text = piece * (ADVERSE_CHARS // len(piece))
        small, large = best(mask, [text]), best(mask, [text * 4])
        table.add_row(name, f"{large:.3f}", f"{large / small:.1f}")
    return table


def best(mask: PersonalDataFilter, texts: list[str]) -> float:
    return min(timed(mask.mask, texts) for _ in range(ROUNDS))


def timed(call: Callable[[str], object], texts: list[str]) -> float:
    start = time.perf_counter()
    for text in texts:
        call(text)
    return time.perf_counter() - start


def show(mask: PersonalDataFilter, corpora: dict[str, list[str]], count: int) -> None:
    """What was found, with its surroundings."""
    shown = Counter[str]()
    for texts in corpora.values():
        for text in texts:
            for kind, start, end in mask.find(text):
                shown[kind] += 1
                if shown[kind] <= count:
                    around = text[max(0, start - 40) : start], text[start:end], text[end : end + 20]
                    print(kind, *map(repr, around))


if __name__ == "__main__":
    main()
