"""The sample's test set: what a newcomer finds under Evaluations."""

from __future__ import annotations

from causerie.cases import check_cases
from causerie.world_cases import BROKEN, COUNT, USES, sample_cases

SEED = 20


def test_the_same_seed_gives_the_same_cases() -> None:
    assert sample_cases(SEED, 0) == sample_cases(SEED, 0)
    assert sample_cases(SEED, 0) != sample_cases(SEED + 1, 0)


def test_both_prompts_are_asked_the_same_and_answer_otherwise() -> None:
    before, now = sample_cases(SEED, 0), sample_cases(SEED, 1)
    assert len(before) == COUNT
    asked = [[(case.name, case.messages) for case in cases] for cases in (before, now)]
    assert asked[0] == asked[1]
    pairs = zip(before, now, strict=True)
    changed = [one for one, other in pairs if one != other]
    assert 0 < len(changed) < COUNT
    assert any(case.metadata["subject"] == BROKEN for case in changed)
    assert {case.metadata["language"] for case in now} == {"en", "fr", "es", "zh"}


def test_they_can_be_the_cases_of_a_set_and_need_no_model() -> None:
    for prompt in (0, 1):
        cases = sample_cases(SEED, prompt)
        check_cases(cases, USES, {})
        assert all(case.pregenerated_response and not case.model for case in cases)
