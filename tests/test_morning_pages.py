"""The page of what changed, on the whole server."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from causerie.evidence import WHOLE
from causerie.findings import SEVERITY, Finding
from causerie.store.events_schema import CONVERSATIONS
from causerie.store.last_looks import LastLooks
from causerie.topic_trees import NO_TOPICS
from causerie.web.finding_words import SAID, sentence_of
from causerie.web.meaning_words import SIGNAL_WORDS
from causerie.web.speech import speaking
from causerie.wording import tell
from tests.conftest import Cast
from tests.kept_rows import put
from tests.test_dashboard import See, home, see, sign_in

__all__ = ["see"]


def live(cast: Cast, *, days: int = 40, strange: str = "") -> None:
    """Some thirty people a day until yesterday; many of yesterday have that signal."""
    random = Random(3)
    rows = []
    for ago in range(days, 0, -1):
        for number in range(round(random.gauss(30, 3))):
            at = cast.clock() - timedelta(days=ago, hours=-random.random() * 11)
            share = 0.95 if strange and ago == 1 and number < 24 else 0.05
            rows.append(
                {
                    "project": cast.project,
                    "id": f"{ago}-{number}",
                    "started_at": at,
                    "ended_at": at,
                    "user": f"u{random.randrange(300)}",
                    "language": "en",
                    "signals": [strange or "gave_up"] if random.random() < share else [],
                    "metadata": {"build": "new" if ago == 1 and number < 24 else "old"},
                    "meaning": 1,
                }
            )
    put(cast.stores.events, CONVERSATIONS, rows)


def test_it_says_what_changed_and_leads_to_it(cast: Cast, see: See) -> None:
    live(cast, strange="gave_up")
    page = see("/today?changes=yesterday")
    assert "More people gave up:" in page.text
    assert "Nearly all of the change is in build = new" in page.text
    (said,) = [words for words in page.links if "signal=gave_up" in page.links[words]]
    assert "meta=build" in page.links[said]
    assert said in see(page.links[said]).text


def test_a_quiet_day_says_so(cast: Cast, see: See) -> None:
    live(cast)
    page = see("/today?changes=yesterday")
    assert "Nothing moved beyond chance." in page.text
    assert "Compared with the 28 days before" in page.text
    assert page.links["Yesterday"].endswith("changes=yesterday")


def test_few_days_are_not_compared(cast: Cast, see: See) -> None:
    live(cast, days=4)
    text = see("/today?changes=yesterday").text
    assert "There are only 2 days before to compare with" in text
    assert "beyond chance" not in text


def test_an_empty_project_is_told_how_to_begin(see: See) -> None:
    assert "No conversations yet" in see("/today").text


def test_it_tells_since_the_last_visit_of_an_earlier_day(cast: Cast, see: See) -> None:
    live(cast)
    assert "This is your first visit" in see("/today").text
    cast.clock.move(hours=1)
    assert "This is your first visit" in see("/today").text
    cast.clock.move(days=3)
    text = see("/today").text
    assert "Your last visit was 20 May, 13:00" in text
    assert "Wednesday 20 May 2026 – Friday 22 May 2026" in text
    cast.clock.move(hours=2)
    assert "Your last visit was 20 May, 13:00" in see("/today").text


def test_findings_are_taken_away(cast: Cast) -> None:
    sign_in(cast)
    live(cast, strange="gave_up")
    address = f"{home(cast)}/today?changes=yesterday"
    (row,) = cast.client.get(f"{address}&format=json").json()
    assert row["value"] == "gave_up"
    assert row["chance"] < 0.001
    assert (row["incident"], row["cause_value"]) == (1, "new")
    lines = cast.client.get(f"{address}&format=csv").text.splitlines()
    assert lines[1].startswith("signal,signal,gave_up")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_kind_of_finding_can_be_said(language: str) -> None:
    parts = {
        "mood": [WHOLE, ("topic", "t"), ("language", "fr"), ("model", "m")],
        "thumbs_down": [WHOLE, ("topic", "t")],
        "signal": [("signal", name) for name in SIGNAL_WORDS],
        "budget": [("key", "k")],
        **{kind: [("model", "m")] for kind in ("latency", "cost", "errors")},
    }
    said = set()
    with speaking(language):
        for kind in SEVERITY:
            for part in parts.get(kind, [(kind, "x")]):
                for now, before in ((0.5, 0.25), (0.25, 0.5), (0.5, 0.0), (0.0, 0.5)):
                    finding = Finding(
                        kind=kind,
                        part=part,
                        now=now,
                        before=before,
                        sample=100,
                        sample_before=900,
                        hits=round(100 * now),
                        conversations=3,
                        people=3,
                        effect=1.0,
                        chance=0.0,
                    )
                    said.add(tell(sentence_of(finding, NO_TOPICS, {}, "USD")))
    assert len(said) >= len(SAID)
    assert not any("%(" in sentence for sentence in said)


def test_visits_of_one_member_are_not_those_of_another(cast: Cast) -> None:
    accounts = cast.stores.accounts
    ana, ben = (
        accounts.create_member(f"{name}@mail.example", cast.clock()).id for name in ("ana", "ben")
    )
    looks = LastLooks(cast.stores.engine)
    assert looks.come(cast.project, ana, cast.clock()) is None
    came = cast.clock()
    cast.clock.move(days=1)
    assert looks.come(cast.project, ben, cast.clock()) is None
    assert looks.come(cast.project, ana, cast.clock()) == came
    assert looks.last(cast.project, ana, cast.clock()) == came
