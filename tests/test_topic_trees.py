"""How topics hang together: themes, merging, hiding, and names that lead in circles."""

from __future__ import annotations

from causerie.topic_trees import TopicTree
from tests.understood import found_topic, kept_topic


def tree(**merged: str) -> TopicTree:
    """A theme of two topics, one of them with a sub-topic, and a kept topic."""

    def found(id: str, parent: str = "") -> object:
        return found_topic("p", id, id.title(), parent, merged_into=merged.get(id, ""))

    kept = kept_topic("p", "kept", "Kept", merged_into=merged.get("kept", ""))
    topics = [found("theme"), found("one", "theme"), found("two", "theme"), found("sub", "one")]
    return TopicTree([*topics, kept])  # type: ignore[list-item]


def test_a_theme_counts_all_that_is_in_it() -> None:
    assert set(tree().members("theme")) == {"theme", "one", "two", "sub"}
    assert tree().members("sub") == ("sub",)
    assert tree().members("never heard of") == ("never heard of",)


def test_a_merged_topic_counts_for_its_target_and_the_theme_of_that() -> None:
    merged = tree(kept="sub")
    assert merged.lineage("kept") == ("sub", "one", "theme")
    assert "kept" in merged.members("theme")
    assert [topic.id for topic in merged.children()] == ["theme"]


def test_a_topic_that_was_merged_out_of_its_theme_no_longer_counts_there() -> None:
    merged = tree(two="kept")
    assert "two" not in merged.members("theme")
    assert set(merged.members("kept")) == {"kept", "two"}


def test_circles_end() -> None:
    circle = tree(one="two", two="one")
    assert circle.target("one") in ("one", "two")
    assert circle.lineage("sub")


def test_only_what_counts_for_something_else_is_told_to_statements() -> None:
    told = tree(kept="two").parameters()
    rows = zip(*(told[name] for name in ("kept_ids", "targets", "parents", "elders")), strict=True)
    assert set(rows) == {
        ("one", "one", "theme", ""),
        ("two", "two", "theme", ""),
        ("sub", "sub", "one", "theme"),
        ("kept", "two", "theme", ""),
    }


def test_what_is_shown_of_some_are_targets_that_are_not_hidden() -> None:
    hidden = found_topic("p", "hidden", "Hidden", hidden=True)
    topics = TopicTree([hidden, kept_topic("p", "kept", "Kept"), found_topic("p", "x", "X")])
    shown = topics.shown(["hidden", "kept", "gone", "x", "kept"], 2)
    assert [topic.title for topic in shown] == ["Kept", "X"]
