"""The form in which a project says what counts as personal data, and a trial of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from causerie.errors import Invalid
from causerie.masking import Masking, OwnPattern, check_masking
from causerie.privacy import ALL_KINDS, filter_of
from causerie.reports import Question, Reports
from causerie.scans import Scan
from causerie.transfer import EVER
from causerie.wording import say

TRIED_MESSAGES_MAX = 2_000
TRIED_PER_PAGE = 100
ARROW = " => "
KINDS_SHOWN = {
    "api_key": say("secret keys and passwords in addresses"),
    "email": say("e-mail addresses"),
    "ip": say("IP addresses"),
    "birth_date": say("dates of birth that are called so"),
    "national_id": say("national ids with check digits"),
    "iban": say("bank accounts (IBAN)"),
    "card": say("payment cards"),
    "national_insurance": say("UK National Insurance numbers"),
    "ssn": say("US social security numbers"),
    "passport_number": say("passport numbers that are called so"),
    "phone": say("phone numbers"),
}


def masking_of(form: Mapping[str, str]) -> Masking:
    """What the form says. Raises Invalid, naming the field."""
    masking = Masking(
        off=tuple(kind for kind in ALL_KINDS if form.get(f"kind_{kind}") != "on"),
        names=form.get("names") == "on",
        patterns=tuple(
            _pattern(line) for line in form.get("patterns", "").splitlines() if line.strip()
        ),
    )
    return check_masking(masking, ALL_KINDS)


def _pattern(line: str) -> OwnPattern:
    """`name = expression => replacement`, or `name: a word, another => replacement`."""
    rest, _, replacement = line.strip().rpartition(ARROW) if ARROW in line else (line, "", "")
    ends = [index for sign in "=:" if (index := rest.find(sign)) >= 0]
    if not ends:
        raise Invalid(
            say("a pattern is written as name = expression, or name: word, word"), field="patterns"
        )
    name, sign, said = rest[: min(ends)].strip(), rest[min(ends)], rest[min(ends) + 1 :].strip()
    replacement = replacement.strip()
    if sign == "=":
        return OwnPattern(name=name, expression=said, replacement=replacement)
    words = tuple(word.strip() for word in said.split(",") if word.strip())
    return OwnPattern(name=name, words=words, replacement=replacement)


def fields_of(masking: Masking) -> dict[str, str]:
    """The fields of the form for rules that are there."""
    on = {f"kind_{kind}": "on" for kind in ALL_KINDS if kind not in masking.off}
    return {
        **on,
        "names": "on" if masking.names else "",
        "patterns": "\n".join(map(_line, masking.patterns)),
    }


def _line(pattern: OwnPattern) -> str:
    said = f" = {pattern.expression}" if pattern.expression else f": {', '.join(pattern.words)}"
    return pattern.name + said + (ARROW + pattern.replacement if pattern.replacement else "")


def tried(reports: Reports, project: str, masking: Masking) -> Scan:
    """What the rules would mask in the latest messages of a project; nothing is changed."""
    scan = Scan(filter_of(masking))
    question = Question(project, *EVER, tenant=None, per_page=TRIED_PER_PAGE)
    while scan.messages < TRIED_MESSAGES_MAX:
        page = reports.conversations(question)
        for transcript in reports.transcripts(project, page.rows):
            left = TRIED_MESSAGES_MAX - scan.messages
            if left > 0:
                latest = transcript.messages[-left:]
                scan.read((message.texts for message in latest), transcript.row.metadata)
        if question.page >= page.pages:
            break
        question = replace(question, page=question.page + 1)
    return scan
