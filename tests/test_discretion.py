"""A topic of few users has no name and no quotes, through whatever door one looks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from causerie.discretion import Discretion
from causerie.errors import Unavailable
from causerie.store.topics import StoredMap, Topics
from causerie.stores import open_discretion
from causerie.topic_maps import Topic as FoundTopic
from causerie.topic_maps import TopicMap
from causerie.topics import Topic, hushed
from tests import understood
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.test_isolation import LOOKS, Door, Street

SOURCE = Path(__file__).parents[1] / "src" / "causerie"
NAME, TERM, TYPICAL, POLISHED = "Zqname", "zqterm", "Zqtypical?", "Zqpolished"
# Whole: two letters alone may stand in the secret of a form.
MARKER = re.compile("zq(name|term|typical|polished)", re.IGNORECASE)
EVERYTHING = "days=all&start_time=2026-05-01&split=topic&metric=conversations&text=word"
QUERIES = (
    f"?{EVERYTHING}&step=topic:t_small&step=topic:t_small&sql=SELECT+*+FROM+topics&run=1",
    f"?{EVERYTHING}&topic=t_small&format=csv",
)
TOOLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("overview", {"days": "all"}),
    ("topics", {"days": "all"}),
    ("topic", {"days": "all", "topic": "t_small"}),
    ("topic", {"days": "all", "topic": POLISHED}),
    ("search", {"days": "all"}),
    ("metrics", {"days": "all", "metric": "conversations", "split": "topic"}),
    ("sql", {"query": "SELECT * FROM topics"}),
    ("sql", {"query": "SELECT topics FROM conversations"}),
)
NAMED_IN = {
    "GET /p/{project}/topics",
    "GET /p/{project}/topics/map",
    "GET /p/{project}/topics/{topic}",
    "GET /p/{project}",
    "GET /p/{project}/conversations",
    "GET /p/{project}/conversations/{id:path}",
    "GET /p/{project}/users/{user:path}",
    "GET /p/{project}/reports",
    "GET /p/{project}/reports/funnels",
    "GET /p/{project}/reports/sql",
    "GET /p/{project}/search",
    "GET /api/v1/conversations",
    "GET /api/v1/topic_suggestions",
    "GET /api/v1/suggested_topics",
    "POST /api/v1/sql",
    "POST /mcp",
}
"""Some of the doors behind which a topic that many talk about is named: else nothing is proved."""


class Talk:
    """People who talk about topics, and what is told of those."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.topics = Topics(cast.stores.engine)
        cast.stores.accounts.set_topic_users_min(cast.project, 3)
        self.discretion = open_discretion(cast.stores, cast.clock)

    def say(self, id: str, user: str, *topics: str, tenant: str = "") -> None:
        """A conversation with a message about each topic."""
        messages = [{"role": "user", "message": f"A word about {topic}"} for topic in topics]
        metadata = {"user_id": user} if user else {}
        sent = self.cast.log(*messages, how="/thread", id=id, metadata=metadata, tenant_id=tenant)
        assert sent.status_code == 201
        self.cast.settle()
        meanings = [{"language": "en", "suggested": topic, "sentiment": -0.9} for topic in topics]
        events = self.cast.stores.events
        understood.understand(events, self.cast.project, id, *meanings, tenant=tenant)

    def find(self, id: str, parent: str = "", **given: Any) -> Topic:
        """A topic with words of its own."""
        about = {"terms": (f"{TERM}{id}",), "typical": TYPICAL, "size": 3}
        topic = understood.found_topic(self.cast.project, id, NAME, parent, **about)
        defined = replace(topic.definition, polished_name=POLISHED)
        topic = replace(topic, definition=defined, **given)
        self.topics.put(topic)
        return topic

    def wait(self) -> None:
        """Until people are counted again."""
        self.cast.clock.move(seconds=61)

    def title(self, id: str) -> str:
        """What it is called where it is shown."""
        return self.discretion.tree(self.cast.project).title(id)


@pytest.fixture
def talk(cast: Cast) -> Talk:
    return Talk(cast)


# ---- every door ------------------------------------------------------------------------------


def draw_map(talk: Talk, topic: Topic) -> None:
    found = FoundTopic(topic.id, NAME, "", 1, 3, (TERM,), TYPICAL, 0.1)
    middles = np.eye(1, 16, dtype=np.float32)
    map = TopicMap("use-multilingual", (found,), middles, (topic.id,))
    made = StoredMap(map.to_bytes(), 1, datetime(2026, 5, 1, tzinfo=UTC), 3)
    talk.topics.save_found(talk.cast.project, made, [topic], [])


def marked(street: Street, doors: list[Door]) -> set[str]:
    """The doors behind which one of the topic's words stands."""
    found = set()
    for door in doors:
        if door.path.startswith(("/static", "/favicon", "/health", "/signin")):
            continue
        who = "right" if door.is_api else "owner"
        for query in QUERIES:
            path = door.path.replace("/{id}/", "/t_small/").replace("/{name}", "/conversations")
            answer = street.knock(type(door)(door.method, path + query, door.statuses), who)
            if MARKER.search(answer.text):
                found.add(door.name)
    auth = street.cast.auth("read")
    for tool, given in TOOLS:
        params = {"name": tool, "arguments": given}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        if MARKER.search(street.cast.client.post("/mcp", json=body, headers=auth).text):
            found.add("POST /mcp")
    sql = {"sql": "SELECT * FROM topics"}
    if MARKER.search(street.cast.client.post("/api/v1/sql", json=sql, headers=auth).text):
        found.add("POST /api/v1/sql")
    return found


def test_two_users_leave_a_topic_without_words_and_a_third_names_it(talk: Talk) -> None:
    street = Street(talk.cast)
    talk.cast.stores.accounts.set_topic_users_min(talk.cast.project, 3)
    draw_map(talk, talk.find("t_small"))
    for user in ("ana", "ben"):
        talk.say(f"by-{user}", user, "t_small")
    street.topic, street.conversation, street.user = "t_small", "by-ana", "ana"
    assert marked(street, LOOKS) == set()
    shown = street.cast.client.get(
        "/api/v1/topic_suggestions?start_time=2026-05-01", headers=street.cast.auth("read")
    ).json()
    assert [(one["name"], one["conversations_sample"]) for one in shown["topics"]] == [
        ("A small topic", [])
    ]
    talk.say("by-cleo", "cleo", "t_small")
    talk.wait()
    doors = [door for door in LOOKS if door.name in NAMED_IN]
    assert marked(street, doors) == NAMED_IN


def test_what_is_of_few_cannot_be_kept_by_its_words(talk: Talk) -> None:
    csrf = sign_in(talk.cast)
    topic = talk.find("t_small")
    talk.say("one", "ana", "t_small")
    path = f"{home(talk.cast)}/topics/t_small/keep"
    refused = talk.cast.client.post(path, data={"csrf": csrf, "name": "Mine"})
    assert refused.status_code == 409
    assert not MARKER.search(refused.text)
    assert talk.topics.all(talk.cast.project) == [topic]


def test_only_the_discretion_reads_topics_to_show_them() -> None:
    hushes = {"discretion.py"}
    works = {"grounds.py", "topic_changes.py"}
    modules = {str(file.relative_to(SOURCE)): file.read_text() for file in SOURCE.rglob("*.py")}
    readers = {name for name, text in modules.items() if re.search(r"topics\.all\(", text)}
    assert readers == hushes | works
    makers = {name for name, text in modules.items() if re.search(r"\bTopicTree\(\S*topic", text)}
    assert makers <= hushes


# ---- who counts ------------------------------------------------------------------------------


def test_a_conversation_without_a_user_counts_as_one(talk: Talk) -> None:
    talk.find("t")
    for number in range(3):
        assert talk.title("t") == "A small topic"
        talk.say(f"anonymous-{number}", "", "t")
        talk.wait()
    assert talk.title("t") == POLISHED


def test_one_user_who_talks_much_is_one(talk: Talk) -> None:
    talk.find("t")
    for number in range(4):
        talk.say(f"again-{number}", "ana", "t")
    assert talk.title("t") == "A small topic"


def test_a_theme_counts_who_talks_about_what_is_in_it(talk: Talk) -> None:
    talk.find("theme")
    talk.find("left", "theme")
    talk.find("right", "theme")
    for user, topic in (("ana", "left"), ("ben", "left"), ("cleo", "right")):
        talk.say(f"by-{user}", user, topic)
    named = {id: talk.title(id) for id in ("theme", "left", "right")}
    assert named == {"theme": POLISHED, "left": "A small topic", "right": "A small topic"}


def test_parts_count_at_once_for_what_they_were_made_a_part_of(talk: Talk) -> None:
    talk.find("whole")
    part = talk.find("part")
    for user, topic in (("ana", "whole"), ("ben", "whole"), ("cleo", "part")):
        talk.say(f"by-{user}", user, topic)
    assert talk.title("whole") == "A small topic"
    talk.topics.put(replace(part, merged_into="whole"))
    assert talk.title("whole") == POLISHED


def test_people_are_counted_again_after_a_minute(talk: Talk) -> None:
    talk.find("t")
    assert talk.title("t") == "A small topic"
    for user in ("ana", "ben", "cleo"):
        talk.say(f"by-{user}", user, "t")
    assert talk.title("t") == "A small topic"
    talk.wait()
    assert talk.title("t") == POLISHED


def test_the_least_number_counts_at_once_and_one_names_every_topic(talk: Talk) -> None:
    talk.find("t")
    talk.say("one", "ana", "t")
    assert talk.title("t") == "A small topic"
    talk.cast.stores.accounts.set_topic_users_min(talk.cast.project, 1)
    assert talk.title("t") == POLISHED


def test_what_a_person_has_said_of_a_topic_is_shown(talk: Talk) -> None:
    talk.find("t", name="By a person")
    kept = understood.kept_topic(talk.cast.project, "kept", "Kept", "word")
    talk.topics.put(kept)
    tree = talk.discretion.tree(talk.cast.project)
    assert tree.topics["kept"] == kept
    assert tree.title("t") == "By a person"
    assert not MARKER.search(repr(tree.topics["t"]))


def test_what_cannot_be_counted_is_not_named(talk: Talk) -> None:
    talk.find("t")
    for user in ("ana", "ben", "cleo"):
        talk.say(f"by-{user}", user, "t")

    class Silent:
        def select(self, *given: object) -> list[dict[str, Any]]:
            raise Unavailable("nobody answers")

    stores, silent = talk.cast.stores, Silent()
    kept: Any = (talk.topics, stores.accounts, silent, talk.cast.clock)
    discretion = Discretion(*kept)
    assert discretion.tree(talk.cast.project).title("t") == "A small topic"
    assert talk.title("t") == POLISHED


def test_all_words_of_a_topic_are_hushed(talk: Talk) -> None:
    """Whatever a definition learns to hold: only what is no word stays."""
    topic = talk.find("t", "theme")
    small = hushed(topic)
    assert not MARKER.search(repr(small))
    assert (small.id, small.definition.parent, small.definition.size) == ("t", "theme", 3)


# ---- how many are asked for ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"), [("1", 1), ("100", 100), ("0", 3), ("101", 3), ("", 3), ("two", 3)]
)
def test_owners_say_how_many_users_it_takes(talk: Talk, given: str, kept: int) -> None:
    csrf = sign_in(talk.cast)
    path = f"{home(talk.cast)}/settings/privacy"
    said = {"csrf": csrf, "topic_users_min": given}
    answer = talk.cast.client.post(f"{path}/topics", data=said, follow_redirects=False)
    known = talk.cast.stores.accounts.project(talk.cast.project)
    assert known is not None and known.topic_users_min == kept
    assert answer.status_code == (303 if given == str(kept) else 400)
    assert (
        f'value="{given}"'
        in (answer if answer.status_code == 400 else talk.cast.client.get(path)).text
    )
