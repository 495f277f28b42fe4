"""The pages about topics: what they say, how topics are changed on them, and who may."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import msgspec
import pytest

from causerie.accounts import Role
from causerie.asking import Judged
from causerie.errors import Invalid
from causerie.reports import Question
from causerie.semantic_topics import Near, Preview
from causerie.store.progress import Progress, Standing
from causerie.store.topics import Topics
from causerie.topics import Definition, Template, Topic, TopicKind
from causerie.web.topic_forms import (
    JUDGED_MESSAGES,
    Trials,
    definition_of,
    fields_of,
    kind_of,
)
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.understood import found_topic, kept_topic, understand_all
from tests.web_page import Page

See = Callable[..., Page]
Send = Callable[..., Page]


@pytest.fixture
def csrf(cast: Cast) -> str:
    return sign_in(cast)


@pytest.fixture
def see(cast: Cast, csrf: str) -> See:
    """Looks at a page of the project as an owner, and checks that it is well made."""

    def see(path: str = "/topics", status: int = 200) -> Page:
        address = path if path.startswith("/p/") else home(cast) + path
        answer = cast.client.get(address)
        assert answer.status_code == status, answer.text
        page = Page(answer.text)
        page.check()
        return page

    return see


@pytest.fixture
def send(cast: Cast, see: See, csrf: str) -> Send:
    """Sends a form under /topics; the page that it leads to, or the one that refuses it."""

    def send(path: str, status: int = 303, **fields: str) -> Page:
        address = f"{home(cast)}/topics{path}"
        data = {"csrf": csrf, **fields}
        answer = cast.client.post(address, data=data, follow_redirects=False)
        assert answer.status_code == status, answer.text
        if status == 303:
            return see(answer.headers["location"])
        page = Page(answer.text)
        page.check()
        return page

    return send


@pytest.fixture
def topics(cast: Cast) -> Topics:
    """A theme of two topics, one found by itself, and one that a person keeps."""
    store = Topics(cast.stores.engine)
    for topic in (
        found_topic(cast.project, "post", "Post"),
        found_topic(cast.project, "late", "Late parcels", "post", terms=("late", "parcel")),
        found_topic(cast.project, "lost", "Lost parcels", "post", typical="It is lost"),
        found_topic(cast.project, "hours", "Opening hours"),
        kept_topic(cast.project, "money", "Money back", "refund"),
    ):
        store.put(topic)
    return store


@dataclass(frozen=True)
class Said:
    """One message of a user, and what is understood of it."""

    id: str
    user: str
    text: str
    topic: str
    mood: float


def talk(cast: Cast, *told: Said) -> None:
    """Conversations of one message each, understood."""
    for one in told:
        message = {"role": "user", "message": one.text}
        cast.log(message, id=one.id, how="/thread", metadata={"user_id": one.user})
    cast.settle()
    understand_all(cast.stores.events, cast.project, {one.id: [_meaning(one)] for one in told})


def _meaning(said: Said) -> Mapping[str, object]:
    kept = {"topics": (said.topic,)} if said.topic == "money" else {"suggested": said.topic}
    return {"language": "en", "sentiment": said.mood, **kept}


def talks(cast: Cast) -> None:
    talk(
        cast,
        *(Said(f"late-{n}", f"user-{n % 3}", f"late no {n}", "late", -0.6) for n in range(12)),
        Said("lost", "ana", "It is lost", "lost", 0.0),
        Said("money", "ana", "refund me", "money", -0.9),
        Said("other", "ben", "Hello", "", 0.4),
    )


# ---- what they say -----------------------------------------------------------------------------


def test_topics_of_tone_stand_by_themselves_and_lead_nothing(
    cast: Cast, see: See, topics: Topics
) -> None:
    thanks = found_topic(cast.project, "thanks", "Perfect, thanks!")
    defined = msgspec.structs.replace(thanks.definition, tone=True)
    topics.put(msgspec.structs.replace(thanks, definition=defined))
    talk(
        cast,
        *(Said(f"thanks-{n}", f"user-{n % 3}", f"thanks {n}", "thanks", -0.9) for n in range(12)),
        Said("lost", "ana", "It is lost", "lost", 0.0),
    )
    text = see().text
    lead, found = text.index("People mostly talk about"), text.index("Theme and topics")
    tone = text.index("Tone thanks, courtesy and complaints")
    assert found < text.index("Lost parcels", found) < tone < text.index("Perfect, thanks!", found)
    assert "Post" in text[lead:found] and "unhappiest" not in text[lead:found]


def test_topics_are_sorted_by_what_the_address_says(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    talk(cast, *(Said(f"hours-{n}", f"other-{n}", f"open? {n}", "hours", 0.5) for n in range(10)))

    def order(sort: str) -> list[str]:
        text = see(f"/topics?sort={sort}").text
        found = text[text.index("Found", text.index("defined by people")) :]
        names = ("Late parcels", "Lost parcels", "Opening hours")
        return sorted(names, key=found.index)

    assert order("mood") == ["Late parcels", "Opening hours", "Lost parcels"]
    assert order("users") == ["Opening hours", "Late parcels", "Lost parcels"]
    page = see("/topics?sort=mood&days=90")
    heads = [link["href"] for link in page.all("a") if "sort=users" in link.get("href", "")]
    assert heads and all("days=90" in address for address in heads)
    assert [head["aria-sort"] for head in page.all("th") if "aria-sort" in head][0] == "ascending"


def test_an_empty_project_is_told_how_to_begin(see: See) -> None:
    assert "No conversations yet" in see().text


def test_before_anything_is_understood_it_says_what_it_takes(cast: Cast, see: See) -> None:
    cast.log({"role": "user", "message": "Hello"}, id="one", how="/thread")
    cast.settle()
    text = see().text
    assert "Nothing is understood yet" in text
    assert "from 100 messages of users on. 99 more messages to go" in text


def test_before_topics_are_found_it_says_what_it_takes(cast: Cast, see: See) -> None:
    talk(cast, Said("one", "ana", "Hello", "", 0.1))
    text = see().text
    assert "1 message was understood in the last 30 days" in text
    assert "99 more messages to go" in text


def test_topics_begin_with_a_sentence(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    text = see().text
    assert "People mostly talk about Post: 87 % of 15 messages in the last 30 days." in text
    assert "Late parcels is the unhappiest: 3 people, mood −0.60." in text
    assert "7 % are about no topic" in text
    assert "1 topic nobody talked about in the last 30 days" in text


def test_themes_stand_over_their_topics_and_kept_ones_apart(
    cast: Cast, see: See, topics: Topics
) -> None:
    talks(cast)
    page = see()
    names = [words for words in page.links if words in ("Post", "Late parcels", "Lost parcels")]
    assert names == ["Post", "Late parcels", "Lost parcels"]
    assert page.text.index("Kept defined by people") < page.text.index("Theme and topics")
    late = next(row for row in page.with_class("depth-1"))
    assert "door" in late["class"]


def test_a_small_sample_is_shown_as_one(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    moods = see().with_class("mood")
    assert {("few" in mood["class"], "a small sample" in mood["title"]) for mood in moods} == {
        (True, True),
        (False, False),
    }


def test_progress_and_trouble_are_told(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    progress = Progress(cast.stores.engine)
    progress.put(cast.project, 1, Standing(6, 0.05, cast.clock()))
    told = "60 % understood: 9 of 15 messages. 0 a second, about 2 min left."
    page = see()
    assert told in page.text
    (bar,) = page.all("progress")
    assert (bar["max"], bar["value"]) == ("15", "9")
    (asks,) = page.with_class("progress")
    part = see(asks["hx-get"])
    assert told in part.text and part.with_class("progress") == [asks]
    progress.put(cast.project, 1, Standing(0, 0, cast.clock()))
    part = see(asks["hx-get"])
    assert "All messages are understood." in part.text
    assert "hx-get" not in part.all("section")[0]
    progress.put(cast.project, 1, Standing(1, 0, cast.clock(), "The model is not installed."))
    assert "Understanding stands still: The model is not installed. 1 message waits" in see().text


def test_an_arrow_needs_more_than_chance(cast: Cast, see: See, topics: Topics) -> None:
    talk(cast, *(Said(f"before-{n}", "ana", "Hello", "", 0.0) for n in range(8)))
    cast.clock.move(days=8)
    talks(cast)
    cast.clock.move(days=5)
    page = see("/topics?days=7")
    text = page.text
    # All of eight conversations before were about nothing, 13 of 15 are about the post now.
    assert "0.0 % → 86.7 %, more than before+86.7 (+46.0 to +96.3)" in text
    assert "0.0 % → 6.7 %+6.7 (−26.2 to +29.8) · can be chance" in text
    assert "Rose points of the share of conversations Late parcels+80.0" in text
    assert "No topic fell beyond chance." in text
    assert "12 conversations" in see(page.links["12 conversations"]).text
    # While they are sorted anew, one of the spans may be behind the other.
    progress = Progress(cast.stores.engine)
    progress.put(cast.project, 1, Standing(1_000, 50, cast.clock()))
    assert "Rose points" not in see("/topics?days=7").text
    progress.put(cast.project, 1, Standing(1, 50, cast.clock()))
    assert "Rose points" in see("/topics?days=7").text


def test_themes_fold_over_their_topics(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    page = see()
    (box,) = page.with_class("fold-box")
    assert box["aria-label"] == "Show what is in Post" and "checked" in box
    assert len(page.with_class("inner")) == 1
    for n in range(14):
        topics.put(found_topic(cast.project, f"t{n}", f"T {n}", "post"))
    talk(cast, *(Said(f"t{n}", "ana", "Hello", f"t{n}", 0.0) for n in range(14)))
    (box,) = see().with_class("fold-box")
    assert "checked" not in box


def test_a_topic_is_kept_from_the_list_with_one_click(
    cast: Cast, see: See, send: Send, topics: Topics
) -> None:
    talks(cast)
    page = see()
    forms = [form["action"] for form in page.with_class("keep")]
    assert forms == [f"{home(cast)}/topics/{id}/keep" for id in ("late", "lost")]
    after = send("/lost/keep", back="list")
    assert "The topic is kept" in after.text
    kept = [topic for topic in topics.all(cast.project) if topic.kept]
    assert {topic.title for topic in kept} == {"Money back", "Lost parcels"}


def test_every_number_is_a_door(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    links = see().links
    assert "late no 3" in see(links["Late parcels"]).text
    assert "1 conversation" in see(links["no topic"]).text
    found = see("/conversations?topic=post").text
    assert "13 conversations" in found
    assert "about Post" in found


def test_one_topic_shows_what_people_say(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    page = see("/topics/late")
    for words in ("Messages 12", "Conversations 12", "Users 3", "Mood −0.60", "English", "parcel"):
        assert words in page.text
    transcript = see(page.links["late no 11"].partition("#")[0])
    assert "late no 11" in transcript.text and "Late parcels" in transcript.text
    assert page.links["late no 11"].partition("#")[2] in [
        given["id"] for given in transcript.with_class("anchor")
    ]


def test_a_theme_shows_what_is_in_it(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    page = see("/topics/post")
    assert {"Late parcels", "Lost parcels"} <= page.links.keys()
    assert "Post" in see("/topics/late").links


def test_a_topic_nobody_talked_about_says_so(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    assert "Nobody talked about it in the last 30 days" in see("/topics/hours").text
    assert "no such topic" in see("/topics/never", 404).text


def test_topics_can_be_taken_away(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    links = see().links
    answer = cast.client.get(links["CSV"])
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["title"], row["messages"]) for row in rows[:2]] == [
        ("Post", "13"),
        ("Late parcels", "12"),
    ]
    assert rows[1]["parent"] == "post" and rows[1]["languages"] == '{"en":12}'
    assert [row["title"] for row in cast.client.get(links["JSON"]).json()][0] == "Post"
    assert "{kept_ids:Array(String)}" in cast.client.get(links["SQL"]).text


def test_other_pages_show_what_is_understood(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    overview = see("").text
    assert "Late parcels is the unhappiest topic: 3 people, mood −0.60" in overview
    assert "Mood −0.51" in overview and "Top topics" in overview and "English" in overview
    listed = see("/conversations?sort=mood")
    assert "Money back" in listed.links and "−0.90" in listed.text
    assert "−0.45" in see("/users?user=ana").text
    assert "English" in see("/conversations/money").text


# ---- how they are changed ----------------------------------------------------------------------


def test_a_topic_is_named_pinned_hidden_and_merged(
    cast: Cast, send: Send, see: See, topics: Topics
) -> None:
    talks(cast)
    page = send("/late/rename", name="Slow delivery")
    assert "Slow delivery" in page.text and "Found as “Late parcels”" in page.text
    assert "pinned" in send("/late/pin", on="yes").text
    assert "The topic is no longer pinned." in send("/late/pin", on="no").text
    send("/late/hide", on="yes")
    assert "1 hidden topic" in see().text
    send("/late/hide", on="no")
    merged = send("/late/merge", into="lost")
    assert "Messages 13" in merged.text and "Parts of it" in merged.text
    assert "It is a part of Lost parcels" in see("/topics/late").text
    assert "stands for itself again" in send("/late/merge", into="").text
    kinds = [event.kind for event in topics.history(cast.project, "late")]
    assert kinds == [
        *("unmerged", "merged", "shown", "hidden", "unpinned", "pinned", "renamed"),
    ]


def test_a_found_topic_is_kept(cast: Cast, send: Send, topics: Topics) -> None:
    page = send("/lost/keep")
    assert "The topic is kept" in page.text and "It is lost" in page.text
    assert topics.get(cast.project, "lost").merged_into


def test_a_topic_is_defined_by_words_changed_and_deleted(
    cast: Cast, send: Send, see: See, topics: Topics
) -> None:
    page = send("", kind="keyword", name="Cards", words="card\nPIN", language_words="fr: carte")
    assert "Cards" in page.text and "fr: carte" in page.text
    (made,) = [one for one in topics.all(cast.project) if one.title == "Cards"]
    assert made.definition.words == ("card", "PIN")
    form = see(f"/topics/{made.id}/edit")
    assert "card\nPIN" in form.areas
    send(f"/{made.id}", name="Bank cards", words="card")
    changed = topics.get(cast.project, made.id)
    assert (changed.title, changed.definition.words) == ("Bank cards", ("card",))
    assert "The topic is deleted." in send(f"/{made.id}/delete").text


def test_a_form_that_is_refused_comes_back_as_it_was_filled_in(send: Send, topics: Topics) -> None:
    page = send("", 400, kind="keyword", name="", words="card")
    assert page.with_class("bad") and "card" in page.areas
    assert send("", 400, kind="semantic", name="A", examples="b", threshold="many").areas
    assert send("/late/rename", 400, name="x" * 200).with_class("bad")
    assert send("/late/merge", 409, into="late").with_class("bad")


def test_a_preview_shows_what_words_would_find(cast: Cast, send: Send, topics: Topics) -> None:
    talks(cast)
    page = send("/preview", 200, kind="keyword", name="Slow", words="late")
    assert "It finds 12 of the latest 15 messages" in page.text
    assert "late no 11" in page.links


def test_without_a_model_at_hand_a_meaning_is_not_tried(cast: Cast) -> None:
    now = cast.clock()
    question = Question(cast.project, now - timedelta(days=9), now, tenant=None)
    trials = Trials(cast.stores.reports, None)
    assert trials.run(question, TopicKind.SEMANTIC, Definition(examples=("late",))) is None
    assert trials.run(question, TopicKind.LLM, Definition(prompt="to leave")) is None


def test_topics_are_found_again_on_request(cast: Cast, send: Send, topics: Topics) -> None:
    assert "Topics are found again" in send("/find").text
    assert topics.history(cast.project)[0].kind == "asked"


def test_a_viewer_sees_no_form_and_sends_none(cast: Cast, see: See, topics: Topics) -> None:
    talks(cast)
    csrf = sign_in(cast, Role.VIEWER)
    page = see("/topics/late")
    posted = [form for form in page.all("form") if form.get("method") == "post"]
    assert not [form for form in posted if "/topics/" in form["action"]]
    answer = cast.client.post(f"{home(cast)}/topics/late/pin", data={"csrf": csrf})
    assert answer.status_code == 403
    assert cast.client.get(f"{home(cast)}/topics/new").status_code == 403


# ---- the form ----------------------------------------------------------------------------------


def test_a_sentence_proposes_a_topic_and_shows_what_it_would_find(
    cast: Cast, see: See, topics: Topics
) -> None:
    talks(cast)
    page = see("/topics/new?sentence=" + quote("Messages with “refund”"))
    fields = {given["id"]: given.get("value") for given in page.all("input") if "id" in given}
    assert fields["name"] == "refund"
    assert page.areas[:1] == ["refund"]
    assert "It finds 1 of the latest 15 messages" in page.text
    (chosen,) = (given for given in page.all("input") if "checked" in given)
    assert chosen["value"] == "keyword"
    # The other kinds are filled in too.
    assert page.areas[2:] == ["“refund”", "Messages with “refund”"]


def test_what_a_model_says_is_tried_within_the_day_s_calls(cast: Cast, topics: Topics) -> None:
    talks(cast)
    now = cast.clock()
    question = Question(cast.project, now - timedelta(days=7), now + timedelta(days=1), tenant=None)
    asked: list[Sequence[str]] = []

    def judged(project: str, definition: Definition, texts: Sequence[str]) -> Judged:
        assert (project, definition.prompt) == (cast.project, "wants money back")
        asked.append(texts)
        return Judged({text: "1" in text for text in texts[:11]}, "the day is over", 3)

    definition = Definition(template=Template.INTENT, prompt="wants money back")
    trial = Trials(cast.stores.reports, None, judged).run(question, TopicKind.LLM, definition)
    assert trial is not None
    assert len(asked) == 1 and len(asked[0]) == JUDGED_MESSAGES == len(set(asked[0]))
    expected = [text for text in asked[0][:11] if "1" in text]
    assert [match.text for match in trial.found] == expected and expected
    assert (trial.total, trial.of, len(trial.left)) == (len(expected), 11, 11 - len(expected))
    assert (trial.calls_left, trial.trouble) == (3, "the day is over")
    assert Trials(cast.stores.reports, None).run(question, TopicKind.LLM, definition) is None


def test_a_trial_without_a_judge_says_what_is_missing(
    cast: Cast, send: Send, topics: Topics
) -> None:
    talks(cast)
    about = {"kind": "llm", "name": "Money", "template": "intent", "prompt": "wants money back"}
    text = send("/preview", 200, **about).text
    assert "Not all could be asked: no model is set that could be asked." in text
    assert "calls are left today." in text


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        (TopicKind.KEYWORD, Definition(words=("a", "b c"), language_words={"fr": ("d", "e")})),
        (TopicKind.SEMANTIC, Definition(examples=("What is it?", "Or this"), threshold=0.55)),
        (TopicKind.LLM, Definition(template=Template.INTENT, prompt="to leave")),
    ],
)
def test_a_form_gives_back_what_it_shows(kind: TopicKind, definition: Definition) -> None:
    made = kept_topic("p", "id", "Name")
    topic = Topic(
        **{name: getattr(made, name) for name in made.__struct_fields__}
        | {
            "kind": kind,
            "definition": definition,
        }
    )
    fields = fields_of(topic)
    assert kind_of(fields) is kind
    assert definition_of(fields, kind) == definition


def test_words_of_no_language_are_refused() -> None:
    with pytest.raises(Invalid, match="does not begin with a language"):
        definition_of({"language_words": "xx: one"}, TopicKind.KEYWORD)


def test_a_meaning_is_tried_on_both_sides_of_its_threshold(cast: Cast, topics: Topics) -> None:
    talks(cast)

    def nearest(
        project: str, texts: Sequence[str], examples: Sequence[str], threshold: float
    ) -> Preview:
        found = texts.index("It is lost")
        return Preview(0.6, [Near(texts[found], 0.7, found)], [Near(texts[0], 0.5, 0)], 1, 15)

    now = cast.clock()
    question = Question(cast.project, now - timedelta(days=9), now + timedelta(days=1), tenant=None)
    definition = Definition(examples=("gone",))
    trial = Trials(cast.stores.reports, nearest).run(question, TopicKind.SEMANTIC, definition)
    assert trial is not None and (trial.total, trial.of) == (1, 15)
    assert [(match.text, match.cosine, match.conversation) for match in trial.found] == [
        ("It is lost", 0.7, "lost")
    ]
    assert trial.left[0].cosine == 0.5
