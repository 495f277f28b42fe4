"""A page as a test reads it: its words, links, forms, and whether it is well made."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

VOID = {"input", "meta", "link", "br", "use", "path", "circle", "rect"}
BLOCKS = {"td", "th", "li", "p", "dt", "dd", "h1", "h2", "label", "option", "div"}
FIELDS = {"input", "select", "textarea"}
Attributes = dict[str, str]


class Page(HTMLParser):
    """What is in some HTML. Raises AssertionError where a tag is not closed by its own."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words = ""
        self.tags: list[tuple[str, Attributes]] = []
        self.links: dict[str, str] = {}
        self.code: list[str] = []
        self.areas: list[str] = []
        self.chosen: list[str] = []
        self._open: list[str] = []
        self._link: str | None = None
        self._pre = False
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag == "a" and "href" in attributes:
            self._link = attributes["href"]
        if tag == "pre":
            self.code.append("")
            self._pre = True
        if tag == "textarea":
            self.areas.append("")
        if tag == "select":
            self.chosen.append("")
        if tag == "option" and ("selected" in attributes):
            self.chosen[-1] = attributes.get("value", "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing"
        if tag in BLOCKS:
            self.words += " "
        if tag == "a":
            self._link = None
        if tag == "pre":
            self._pre = False

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        if self._open and self._open[-1] == "textarea":
            self.areas[-1] += data
        self.words += data
        if self._pre:
            self.code[-1] += data
        if self._link is not None and data.strip():
            self.links[" ".join(data.split())] = self._link

    @property
    def text(self) -> str:
        """The words with single spaces."""
        return " ".join(self.words.split())

    def all(self, tag: str) -> list[Attributes]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]

    def with_class(self, name: str) -> list[Attributes]:
        """The attributes of every tag of that class."""
        return [given for _, given in self.tags if name in given.get("class", "").split()]

    def check(self) -> None:
        """Nothing inline that the policy would refuse; ids are single; every field has a name."""
        for tag, given in self.tags:
            assert not [name for name in given if name.startswith("on")], (tag, given)
            assert "style" not in given, (tag, given)
            assert tag != "style"
            assert not (tag == "script" and "src" not in given and "json" not in given["type"])
        ids = Counter(given["id"] for _, given in self.tags if "id" in given)
        assert [id for id, count in ids.items() if count > 1] == []
        labelled = {given.get("for") for given in self.all("label")}
        for tag, given in self.tags:
            if tag in FIELDS and given.get("type") not in ("hidden", "submit"):
                assert given.get("id") in labelled or "aria-label" in given, (tag, given)
        for name, given in self.tags:
            if name in ("script", "link", "img", "use") and "json" not in given.get("type", ""):
                address = given.get("src") or given.get("href") or ""
                assert address.startswith(("/static/", "#")), (name, given)
