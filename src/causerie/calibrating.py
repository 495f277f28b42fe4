"""Bending a project's scale of moods to what its own thumbs say, once there are enough of them.

A thumb is on an answer; it is held against what the user said next, which is their reaction, or
where they said no more, what they had asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from causerie.meanings import MessageMeaning, Said
from causerie.model_processes import ModelProcesses
from causerie.sentiment import THUMBS_MIN
from causerie.store.events import lookups
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.meanings import Meanings, Rated
from causerie.understanding import USER, Felt, Grounds, bend

RATED_MAX = 2_000
GROWTH_DUE = 1.5
"""So many times the thumbs that it was last fitted to are worth another fit."""


@dataclass
class Calibrating:
    """Fits the scales of projects, in the worker's thread."""

    meanings: Meanings
    settings: MeaningSettingsStore
    processes: ModelProcesses
    tried: dict[str, int] = field(default_factory=dict)
    """By project, how many thumbs there were at the last try, which may have been too few."""

    def run(self, project: str, grounds: Grounds) -> bool:
        """Fit the scale if that is due; whether it is another now. Raises Unavailable."""
        thumbs = min(self.meanings.thumbs(project), RATED_MAX)
        before = max(grounds.settings.calibration.get("thumbs", 0), self.tried.get(project, 0))
        if thumbs < max(THUMBS_MIN, GROWTH_DUE * before):
            return False
        self.tried[project] = thumbs
        rated = self.meanings.rated(project, RATED_MAX)
        felt, ups = self._reactions(project, rated, grounds.settings.model)
        found = self.processes.run(bend, grounds, felt, ups)
        if not found or found == grounds.settings.calibration:
            return False
        # Read again: a person may have changed something else meanwhile.
        now = self.settings.shown(project)
        self.settings.put(project, msgspec.structs.replace(now, calibration=found))
        return True

    def _reactions(
        self, project: str, rated: Sequence[Rated], model: str
    ) -> tuple[list[Felt], list[bool]]:
        """What users said about answers, as far as it has a vector, and which way the thumb was."""
        felt: list[Felt] = []
        thumbs: list[bool] = []
        keys = sorted({(one.tenant, one.conversation) for one in rated})
        for some in lookups(keys):
            said = self.meanings.said(project, set(some))
            known = self.meanings.known(project, set(some))
            for one in rated:
                key = (one.tenant, one.conversation)
                reaction = _reaction(one, said.get(key, ()), known.get(key, {}), model)
                if reaction is not None:
                    felt.append(reaction)
                    thumbs.append(one.rating > 0)
        return felt, thumbs


def _reaction(
    rated: Rated, said: Sequence[Said], known: Mapping[str, MessageMeaning], model: str
) -> Felt | None:
    users = [one for one in said if one.role == USER]
    after = [one for one in users if one.position > rated.position]
    before = [one for one in users if one.position < rated.position]
    chosen = after[:1] or before[-1:]
    meaning = known.get(chosen[0].id) if chosen else None
    if meaning is None or meaning.model != model or not meaning.vector:
        return None
    return Felt(chosen[0].text, meaning.language, meaning.vector)
