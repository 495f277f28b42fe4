"""Files of other programs: each shape is read, and what cannot be read is told and passed over."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from causerie import imports
from causerie.conversations import MESSAGES_MAX, Conversation, Kind, message_id
from causerie.imports import Malformed, read, size

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
SHARED = Path(
    os.environ.get("CAUSERIE_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)  # fmt: skip
needs_shared_data = pytest.mark.skipif(
    not (SHARED / "conversations").is_dir(),
    reason="set CAUSERIE_SHARED_DATA to the folder with the shared conversations",
)


def conversation(value: Any, tmp_path: Path) -> Conversation:
    found = list(read(lines(tmp_path, value), NOW))
    assert len(found) == 1
    assert isinstance(found[0], Conversation), found[0]
    return found[0]


def complaint(line: bytes | Any, tmp_path: Path) -> str:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(line if isinstance(line, bytes) else json.dumps(line).encode())
    found = list(read(path, NOW))
    assert len(found) == 1
    assert isinstance(found[0], Malformed), found[0]
    return found[0].reason


def lines(folder: Path, *values: Any, name: str = "file.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def chat(*contents: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    said = [{"role": roles[n % 2], "content": text} for n, text in enumerate(contents)]
    return {"messages": said, **more}


def read_bytes(content: bytes, folder: Path) -> list[Conversation | Malformed]:
    path = folder / "file"
    path.write_bytes(content)
    return list(read(path, NOW))


# ---- shapes ------------------------------------------------------------------------------------


def test_the_log_conversation_shape_keeps_every_kind_of_item(tmp_path: Path) -> None:
    found = conversation(
        {
            "conversation": {
                "messages": [
                    {"role": "user", "message": "Pay", "event_timestamp": "2025-01-02T03:04:05Z"},
                    {"type": "tool", "name": "pay", "thought": "hm", "input": {"sum": 3},
                     "observation": "paid"},
                    {"type": "event", "name": "Checkout", "metadata": {"plan": "plus", "n": 7}},
                    {"role": "assistant", "message": "Done", "rating": -1},
                ],
                "metadata": {"user_id": "ada", "model": "m", "beta": True, "none": None},
                "feedback": "too slow",
            },
            "tenant_id": "acme",
        },
        tmp_path,
    )  # fmt: skip
    assert found.source == "import:context"
    assert (found.tenant, found.feedback, found.user) == ("acme", "too slow", "ada")
    assert found.metadata == {"user_id": "ada", "model": "m", "beta": "True"}
    user, tool, event, assistant = found.messages
    assert (user.role, user.text) == ("user", "Pay")
    assert (tool.kind, tool.name, tool.thought, tool.observation) == (
        Kind.TOOL, "pay", "hm", "paid",
    )  # fmt: skip
    assert json.loads(tool.input) == {"sum": 3}
    assert (event.kind, event.name, event.metadata) == (
        Kind.EVENT, "Checkout", {"plan": "plus", "n": "7"},
    )  # fmt: skip
    assert (assistant.text, assistant.rating) == ("Done", -1)
    assert {item.at for item in found.messages} == {datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)}


def test_a_bare_conversation_is_read_with_its_id_and_tenant(tmp_path: Path) -> None:
    bare = {"id": "t1", "tenant_id": "acme", "messages": [{"role": "user", "message": "Hi"}]}
    found = conversation(bare, tmp_path)
    assert (found.id, found.tenant, found.source) == ("t1", "acme", "import:context")
    assert [(item.id, item.position) for item in found.messages] == [(message_id("t1", 0), 0)]


def test_a_corpus_line_keeps_user_model_language_and_source(tmp_path: Path) -> None:
    found = conversation(
        {
            "id": "c-1", "user_id": "u", "started_at": "2024-01-01T00:00:00Z", "model": "m",
            "language": "fr", "source": "somewhere", "feedback": "bien",
            "messages": [
                {"role": "user", "content": "Salut"},
                {"role": "user", "content": "Ça va ?", "created_at": "2024-01-01T00:05:00Z"},
            ],
        },
        tmp_path,
    )  # fmt: skip
    assert (found.id, found.source, found.feedback) == ("c-1", "import:corpus", "bien")
    assert found.metadata == {
        "user_id": "u", "model": "m", "language": "fr", "source": "somewhere",
    }  # fmt: skip
    assert [item.at.minute for item in found.messages] == [0, 5]
    assert [item.role for item in found.messages] == ["user", "user"]


def test_sharegpt_is_read_as_array_and_as_lines(tmp_path: Path) -> None:
    talk = {
        "id": "s1",
        "conversations": [
            {"from": "system", "value": "Be kind"},
            {"from": "human", "value": "Weather?"},
            {"from": "function_call", "value": '{"name": "weather"}'},
            {"from": "observation", "value": "sun"},
            {"from": "gpt", "value": "Sunny"},
        ],
    }
    array = tmp_path / "array.json"
    array.write_text(json.dumps([talk, talk], indent=2))
    [first, second] = list(read(array, NOW))
    assert first == second == conversation(talk, tmp_path)
    assert isinstance(first, Conversation)
    assert first.source == "import:sharegpt"
    said = [item.role for item in first.messages if item.kind is Kind.MESSAGE]
    assert said == ["system", "user", "assistant"]
    assert first.messages[2].input == '{"name": "weather"}'
    assert first.messages[3].observation == "sun"


def test_a_tool_call_and_its_answer_are_one_tool_item(tmp_path: Path) -> None:
    call = {"id": "c7", "type": "function",
            "function": {"name": "rate", "arguments": '{"to": "JPY"}'}}  # fmt: skip
    found = conversation(
        {
            "messages": [
                {"role": "developer", "content": "Short."},
                {"role": "user", "content": "Yen?"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c7", "content": "171"},
                {"role": "tool", "tool_call_id": "stray", "content": "lost"},
                {"role": "assistant", "content": "171 yen."},
            ]
        },
        tmp_path,
    )
    assert found.source == "import:openai"
    kinds = [item.kind for item in found.messages]
    assert kinds == [Kind.MESSAGE, Kind.MESSAGE, Kind.TOOL, Kind.TOOL, Kind.MESSAGE]
    assert found.messages[0].role == "system"
    tool, stray = found.messages[2:4]
    assert (tool.name, tool.input, tool.observation) == ("rate", '{"to": "JPY"}', "171")
    assert stray.observation == "lost"


def test_content_parts_become_readable_text(tmp_path: Path) -> None:
    parts = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA"}},
        {"type": "file", "file": {"filename": "bill.pdf"}},
    ]
    found = conversation({"messages": [{"role": "user", "content": parts}]}, tmp_path)
    assert found.messages[0].text == (
        "Look:\n\n[image: https://example.com/cat.png]\n\n[image]\n\n[audio]\n\n[file: bill.pdf]"
    )


def test_a_request_and_its_response_are_one_conversation(tmp_path: Path) -> None:
    answer = {"role": "assistant", "content": "Hi!"}
    found = conversation(
        {
            "recorded_at": "Thu, 07 Mar 2024 13:45:54 GMT",
            "request": {"messages": [{"role": "user", "content": "Hello"}], "user": "u",
                        "model": "m"},
            "response": {"id": "r1", "created": 1709819153, "model": "m-2",
                         "choices": [{"message": answer}]},
        },
        tmp_path,
    )  # fmt: skip
    assert (found.id, found.model, found.user) == ("r1", "m-2", "u")
    assert [item.text for item in found.messages] == ["Hello", "Hi!"]
    assert found.messages[0].at == datetime(2024, 3, 7, 13, 45, 53, tzinfo=UTC)


def test_a_request_that_failed_keeps_its_question(tmp_path: Path) -> None:
    asked = {"messages": [{"role": "user", "content": "Hello"}]}
    when = "Thu, 07 Mar 2024 13:45:54 GMT"
    found = conversation({"request": asked, "response": None, "recorded_at": when}, tmp_path)
    assert found.messages[0].at == datetime(2024, 3, 7, 13, 45, 54, tzinfo=UTC)


def test_of_a_tree_the_path_that_people_ranked_best_is_kept(tmp_path: Path) -> None:
    def node(text: str, role: str, *replies: Any, **more: Any) -> dict[str, Any]:
        return {"text": text, "role": role, "replies": replies, **more}

    good = node("good", "assistant", node("more", "prompter"), rank=0)
    tree = node("ask", "prompter", node("bad", "assistant", rank=1), good,
                node("gone", "assistant", rank=-1, deleted=True), lang="en")  # fmt: skip
    found = conversation({"message_tree_id": "o1", "prompt": tree}, tmp_path)
    assert [(item.role, item.text) for item in found.messages] == [
        ("user", "ask"), ("assistant", "good"), ("user", "more"),
    ]  # fmt: skip
    assert (found.id, found.source, found.metadata) == ("o1", "import:oasst", {"language": "en"})


def test_wildchat_is_read_with_and_without_answers(tmp_path: Path) -> None:
    said = chat("Hi", "Hello")["messages"]
    whole = conversation(
        {"conversation_id": "w", "conversation": said, "timestamp": "2024-05-01 10:00:00"}, tmp_path
    )
    assert (whole.id, len(whole.messages), whole.messages[1].at.hour) == ("w", 2, 10)
    asked = conversation({"id": "p", "cat": "Coding", "instruction": "Why?"}, tmp_path)
    assert (asked.messages[0].role, asked.metadata) == ("user", {"category": "Coding"})
    assert asked.source == whole.source == "import:wildchat"


# ---- ratings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratings", "thumbs"),
    [
        ([-1, 0, 1], [-1, 0, 1]),
        ([1], [1]),
        ([1, 2, 3, 4, 5], [-1, -1, 0, 1, 1]),
    ],
)
def test_ratings_of_messages_become_thumbs(
    ratings: list[int], thumbs: list[int], tmp_path: Path
) -> None:
    said = [{"role": "assistant", "content": "x", "rating": rating} for rating in ratings]
    found = conversation({"messages": said}, tmp_path)
    assert [item.rating for item in found.messages] == thumbs


@pytest.mark.parametrize(
    ("scores", "thumb"),
    [
        ({"scale": [1, 5], "rating": 2}, -1),
        ({"scale": [1, 5], "rating": 3}, 0),
        ({"scale": [1, 5], "rating": 1}, -1),
        ({"scale": [1, 10], "rating": 7}, 1),
        ({"scale": [1, 10], "rating": 5}, 0),
        ({"scale": [1, 10], "witty": 9}, 0),
        ({"rating": 5}, 1),
    ],
)
def test_scores_of_a_whole_conversation_are_an_event_and_no_message_s_thumb(
    scores: dict[str, Any], thumb: int, tmp_path: Path
) -> None:
    found = conversation(chat("Hi", "Hello", feedback={"by": "user", **scores}), tmp_path)
    *said, event = found.messages
    assert [item.rating for item in said] == [0, 0]
    assert (event.kind, event.name, event.rating) == (Kind.EVENT, "rated", thumb)
    kept = {key: str(value) for key, value in scores.items() if key != "scale"}
    assert kept.items() <= event.metadata.items()
    assert found.feedback == ""


# ---- identity and time -------------------------------------------------------------------------


def test_a_repeated_import_changes_nothing(tmp_path: Path) -> None:
    values = [chat("Hi", "Hello"), chat("Hi", "Hello", id="own"), chat("Ho", "Hello")]
    first = list(read(lines(tmp_path, *values), NOW))
    assert first == list(read(lines(tmp_path, *values), NOW))
    ids = [found.id for found in first if isinstance(found, Conversation)]
    assert len(set(ids)) == 3
    assert ids[1] == "own"


def test_an_id_made_from_content_does_not_depend_on_spacing_or_compression(tmp_path: Path) -> None:
    value = chat("Hé", "Hello", user_id="u")
    turned = dict(reversed(value.items()))
    spaced = json.dumps(turned, indent=1, ensure_ascii=False).encode()
    packed = gzip.compress(json.dumps(value).encode())
    [plain] = read(lines(tmp_path, value), NOW)
    assert read_bytes(spaced, tmp_path) == [plain]
    assert read_bytes(packed, tmp_path) == [plain]


def test_what_has_no_time_gets_the_time_given(tmp_path: Path) -> None:
    assert {item.at for item in conversation(chat("Hi", "Ho"), tmp_path).messages} == {NOW}


def test_messages_out_of_time_order_keep_their_order_and_times(tmp_path: Path) -> None:
    value = chat("a", "b", "c")
    for said, second in zip(value["messages"], (5, 3, 4), strict=True):
        said["created_at"] = f"2025-01-01T00:00:0{second}Z"
    found = conversation(value, tmp_path)
    assert [(item.text, item.at.second) for item in found.messages] == [
        ("a", 5), ("b", 3), ("c", 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "stamp",
    [
        "2025-01-02T03:04:05Z",
        "2025-01-02 03:04:05",
        "2025-01-02T04:04:05.000+01:00",
        "Thu, 02 Jan 2025 03:04:05 GMT",
        1735787045,
        1735787045000,
    ],
)
def test_times_are_read_as_programs_write_them(stamp: str | int, tmp_path: Path) -> None:
    found = conversation(chat("Hi", started_at=stamp), tmp_path)
    assert found.messages[0].at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_conversation_of_any_length_stays_whole(tmp_path: Path) -> None:
    found = conversation(chat(*map(str, range(MESSAGES_MAX + 7))), tmp_path)
    assert len(found.messages) == MESSAGES_MAX + 7


def test_a_conversation_that_nobody_answered_is_read(tmp_path: Path) -> None:
    assert len(conversation(chat("Anyone?"), tmp_path).messages) == 1


def test_metadata_over_the_limits_is_cut_and_nothing_refused(tmp_path: Path) -> None:
    many = {f"key{n}": "v" * 99 for n in range(30)}
    found = conversation(chat("Hi", metadata=many, user_id="u", model="m"), tmp_path)
    assert (found.user, found.model, len(found.metadata)) == ("u", "m", 20)
    assert found.metadata["key0"] == "v" * 40


# ---- what cannot be read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"messages": [', "line: bad JSON"),
        (b'{"a": "\xff"}', "line: invalid UTF-8"),
        (b'{"a": "\0"}', "line: bad JSON"),
        (b'{"a": ' + b"[" * 9999 + b"]" * 9999 + b"}", "line: bad JSON: nested too deeply"),
        (b'{"messages": [{"role": "user", "content": "a\\u0000b"}]}',
         "messages[0].content: holds a NUL character"),
        (b'{"n": ' + b"9" * 5000 + b"}", "line: bad JSON"),
        (b'"hello"', "no known shape"),
        ({"text": "hello"}, "no known shape"),
        ({"messages": []}, "messages: nobody says anything"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages: nobody says anything"),
        ({"conversations": []}, "conversations: nobody says anything"),
        ({"conversation": {"messages": []}}, "conversation: nobody says anything"),
        ({"messages": "hello"}, "messages: expected array, got str"),
        ({"messages": [{"role": "user", "content": 5}]},
         "messages[0].content: expected str | array | null, got int"),
        ({"messages": [{"content": "x"}]}, "messages[0].role: missing"),
        ({"conversations": [{"from": "human"}]}, "conversations[0].value: missing"),
        ({"conversation": {"messages": [{"message": "x"}]}},
         "conversation.messages[0].role: missing"),
        ({"conversation": {"messages": [{"role": "user", "message": "x", "rating": 7}]}},
         "conversation.messages[0].rating: 7 is not between -1 and 1"),
        ({"conversation": {"messages": [{"type": "other", "role": "user"}]}},
         "conversation.messages[0].type: invalid enum value 'other'"),
        (chat("x", started_at="9999-12-31T23:59:59Z"), "started_at: the time '9999-12-31T23:5"),
        (chat("x", started_at="0001-01-01T00:00:00+14:00"), "started_at: the time '0001"),
        (chat("x", started_at=1e300), "started_at: the time '1e+300' cannot be understood"),
        (chat("x", started_at="soon"), "started_at: the time 'soon' cannot be understood"),
        ({"messages": [{"role": "user", "content": "x", "created_at": "2099-01-01T00:00:00Z"}]},
         "messages[0].created_at: the time '2099-01-01T00:00:00Z' is impossible"),
        (chat("x", tenant_id="t" * 41), "tenant_id: longer than 40 characters"),
        (chat("x", id="i" * 201), "id: longer than 200 characters"),
        (chat("x", metadata={"deep": {"er": 1}}), "metadata.deep: expected text"),
        ({"messages": [{"role": "r" * 41, "content": "x"}]},
         "messages[0].role: longer than 40 characters"),
        (chat("x" * (4 * 1024 * 1024 + 1)), "messages[0]: longer than 4194304 bytes"),
    ],
)  # fmt: skip
def test_the_reason_names_the_field(line: bytes | Any, reason: str, tmp_path: Path) -> None:
    assert complaint(line, tmp_path).startswith(reason)


def test_a_bad_line_is_told_by_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    good = json.dumps(chat("Hi")).encode()
    found = read_bytes(b"\n".join([good, b"{oops", b"", good, b"\xff\xfe", good]), tmp_path)
    assert [bad.line for bad in found if isinstance(bad, Malformed)] == [2, 5]
    assert sum(isinstance(item, Conversation) for item in found) == 3


def test_a_bad_item_of_an_array_is_told_by_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    good = json.dumps(chat('Hi "there" [, {'))
    found = read_bytes(f"\ufeff[{good}, 7, {{oops}}, {good}]".encode(), tmp_path)
    assert [bad.line for bad in found if isinstance(bad, Malformed)] == [2, 3]
    assert sum(isinstance(item, Conversation) for item in found) == 2


def test_an_array_without_an_end_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    good = json.dumps(chat("Hi"))
    first, bad = read_bytes(f"[{good}, {good[:-3]}".encode(), tmp_path)
    assert isinstance(first, Conversation)
    assert bad == Malformed(
        str(tmp_path / "file"), 2, "file: the array does not end as it should"
    )  # fmt: skip


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 64])
def test_an_array_is_cut_alike_wherever_its_chunks_end(
    chunk_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [chat('a "\\" b', "[", id="1"), chat("},{", "\\", id="2"), chat("é漢", id="3")]
    whole = list(read(lines(tmp_path, *values), NOW))
    monkeypatch.setattr(imports, "CHUNK_BYTES", chunk_bytes)
    assert read_bytes(json.dumps(values, indent=1).encode(), tmp_path) == whole


def test_a_gzip_file_that_is_cut_short_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    many = b"".join(json.dumps(chat(os.urandom(99).hex())).encode() + b"\n" for _ in range(3000))
    *good, bad = read_bytes(gzip.compress(many)[:-9000], tmp_path)
    assert good
    assert all(isinstance(item, Conversation) for item in good)
    assert isinstance(bad, Malformed)
    assert bad.line == len(good) + 1
    assert bad.reason == "file: the gzip data ends too early"


def test_a_damaged_gzip_file_says_so(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(json.dumps(chat("Hi")).encode()))
    packed[-8] ^= 255
    assert any(
        isinstance(item, Malformed) and item.reason == "file: the gzip data is damaged"
        for item in read_bytes(bytes(packed), tmp_path)
    )


def test_a_line_over_the_limit_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LINE_BYTES_MAX", 1000)
    monkeypatch.setattr(imports, "CHUNK_BYTES", 100)
    long = chat("x" * 5000)
    for order in ([chat("a"), long, chat("b")], [long, chat("a"), chat("b")]):
        found = list(read(lines(tmp_path, *order), NOW))
        assert [type(item) for item in found].count(Conversation) == 2
        [bad] = [item for item in found if isinstance(item, Malformed)]
        assert (bad.line, bad.reason) == (order.index(long) + 1, "line: longer than 1000 bytes")


def test_an_item_over_the_limit_ends_the_reading_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LINE_BYTES_MAX", 1000)
    monkeypatch.setattr(imports, "CHUNK_BYTES", 100)
    values = [chat("a"), chat("x" * 5000), chat("b")]
    first, bad = read_bytes(json.dumps(values).encode(), tmp_path)
    assert isinstance(first, Conversation)
    assert isinstance(bad, Malformed)
    assert (bad.line, bad.reason[:10]) == (2, "item: long")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    array = ", ".join(json.dumps(chat("x" * 10_000)) for _ in range(1000))
    for content in (array.replace("}, {", "}\n{"), f"[{array}]"):
        path = tmp_path / "long"
        path.write_text(content)
        tracemalloc.start()
        count = sum(isinstance(item, Conversation) for item in read(path, NOW))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == 1000
        assert peak < size(path) * 0.6


def test_the_position_goes_from_nothing_to_the_size_of_the_file(tmp_path: Path) -> None:
    path = lines(tmp_path, *(chat("x" * 1000) for _ in range(500)))
    reading = read(path, NOW)
    positions = [reading.position]
    positions += [reading.position for _ in reading]
    assert positions == sorted(positions)
    assert positions[0] == 0
    assert reading.position == reading.size == size(path)


def test_an_empty_file_has_nothing_in_it(tmp_path: Path) -> None:
    assert read_bytes(b"", tmp_path) == []


def test_a_missing_file_is_the_caller_s_to_tell(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nowhere", NOW)


UNHURRIED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, database=None
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["messages", "conversation", "conversations", "request", "response", "prompt", "instruction",
     "role", "content", "from", "value", "message", "type", "rating", "created_at", "started_at",
     "feedback", "metadata", "id", "tool_calls", "function", "replies", "text", "scale"]
)  # fmt: skip
NEAR = st.recursive(
    JSON | st.sampled_from(["user", "assistant", "tool", "event"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@UNHURRIED
@given(NEAR)
@example({"messages": [{"role": "user", "content": "\ud800"}]})
@example({"messages": [{"role": "user", "content": "x"}], "metadata": {"n": 10**4200}})
@example({"messages": [{"role": "user", "content": "x"}], "started_at": "Thu"})
@example({"messages": [{"role": "user", "content": "x"}], "started_at": 10**400})
def test_whatever_a_line_holds_the_next_one_is_read(tmp_path: Path, value: Any) -> None:
    first, _, last = read(lines(tmp_path, chat("Hi"), value, chat("Ho")), NOW)
    assert isinstance(first, Conversation)
    assert isinstance(last, Conversation)


@UNHURRIED
@given(st.binary(max_size=200), st.sampled_from([b"", b"[", b"\x1f\x8b", b"{\n"]))
def test_no_bytes_break_the_reading(tmp_path: Path, content: bytes, opening: bytes) -> None:
    for item in read_bytes(opening + content, tmp_path):
        assert isinstance(item, Malformed)


# ---- real files --------------------------------------------------------------------------------


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "conversations", "messages", "malformed"),
    [
        ("corpus-open.jsonl.gz", 8632, 262_898, 0),
        ("corpus-llm.jsonl.gz", 4566, 51_987, 0),
        ("formats/sharegpt.json", 240, 1648, 3),
        ("formats/openai-chat-completions.jsonl", 52, 101, 0),
        ("formats/oasst-tree.jsonl", 64, 222, 0),
        ("formats/wildchat-prompts-ru.json", 400, 400, 0),
    ],
)
def test_real_files_are_read_whole(
    name: str, conversations: int, messages: int, malformed: int
) -> None:
    counts: Counter[str] = Counter()
    ids = set()
    for item in read(SHARED / "conversations" / name, NOW + timedelta(days=9999)):
        if isinstance(item, Malformed):
            counts["malformed"] += 1
            continue
        ids.add(item.id)
        counts["messages"] += sum(said.kind is Kind.MESSAGE for said in item.messages)
    assert len(ids) == conversations
    assert (counts["messages"], counts["malformed"]) == (messages, malformed)
