"""The pages of search and of what is alike, and the vectors of what is searched for."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Sequence

import pytest

from causerie.embeddings import DEFAULT_MODEL
from causerie.errors import Unavailable
from causerie.meaning_settings import MeaningSettings
from causerie.model_processes import ModelProcesses
from causerie.query_vectors import QueryVectors
from causerie.reports import Question
from causerie.search import Search, Vector
from causerie.search_words import wanted
from causerie.store.topics import Topics
from causerie.web.excerpts import EXCERPT_CHARS_MAX, excerpt
from causerie.web.search_pages import Meant, SearchPages
from tests.conftest import Cast
from tests.test_dashboard import See, home, see, talk
from tests.understood import found_topic, understand

__all__ = ["see"]
NEAR, FAR = bytes([100, 10]), bytes([0, 100])
Told = list[tuple[str, tuple[float, ...]]] | None
Meaning = Callable[[Sequence[str]], Told]


def meant(cast: Cast, id: str, vector: bytes, **more: object) -> None:
    """What is understood of the one message of a user."""
    given = {"language": "en", "vector": vector, "model": "toy", **more}
    understand(cast.stores.events, cast.project, id, given)


def test_what_was_said_is_found_and_marked(cast: Cast, see: See) -> None:
    talk(cast, "Hello. Where is my <b>Café</b>?", id="one", how="/thread")
    talk(cast, "Nothing of that", id="two", how="/thread")
    page = see("/search?q=cafe&days=7")
    assert "1 conversation" in page.text and "by words" in page.text
    assert page.all("mark") and "Where is my <b>Café</b>?" in page.text
    assert "No message has been understood" in page.text
    link = next(link for words, link in page.links.items() if words == "Café")
    transcript = see(link.partition("#")[0])
    assert transcript.all("mark")
    assert link.partition("#")[2] in [given["id"] for given in transcript.with_class("anchor")]
    assert "1 conversation" in see(page.links["1 has the words"]).text


def test_filters_stay_with_the_search(cast: Cast, see: See) -> None:
    talk(cast, "My card", id="one", how="/thread", metadata={"plan": "free"})
    talk(cast, "My card", id="two", how="/thread", metadata={"plan": "plus"})
    page = see("/search?q=card&meta=plan:plus")
    assert "1 conversation" in page.text
    without = [given["href"] for given in page.all("a") if "plus" in given.get("aria-label", "")]
    assert "2 conversations" in see(f"/search{without[0].partition('search')[2]}").text
    fields = {given["name"]: given["value"] for given in page.all("input") if "value" in given}
    assert fields["q"] == "card" and fields["meta"] == "plan:plus"
    # From the list of conversations the box leads here with its filters.
    forms = [form.get("action") for form in see("/conversations?rating=up").all("form")]
    assert f"{home(cast)}/search" in forms


def test_nothing_and_no_words_say_so(cast: Cast, see: See) -> None:
    assert "What are you looking for?" in see("/search").text
    talk(cast)
    assert "Nothing says that" in see("/search?q=zebra").text
    assert "Nothing says that" in see("/search?q=-card").text


def test_what_was_found_can_be_taken_away(cast: Cast, see: See) -> None:
    talk(cast, "My card is lost", id="one", how="/thread")
    links = see("/search?q=card").links
    text = cast.client.get(links["CSV"]).text.removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["id"], row["text"], row["by_words"]) == ("one", "My card is lost", "True")
    assert cast.client.get(links["JSON"]).json()[0]["id"] == "one"
    assert "{whole_patterns:Array(String)}" in cast.client.get(links["SQL"]).text


@pytest.fixture
def pages(cast: Cast) -> Callable[[Meaning], SearchPages]:
    """The pages over a model of one's own."""

    def make(meaning: Meaning) -> SearchPages:
        search = Search(cast.stores.events, cast.stores.reports)
        # Vectors are asked for here, and no page is drawn.
        return SearchPages(search, cast.stores.reports, lambda _, texts: meaning(texts), None)  # type: ignore[arg-type]

    return make


def test_why_a_search_is_by_words_alone_is_known(
    cast: Cast, pages: Callable[[Meaning], SearchPages]
) -> None:
    def failing(texts: Sequence[str]) -> None:
        raise Unavailable("no")

    asked = wanted("lost -found card")
    toy: Told = [("toy", (1.0, 0.0))]
    other: Told = [("other", (1.0, 0.0))]
    seen: list[Sequence[str]] = []

    def noting(texts: Sequence[str]) -> Told:
        seen.append(texts)
        return toy

    assert pages(lambda texts: toy)._meant(cast.project, asked) == Meant(None, "absent")
    talk(cast, id="one", how="/thread")
    meant(cast, "one", NEAR)
    kept = pages(noting)._meant(cast.project, asked)
    assert kept == Meant(Vector("toy", (1.0, 0.0))) and seen == [["lost card"]]
    assert pages(lambda texts: None)._meant(cast.project, asked) == Meant(None, "pending")
    assert pages(failing)._meant(cast.project, asked) == Meant(None, "troubled")
    assert pages(lambda texts: other)._meant(cast.project, asked) == Meant(None, "absent")
    assert pages(failing)._meant(cast.project, wanted("-x")) == Meant(None)


def test_conversations_like_one_say_what_they_share(cast: Cast, see: See) -> None:
    Topics(cast.stores.engine).put(found_topic(cast.project, "cards", "Cards"))
    for id in ("one", "two", "three"):
        talk(cast, f"About {id}", id=id, how="/thread", rating=-1)
        shared = {"suggested": "cards", "signals": ("gave_up",)}
        meant(cast, id, FAR if id == "three" else NEAR, **shared)
    page = see(see("/conversations/one").links["Conversations like this one"])
    assert "Like About one" in page.text and "About two" in page.links
    assert "About three" not in page.text
    for words in ("Cards", "English", "gave up", "both rated down", "+1.00"):
        assert words in page.text
    assert "None is like it" in see("/alike?like=one&rating=up").text
    assert "None is like it" in see("/alike?like=three").text
    assert "no such conversation" in see("/alike?like=never").text
    assert "no such conversation" in see("/alike").text


# ---- excerpts ----------------------------------------------------------------------------------


def test_the_sentence_that_fits_is_shown() -> None:
    text = "Hello there. My card is lost! What now? Thanks\nBye"
    assert str(excerpt(text, wanted("lost card"))).startswith(
        "My <mark>card</mark> is <mark>lost</mark>! What now?"
    )
    assert str(excerpt("你好。我的卡丢了！", wanted("卡"))) == "我的<mark>卡</mark>丢了！"
    assert str(excerpt("", wanted("x"))) == ""
    assert str(excerpt("<i>", wanted("x"))) == "&lt;i&gt;"


def test_a_long_sentence_is_cut_around_the_word() -> None:
    cut = excerpt("a " * 400 + "needle " + "b " * 400, wanted("needle"))
    assert "<mark>needle</mark>" in cut and cut.startswith("… ") and cut.endswith(" …")
    assert len(cut.striptags()) < EXCERPT_CHARS_MAX + 10


# ---- vectors -----------------------------------------------------------------------------------


class Counting(ModelProcesses):
    """Computes here, when it may."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[str] = []
        self.may = threading.Event()

    # Of all that may be run, it is given texts to embed alone.
    def run(self, work: object, *arguments: object) -> object:  # type: ignore[override]
        assert self.may.wait(30)
        text = str(next(iter(arguments[1])))  # type: ignore[call-overload]
        self.asked.append(text)
        if text == "broken":
            raise Unavailable("no model")
        return "toy", [(1.0, float(len(text)))]


def test_a_vector_is_computed_once_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causerie.query_vectors.WAIT_SECONDS_MAX", 0.01)
    processes = Counting()
    vectors = QueryVectors(lambda _: MeaningSettings(), processes, threading.Lock())
    assert vectors.of("p", ["card"]) is None
    assert vectors.of("p", ["card"]) is None
    processes.may.set()
    monkeypatch.setattr("causerie.query_vectors.WAIT_SECONDS_MAX", 30)
    assert vectors.of("p", ["card", "x"]) == [("toy", (1.0, 4.0)), ("toy", (1.0, 1.0))]
    assert vectors.of("q", ["card"]) == [("toy", (1.0, 4.0))]
    assert processes.asked == ["card", "x"]
    for _ in range(2):
        with pytest.raises(Unavailable):
            vectors.of("p", ["broken"])
    assert processes.asked[2:] == ["broken", "broken"]
    vectors.stop()


def test_one_language_is_found_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causerie.query_vectors.WAIT_SECONDS_MAX", 60)
    processes = ModelProcesses(1)
    vectors = QueryVectors(lambda _: MeaningSettings(), processes, threading.Lock())
    texts = [
        *("Where is my card?", "¿Dónde está mi tarjeta?", "Où est ma carte ?", "我的卡在哪里？"),
        "I would like a refund",
    ]
    try:
        found = vectors.of("p", texts)
    finally:
        vectors.stop()
        processes.stop()
    assert found is not None and {name for name, _ in found} == {DEFAULT_MODEL}
    query = found[0][1]
    near = [sum(a * b for a, b in zip(query, numbers, strict=True)) for _, numbers in found]
    assert min(near[1:4]) > near[4]


def test_a_question_of_words_is_a_question() -> None:
    # What a search leaves out becomes a filter, whatever signs are in it.
    question = Question("p", None, None, text='-"a b"')  # type: ignore[arg-type]
    assert question.parameters()["unsaid"] and not question.parameters()["said"]
