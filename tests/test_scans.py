"""Scans: counts by kind, and samples that give nothing away."""

from __future__ import annotations

from causerie.privacy import PersonalDataFilter
from causerie.scans import SAMPLES_MAX, Scan, leaves


def test_hits_are_counted_by_message_and_conversation() -> None:
    scan = Scan(PersonalDataFilter())
    scan.read(iter([["a@b.org and c@d.org", "e@f.org"], ["none"], ["g@h.org"]]), {})
    scan.read(iter([["call 06 12 34 56 78", "a@b.org"]]), {})
    email, phone = scan.findings
    assert (scan.conversations, scan.messages) == (2, 4)
    assert (email.kind, email.hits, email.messages, email.conversations) == ("email", 5, 3, 2)
    assert (phone.kind, phone.hits, phone.messages, phone.conversations) == ("phone", 1, 1, 1)
    assert len(email.samples) == SAMPLES_MAX


def test_a_sample_shows_no_value_neither_its_own_nor_one_beside_it() -> None:
    scan = Scan(PersonalDataFilter())
    scan.read(iter([["4111 1111 1111 1111 of ada.lovelace@example.org, 06 12 34 56 78"]]), {})
    for finding in scan.findings:
        shown = str(finding.samples)
        assert not any(part in shown for part in ("4111 ", "lovelace", "06 12", "34 56"))
        assert finding.samples[0].shown.endswith("characters)")


def test_the_users_own_name_is_looked_for_where_names_are() -> None:
    scan = Scan(PersonalDataFilter(names=True))
    scan.read(iter([["Ada writes"]]), {"user_name": "Ada"})
    assert [one.kind for one in scan.findings] == ["name"]


def test_the_leaves_of_a_document_come_after_their_keys() -> None:
    document = {"text": "a", "phone": 6125550143, "deep": [{"to": "b"}, True, None]}
    assert list(leaves(document)) == ["a", "phone: 6125550143", "to: b"]
