"""What a language model is asked about conversations, beside the worker that understands them.

It has a thread of its own, because a model may take seconds, and nothing waits for it: the worker
reads what is known of a conversation, this asks what is missing, and then the conversation is
understood again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from causerie.asking import Asking
from causerie.errors import Unavailable
from causerie.grounds import GroundsReader
from causerie.meaning_settings import NOBODY
from causerie.meanings import Said
from causerie.store.accounts import Accounts
from causerie.store.meanings import Key, Meanings
from causerie.store.topics import Topics
from causerie.topics import Topic, TopicKind
from causerie.understanding import USER, Grounds

BATCH_CONVERSATIONS = 20
POLISHED_TOPICS = 20
"""At a time."""
IDLE_INTERVAL_S = 5
TROUBLE_INTERVAL_S = 60
STOP_SECONDS_MAX = 10
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """What is known of one conversation."""

    judged: Mapping[str, tuple[str, ...]]
    """Message id to the LLM topics found in it."""
    translations: Mapping[str, str]
    complete: bool
    """Whether nothing is left to ask."""


class Questioning:
    """Asks in a thread of its own, or by the caller's hand (`step`)."""

    def __init__(
        self,
        accounts: Accounts,
        grounds: GroundsReader,
        meanings: Meanings,
        asking: Asking,
        topics: Topics,
        again: Callable[[str, Sequence[Key]], None],
    ) -> None:
        self._accounts = accounts
        self._grounds = grounds
        self._meanings = meanings
        self._asking = asking
        self._topics = topics
        self._again = again
        self._troubles: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="questioning", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask nothing more; what was not answered is asked after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)

    def trouble(self, project: str) -> str:
        """Why nothing is asked, in a sentence; empty where nothing is in the way."""
        return self._troubles.get(project, "")

    def known(
        self, project: str, grounds: Grounds, said: Mapping[Key, Sequence[Said]]
    ) -> dict[Key, Known]:
        """What was answered before, of each conversation; nobody is asked."""
        if not _asks(grounds):
            return {key: Known({}, {}, complete=True) for key in said}
        settings = msgspec.structs.replace(grounds.settings, judge=NOBODY)
        texts = list(_texts(said))
        answered = self._asking.answer(project, settings, grounds.topics, texts)
        found: dict[Key, Known] = {}
        for key, messages in said.items():
            users = [one for one in messages if one.role == USER]
            judged = {
                one.id: tuple(id for id, yes in answered.verdicts[one.text].items() if yes)
                for one in users
            }
            whole = all(len(answered.verdicts[one.text]) == _judged_count(grounds) for one in users)
            found[key] = Known({id: ids for id, ids in judged.items() if ids}, {}, whole)
        return self._with_translations(project, grounds, said, found)

    def _with_translations(
        self,
        project: str,
        grounds: Grounds,
        said: Mapping[Key, Sequence[Said]],
        found: Mapping[Key, Known],
    ) -> dict[Key, Known]:
        if not grounds.settings.translates_to:
            return dict(found)
        told: dict[Key, Known] = {}
        for key, languages in self._languages(project, said).items():
            pairs = [(one.text, languages.get(one.id, "")) for one in said[key]]
            # The judge is there but not asked: what is missing is told apart from what needs none.
            missing = set(self._asking.missing_translations(project, grounds.settings, pairs))
            ready = [pair for pair in pairs if pair[0] not in missing]
            texts = self._asking.translations(project, grounds.settings, ready) if ready else {}
            by_id = {one.id: texts[one.text] for one in said[key] if one.text in texts}
            known = found[key]
            told[key] = Known(known.judged, by_id, known.complete and not missing)
        return told

    def _languages(
        self, project: str, said: Mapping[Key, Sequence[Said]]
    ) -> dict[Key, dict[str, str]]:
        known = self._meanings.known(project, set(said))
        return {
            key: {id: meaning.language for id, meaning in meanings.items()}
            for key, meanings in known.items()
        }

    # ---- asking --------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = IDLE_INTERVAL_S
        while not self._stopping.wait(pause):
            try:
                pause = 0 if self.step() else IDLE_INTERVAL_S
                if any(self._troubles.values()):
                    pause = TROUBLE_INTERVAL_S
            except Unavailable as error:
                log.warning("nothing is asked: %s", error)
                pause = IDLE_INTERVAL_S
            except Exception:  # the edge of a thread: it must go on, whatever one round met
                log.exception("asking failed, trying again")
                pause = TROUBLE_INTERVAL_S

    def step(self) -> bool:
        """Ask about some conversations of each project; whether there were any."""
        steps = [self._project(project.id) for project in self._accounts.projects()]
        return any(steps)

    def _polish(self, project: str, grounds: Grounds) -> None:
        """Have suggested topics called by a model's titles, if the project wants it."""
        settings = grounds.settings
        if not (settings.judge and settings.polishes_names):
            return
        plain = _unpolished(grounds)[:POLISHED_TOPICS]
        named = [
            (topic.definition.terms, topic.definition.typical, topic.definition.found_name)
            for topic in plain
        ]
        titles = self._asking.polish(project, settings, named) if named else []
        better = {
            topic.id: title
            for topic, title in zip(plain, titles, strict=True)
            if title != topic.definition.found_name
        }
        if better:
            self._topics.polish(project, better)

    def _project(self, project: str) -> bool:
        grounds = self._grounds.read(project)
        self._troubles[project] = ""
        self._polish(project, grounds)
        if not _asks(grounds):
            return False
        keys = self._meanings.unjudged(
            project, grounds.generation, grounds.judging, BATCH_CONVERSATIONS
        )
        if not keys:
            return False
        said = self._meanings.said(project, set(keys))
        settings, texts = grounds.settings, list(_texts(said))
        answered = self._asking.answer(project, settings, grounds.topics, texts)
        if settings.translates_to:
            languages = self._languages(project, said)
            pairs = [
                (one.text, languages[key].get(one.id, "")) for key in said for one in said[key]
            ]
            self._asking.translations(project, settings, pairs)
        self._troubles[project] = answered.trouble or self._asking.trouble(project, settings)
        self._again(project, keys)
        return not self._troubles[project]


def _unpolished(grounds: Grounds) -> list[Topic]:
    """The suggested topics that show the name that was found."""
    return [
        topic
        for topic in grounds.topics
        if not topic.kept
        and not topic.dormant
        and not topic.name
        and not topic.definition.polished_name
        and topic.definition.terms
    ]


def _asks(grounds: Grounds) -> bool:
    """Whether a model is to be asked anything at all."""
    settings = grounds.settings
    return bool(settings.judge) and bool(settings.translates_to or _judged_count(grounds))


def _judged_count(grounds: Grounds) -> int:
    return sum(topic.kind is TopicKind.LLM for topic in grounds.topics)


def _texts(said: Mapping[Key, Sequence[Said]]) -> dict[str, None]:
    """What users said, each text once."""
    return {one.text: None for messages in said.values() for one in messages if one.role == USER}
