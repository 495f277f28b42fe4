"""What a context keeps to: strategies, cuts, and views that begin with the one before."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from causerie.contexts import (
    KEPT_AFTER_CUT,
    LAST_HISTORY_TOKENS,
    TAG_CHARS_MAX,
    TTL_S,
    TTL_S_MAX,
    Context,
    Mode,
    Plan,
    Strategy,
    Truncation,
    Turn,
    check_tag,
    check_ttl,
    expiry,
    grown,
    new_context_id,
    plan,
    resolve_strategy,
    view,
)
from causerie.errors import Invalid
from causerie.token_usage import Usage

NOW = datetime(2026, 11, 20, 15, 18, 7, tzinfo=UTC)
WINDOW, OUTPUT = 32_768, 4_096
LAST, ROLLING = Truncation.LAST_HISTORY, Truncation.ROLLING


def context(strategy: Strategy | None = None, mode: Mode = Mode.SESSION, **given: Any) -> Context:
    values = {"initial_tokens": 0, "initial": b'[{"role":"system","content":"s"}]', **given}
    return Context(
        id="ctx-1",
        project="shop",
        endpoint="ep-1",
        mode=mode,
        ttl_s=60,
        strategy=strategy,
        created_at=NOW,
        used_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
        **values,
    )


def said(*roles: str, **more: object) -> bytes:
    """Messages of these roles; the last one has more."""
    messages: list[dict[str, object]] = [{"role": role, "content": role} for role in roles]
    messages[-1] |= more
    return msgspec.json.encode(messages)


def turns(*tokens: int, first: int = 0) -> list[Turn]:
    asked = said("user", "assistant")
    return [
        Turn(position=first + place, messages=asked, tokens=count, at=NOW)
        for place, count in enumerate(tokens)
    ]


def resolved(
    type: Truncation, window: int = WINDOW, output: int = OUTPUT, **given: Any
) -> Strategy:
    found = resolve_strategy(Mode.SESSION, Strategy(type=type, **given), window, output)
    assert found is not None
    return found


def shown(strategy: Strategy) -> dict[str, Any]:
    """What is said back: the fields that are set."""
    return {
        name: value for name, value in msgspec.structs.asdict(strategy).items() if value is not None
    }


# ---- what it keeps to ----------------------------------------------------------------------------


def test_a_common_prefix_has_no_strategy() -> None:
    assert resolve_strategy(Mode.COMMON_PREFIX, None, WINDOW, OUTPUT) is None
    with pytest.raises(Invalid) as refused:
        resolve_strategy(Mode.COMMON_PREFIX, Strategy(type=LAST), WINDOW, OUTPUT)
    assert refused.value.field == "truncation_strategy"


def test_a_session_rolls_in_blocks_unless_told_otherwise() -> None:
    found = resolve_strategy(Mode.SESSION, None, WINDOW, OUTPUT)
    assert found is not None
    assert shown(found) == {
        "type": "rolling_tokens",
        "rolling_tokens": True,
        "max_window_tokens": 28_672,
        "rolling_window_tokens": 4_096,
    }


def test_a_strategy_says_what_it_keeps_to_and_nothing_of_the_other_type() -> None:
    assert shown(resolved(LAST)) == {"type": LAST, "last_history_tokens": LAST_HISTORY_TOKENS}
    assert shown(
        resolved(LAST, last_history_tokens=9, rolling_tokens=True, max_window_tokens=7)
    ) == {
        "type": LAST,
        "last_history_tokens": 9,
    }
    assert shown(resolved(ROLLING, rolling_tokens=False, last_history_tokens=9)) == {
        "type": ROLLING,
        "rolling_tokens": False,
    }
    bot = {"max_window_tokens": 4_096, "rolling_window_tokens": 512}
    assert shown(resolved(ROLLING, **bot)) == {"type": ROLLING, "rolling_tokens": True, **bot}
    assert resolved(ROLLING, max_window_tokens=1_000).rolling_window_tokens == 500


def test_defaults_fit_into_a_small_window() -> None:
    assert resolved(LAST, 2_048, 512).last_history_tokens == 1_536
    rolling = resolved(ROLLING, 2_048, 512)
    assert (rolling.max_window_tokens, rolling.rolling_window_tokens) == (1_536, 768)
    for window in (2, 3, 5):
        tiny = resolved(ROLLING, window, window - 1)
        assert 0 < (tiny.rolling_window_tokens or 0) < (tiny.max_window_tokens or 0) <= window


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"type": LAST, "last_history_tokens": 0}, "last_history_tokens"),
        ({"type": LAST, "last_history_tokens": True}, "last_history_tokens"),
        ({"type": LAST, "last_history_tokens": -4}, "last_history_tokens"),
        ({"type": ROLLING, "max_window_tokens": 0}, "max_window_tokens"),
        ({"type": ROLLING, "max_window_tokens": 1}, "max_window_tokens"),
        ({"type": ROLLING, "max_window_tokens": WINDOW + 1}, "max_window_tokens"),
        (
            {"type": ROLLING, "max_window_tokens": 9, "rolling_window_tokens": 9},
            "rolling_window_tokens",
        ),
        ({"type": ROLLING, "rolling_window_tokens": WINDOW - OUTPUT}, "rolling_window_tokens"),
        ({"type": ROLLING, "rolling_window_tokens": True}, "rolling_window_tokens"),
        ({"type": ROLLING, "rolling_tokens": False, "max_window_tokens": -1}, "max_window_tokens"),
    ],
)
def test_a_strategy_that_cannot_be_kept_names_its_field(given: dict[str, Any], name: str) -> None:
    with pytest.raises(Invalid) as refused:
        resolve_strategy(Mode.SESSION, Strategy(**given), WINDOW, OUTPUT)
    assert refused.value.field == f"truncation_strategy.{name}"


def test_a_strategy_is_resolved_once() -> None:
    for strategy in (resolved(LAST), resolved(ROLLING), resolved(ROLLING, rolling_tokens=False)):
        assert resolve_strategy(Mode.SESSION, strategy, WINDOW, OUTPUT) == strategy


# ---- what the next call sends --------------------------------------------------------------------


def test_a_common_prefix_sends_itself_and_what_is_new() -> None:
    prefix = context(mode=Mode.COMMON_PREFIX, initial_tokens=1_000)
    assert plan(prefix, [], 500, None, WINDOW, OUTPUT) == Plan(0, 0, WINDOW - 1_500)


def test_history_is_cut_only_when_it_would_exceed_its_tokens() -> None:
    of = context(resolved(LAST, last_history_tokens=1_000), initial_tokens=5_000, turns=4)
    kept = turns(300, 300, 200, 100)
    assert plan(of, kept, 100, None, WINDOW, OUTPUT) == Plan(0, 900, WINDOW - 6_000)
    # 1,001 would be too many, and 750 are left: 300 go, then 300 more would be 451 or 751.
    assert plan(of, kept, 101, None, WINDOW, OUTPUT) == Plan(1, 600, WINDOW - 5_701)
    assert plan(of, kept, 151, None, WINDOW, OUTPUT) == Plan(2, 300, WINDOW - 5_451)


def test_history_gives_way_to_the_answer_in_a_small_window() -> None:
    of = context(resolved(LAST, last_history_tokens=4_096), initial_tokens=500, turns=3)
    kept = turns(400, 400, 400)
    assert plan(of, kept, 100, 248, 2_048, 1_024).cut == 0
    assert plan(of, kept, 100, 249, 2_048, 1_024).cut == 1
    # More than a model ever says needs no more room than what it says at most.
    assert plan(of, kept, 100, 9_999, 2_048, 248).cut == 0


def test_a_rolling_session_drops_a_block_when_it_is_full() -> None:
    rolls = resolved(ROLLING, max_window_tokens=1_000, rolling_window_tokens=250)
    of = context(rolls, initial_tokens=300, turns=6)
    kept = turns(100, 100, 100, 100, 100, 100)
    assert plan(of, kept, 100, None, WINDOW, OUTPUT) == Plan(0, 600, WINDOW - 1_000)
    assert plan(of, kept, 101, None, WINDOW, OUTPUT) == Plan(3, 300, WINDOW - 701)
    # A block is not enough for what is new.
    assert plan(of, kept, 500, None, WINDOW, OUTPUT) == Plan(4, 200, WINDOW - 1_000)


def test_a_rolling_session_keeps_room_for_the_answer_even_when_told_the_whole_window() -> None:
    rolls = resolved(ROLLING, 1_000, 200, max_window_tokens=1_000, rolling_window_tokens=100)
    made = plan(context(rolls, turns=9), turns(*[100] * 9), 50, None, 1_000, 200)
    assert made == Plan(2, 700, 250)


def test_without_rolling_nothing_is_dropped_and_the_room_runs_out() -> None:
    of = context(resolved(ROLLING, rolling_tokens=False), initial_tokens=100, turns=3)
    kept = turns(300, 300, 200)
    assert plan(of, kept, 99, None, 1_000, 200) == Plan(0, 800, 1)
    assert plan(of, kept, 100, None, 1_000, 200) == Plan(0, 800, 0)
    assert plan(of, kept, 200, None, 1_000, 200) == Plan(0, 800, -100)


@pytest.mark.parametrize(
    "strategy",
    [resolved(LAST, last_history_tokens=100), resolved(ROLLING, max_window_tokens=100)],
)
def test_a_turn_larger_than_all_is_sent_once_and_dropped_whole(strategy: Strategy) -> None:
    fresh = plan(context(strategy), [], 5_000, None, WINDOW, OUTPUT)
    assert fresh == Plan(0, 0, WINDOW - 5_000)
    after = plan(context(strategy, turns=1), turns(5_000), 10, None, WINDOW, OUTPUT)
    assert after == Plan(1, 0, WINDOW - 10)
    later = context(strategy, turns=2, cut=1)
    assert plan(later, turns(60, first=1), 10, None, WINDOW, OUTPUT) == Plan(1, 60, WINDOW - 70)


def test_initial_messages_that_fill_the_window_leave_no_room() -> None:
    for strategy in (resolved(LAST), resolved(ROLLING)):
        made = plan(
            context(strategy, initial_tokens=WINDOW, turns=1), turns(5), 10, None, WINDOW, OUTPUT
        )
        assert made == Plan(1, 0, -10)


def test_a_model_that_became_smaller_gets_less() -> None:
    of = context(resolved(ROLLING, max_window_tokens=30_000), turns=3)
    made = plan(of, turns(3_000, 3_000, 500), 100, None, 4_096, 1_024)
    assert made.kept_tokens + 100 + 1_024 <= 4_096


def test_a_tool_is_never_heard_without_its_call() -> None:
    tool = said("tool", "assistant")
    call = said("user", "assistant", tool_calls=[{"id": "1"}])
    sizes = (200, 100, 100, 100, 100)
    messages = [call, tool, said("user", "assistant"), call, tool]
    kept = [
        replace(turn, messages=messages)
        for turn, messages in zip(turns(*sizes), messages, strict=True)
    ]
    of = context(resolved(LAST, last_history_tokens=620), turns=5)
    # The first would be enough, and the fourth, but what comes then answers it.
    assert plan(of, kept, 21, None, WINDOW, OUTPUT) == Plan(2, 300, WINDOW - 321)
    assert plan(of, kept, 320, None, WINDOW, OUTPUT) == Plan(5, 0, WINDOW - 320)
    tight = context(resolved(LAST, last_history_tokens=200), turns=5)
    assert plan(tight, kept, 10, None, WINDOW, OUTPUT) == Plan(5, 0, WINDOW - 10)
    # The call waits for the answer that comes now.
    waits = replace(tight, turns=4)
    assert plan(waits, kept[:4], 150, None, WINDOW, OUTPUT) == Plan(3, 100, WINDOW - 250)


# ---- what it grows by ----------------------------------------------------------------------------


def test_a_turn_has_what_the_provider_counts_beyond_what_was_there() -> None:
    of = context(initial_tokens=18)
    used = Usage(input_tokens=128, output_tokens=50, reasoning_tokens=30)
    assert grown(of, Plan(0, 100, 9), used, 7) == 30
    assert grown(of, Plan(0, 500, 9), used, 7) == 1


def test_a_turn_has_what_is_counted_here_when_the_provider_says_nothing() -> None:
    of = context(initial_tokens=18)
    for silent in (None, Usage(), Usage(input_tokens=128, output_tokens=50, estimated=True)):
        assert grown(of, Plan(0, 100, 9), silent, 7) == 7
        assert grown(of, Plan(0, 100, 9), silent, 0) == 1


# ---- views ---------------------------------------------------------------------------------------


def test_a_view_changes_no_byte_of_what_it_puts_together() -> None:
    assert view(b"[]", [], b"[]") == b"[]"
    assert view(b' [ {"a" : 1} ]\n', [b"[]", b'[{"b":2},\n {"c":3}]'], b'[{"d":"\\u00e9"}]') == (
        b'[{"a" : 1},{"b":2},\n {"c":3},{"d":"\\u00e9"}]'
    )


@dataclass
class Talk:
    """A session in the hands of a caller, and what the model was sent."""

    context: Context
    window: int
    output: int
    turns: list[Turn] = field(default_factory=list)
    views: list[bytes] = field(default_factory=list)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    """Of each cut: how many tokens went, and how many were left, with what was new."""

    def say(self, new_tokens: int, answer_tokens: int, max_tokens: int | None) -> Plan:
        """One turn."""
        before = self.context
        seen = self.turns[before.cut :]
        made = plan(before, seen, new_tokens, max_tokens, self.window, self.output)
        self._check(made, new_tokens, max_tokens)
        number = len(self.turns)
        new = b'[{"role":"user","content":"%d"} ]' % number
        kept = [turn.messages for turn in self.turns[made.cut :]]
        self.views.append(view(before.initial, kept, new))
        answer = b'[ {"role":"assistant","content":"%d"}]' % number
        used = Usage(
            input_tokens=before.initial_tokens + made.kept_tokens + new_tokens,
            output_tokens=answer_tokens,
        )
        tokens = grown(before, made, used, 1)
        assert tokens == new_tokens + answer_tokens
        spoken = view(b"[]", [new], answer)
        self.turns.append(Turn(position=number, messages=spoken, tokens=tokens, at=NOW))
        self.context = replace(before, cut=made.cut, turns=number + 1)
        return made

    def _check(self, made: Plan, new_tokens: int, max_tokens: int | None) -> None:
        cut = self.context.cut
        assert cut <= made.cut <= len(self.turns)
        assert made.kept_tokens == sum(turn.tokens for turn in self.turns[made.cut :])
        sent = self.context.initial_tokens + made.kept_tokens + new_tokens
        assert made.room == self.window - sent
        if made.kept_tokens:
            assert made.room >= min(max_tokens or self.output, self.output)
        if made.cut > cut:
            gone = sum(turn.tokens for turn in self.turns[cut : made.cut])
            self.cuts.append((gone, made.kept_tokens))


tokens = st.integers(1, 900)
said_turns = st.lists(
    st.tuples(tokens, tokens, st.none() | st.integers(1, 3_000)), min_size=10, max_size=40
)
kinds = st.one_of(
    st.builds(lambda most: resolved(LAST, last_history_tokens=most), st.integers(1, 6_000)),
    st.builds(
        lambda most, share: resolved(
            ROLLING,
            max_window_tokens=most,
            rolling_window_tokens=max(1, min(most - 1, most * share // 100)),
        ),
        st.integers(2, 8_192),
        st.integers(1, 100),
    ),
)


@given(kinds, said_turns, st.integers(1, 3_000))
def test_a_view_begins_with_the_one_before_unless_there_was_a_cut(
    strategy: Strategy, talk: list[tuple[int, int, int | None]], initial_tokens: int
) -> None:
    session = Talk(context(strategy, initial_tokens=initial_tokens), 8_192, 2_048)
    for new, answer, most in talk:
        before = session.context.cut
        made = session.say(new, answer, most)
        if len(session.views) > 1 and made.cut == before:
            assert session.views[-1].startswith(session.views[-2][:-1])
        assert session.views[-1].startswith(session.context.initial[:-1])
        msgspec.json.decode(session.views[-1])


@given(kinds, said_turns, st.none() | st.integers(1, 3_000))
def test_a_cut_drops_at_least_a_block(
    strategy: Strategy, talk: list[tuple[int, int, int | None]], most: int | None
) -> None:
    session = Talk(context(strategy, initial_tokens=10), 8_192, 2_048)
    for new, answer, _ in talk:
        session.say(new, answer, most)
    free = 8_192 - 10 - min(most or 2_048, 2_048)
    if strategy.type is LAST:
        block = int(min(strategy.last_history_tokens or 0, free) * (1 - KEPT_AFTER_CUT))
    else:
        block = strategy.rolling_window_tokens or 0
    assert all(gone >= block or not left for gone, left in session.cuts)
    # So there are no more cuts than blocks of what was ever said, but for what was dropped whole.
    blocks = sum(turn.tokens for turn in session.turns) // max(block, 1)
    assert sum(1 for _, left in session.cuts if left) <= blocks


@given(said_turns)
def test_a_session_that_does_not_roll_is_never_cut(
    talk: list[tuple[int, int, int | None]],
) -> None:
    session = context(resolved(ROLLING, rolling_tokens=False), initial_tokens=10)
    kept: list[Turn] = []
    for new, answer, most in talk:
        made = plan(replace(session, turns=len(kept)), kept, new, most, 2_048, 512)
        said_so_far = sum(turn.tokens for turn in kept)
        assert made == Plan(0, said_so_far, 2_048 - 10 - said_so_far - new)
        kept += turns(new + answer, first=len(kept))


# ---- names and times -----------------------------------------------------------------------------


def test_an_id_tells_when_it_was_made() -> None:
    made = new_context_id(NOW, random.Random(1))
    assert made.startswith("ctx-20261120151807-") and len(made) == len("ctx-20261120151807-x3k9q")
    assert made != new_context_id(NOW, random.Random(2))


def test_a_time_to_live_is_clamped_unless_strictness_is_asked_for() -> None:
    assert check_ttl(None, strict=True) == TTL_S
    assert [check_ttl(ttl, strict=False) for ttl in (0, 1_800, 9_999_999)] == [1, 1_800, TTL_S_MAX]
    assert check_ttl(3_600, strict=True) == 3_600
    for ttl in (1_800, TTL_S_MAX + 1):
        with pytest.raises(Invalid) as refused:
            check_ttl(ttl, strict=True)
        assert refused.value.field == "ttl"


def test_a_context_ends_after_its_time_to_live() -> None:
    assert expiry(90, NOW) == NOW + timedelta(seconds=90)


def test_a_tag_is_a_short_name_that_can_be_read() -> None:
    assert check_tag("Fränkisch v2") == "Fränkisch v2"
    for tag in ("", "a\0b", "a\nb", "x" * (TAG_CHARS_MAX + 1)):
        with pytest.raises(Invalid):
            check_tag(tag)
