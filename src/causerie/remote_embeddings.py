"""Meaning by a model elsewhere: any server that has OpenAI's `/embeddings`.

It blocks, as it is asked from a worker's thread, and keeps no connection, as it is asked seldom.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec
import numpy as np

from causerie.embeddings import Vectors, gist, unit
from causerie.errors import Invalid, UpstreamFailed, UpstreamSlow

TEXTS_PER_CALL = 64
TIMEOUT_S = 60.0
TRIES_MAX = 4
PAUSE_S = 1.0
"""Before the second try; each further pause is twice as long."""
PAUSE_S_MAX = 30.0
ANSWER_BYTES_MAX = 64 << 20
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which another try may help."""


class Embedding(msgspec.Struct):
    index: int
    embedding: list[float]


class Answer(msgspec.Struct):
    data: list[Embedding]


class Response(Protocol):
    """What is read of an HTTP answer."""

    def read(self, amount: int, /) -> bytes: ...


class NoRedirects(HTTPRedirectHandler):
    """A key is for the server that was named, not for one that it names."""

    def redirect_request(self, *args: object) -> None:
        return None


class RemoteEmbedder:
    """An `Embedder` that asks a server. Its vectors lie by language first, as far as is known:
    centre them (`LanguageMeans`).
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        dimensions: int = 0,
        timeout_s: float = TIMEOUT_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`url` is the API's base, such as https://api.example/v1. With `dimensions` 0 they are
        asked for with one call, now.

        Raises:
            Invalid: the URL is none.
            UpstreamFailed: there is no sense in the server's answer, or none comes.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Invalid("the embeddings' URL must begin with http:// or https://", field="url")
        self._url = url.rstrip("/").removesuffix("/embeddings") + "/embeddings"
        self._host = parts.hostname
        self._model = model
        self._key = key
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._opener = build_opener(NoRedirects())
        self.name = f"{self._host}/{model}"
        self.dimensions = dimensions
        if not dimensions:
            self.dimensions = self._ask(["dimensions"]).shape[1]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of unit length for each text.

        Raises:
            UpstreamFailed: the server refuses, or its answer makes no sense, also after retries.
            UpstreamSlow: it does not answer in time.
        """
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_PER_CALL):
            # An empty text is an error for some servers.
            batch = [gist(text).strip() or "-" for text in texts[start : start + TEXTS_PER_CALL]]
            rows[start : start + len(batch)] = self._ask(batch)
        return rows

    def _ask(self, texts: list[str]) -> Vectors:
        pauses = self._pauses()
        while True:
            try:
                return self._read(self._call(texts), len(texts))
            except Passing as trouble:
                pause_s = next(pauses, None)
                if pause_s is None:
                    raise trouble.error from None
                self._sleep(max(pause_s, trouble.retry_after_s))

    def _pauses(self) -> Iterator[float]:
        return (min(PAUSE_S * 2**tried, PAUSE_S_MAX) for tried in range(TRIES_MAX - 1))

    def _call(self, texts: list[str]) -> bytes:
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        headers = {"Content-Type": "application/json", "User-Agent": "causerie"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(self._url, msgspec.json.encode(body), headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return read(response)
        except HTTPError as error:
            raise self._refusal(error) from None
        except TimeoutError:
            raise Passing(self._slow()) from None
        except URLError as error:
            late = isinstance(error.reason, TimeoutError)
            raise Passing(self._slow() if late else self._failed("cannot be reached")) from None
        except (HTTPException, OSError):
            raise Passing(self._failed("broke off its answer")) from None

    def _refusal(self, error: HTTPError) -> Exception:
        """What a provider says of a failure is not passed on: some repeat the key in it."""
        failed = self._failed(f"answered {error.code}")
        error.close()
        if error.code not in PASSING:
            return failed
        told = error.headers.get("Retry-After", "")
        return Passing(failed, min(float(told), PAUSE_S_MAX) if told.isdigit() else 0.0)

    def _read(self, body: bytes, count: int) -> Vectors:
        try:
            answer = msgspec.json.decode(body, type=Answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._failed("sent something other than embeddings") from None
        ordered = sorted(answer.data, key=lambda each: each.index)
        if [each.index for each in ordered] != list(range(count)):
            raise self._failed(f"sent {len(ordered)} vectors for {count} texts")
        sizes = {len(each.embedding) for each in ordered}
        wanted = self.dimensions or max(sizes)
        if sizes != {wanted} or not wanted:
            raise self._failed(f"sent vectors of {max(sizes)} dimensions instead of {wanted}")
        return unit(np.array([each.embedding for each in ordered], dtype=np.float32))

    def _failed(self, what: str) -> UpstreamFailed:
        return UpstreamFailed(f"the embeddings' server {self._host} {what}")

    def _slow(self) -> UpstreamSlow:
        return UpstreamSlow(
            f"the embeddings' server {self._host} did not answer within {self._timeout_s:g} s"
        )


class Passing(Exception):
    """A failure that another try may mend."""

    def __init__(self, error: UpstreamFailed, retry_after_s: float = 0.0) -> None:
        super().__init__(error.message)
        self.error = error
        self.retry_after_s = retry_after_s


def read(response: Response) -> bytes:
    body = response.read(ANSWER_BYTES_MAX + 1)
    if len(body) > ANSWER_BYTES_MAX:
        raise OSError("an answer beyond all measure")
    return body
