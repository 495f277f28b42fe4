"""The bare loop of benchmarks/ingest.py: FOLDER CONVERSATIONS CONVERSATIONS_PER_INSERT.

Makes Causerie's own tables in a fresh embedded engine and inserts the rows of that many
transcripts, with no server, inbox, masking or recognition in between. Prints messages a second.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ingest import TEXTS

from causerie.conversations import message_id
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, MESSAGES


def rows_of(number: int, at: datetime) -> tuple[list[object], list[list[object]]]:
    """The rows that one transcript becomes."""
    id = f"conversation-{number}"
    user = f"user-{number % 997}"
    metadata = {"user_id": user, "model": "gpt-4o-mini", "channel": "web"}
    row = ["p", at, "", id, at, user, "gpt-4o-mini", metadata, "", "log", TEXTS[0]]
    counts = [4, 2, 2, 0, 0, 0, 0, 1, 0]
    messages = [
        [
            "p",
            "",
            id,
            index,
            message_id(id, index),
            at,
            "message",
            ("user", "assistant")[index % 2],
            f"{text} ({number})",
            0,
            "",
            "",
            "",
            "",
            {},
            1,
            0,
        ]
        for index, text in enumerate(TEXTS)
    ]
    return [*row, *counts], messages


def main() -> None:
    """Insert, timed from the first row made to the last acknowledged."""
    folder, conversations, per_insert = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    events = EventStore(folder)
    events.open()
    begin = time.monotonic()
    for start in range(0, conversations, per_insert):
        now = datetime.now(UTC)
        some = [rows_of(n, now) for n in range(start, min(start + per_insert, conversations))]
        events.insert(CONVERSATIONS, [row for row, _ in some])
        events.insert(MESSAGES, [message for _, messages in some for message in messages])
    print(conversations * len(TEXTS) / (time.monotonic() - begin))
    events.close()


if __name__ == "__main__":
    main()
