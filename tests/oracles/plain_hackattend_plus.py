"""A plain re-implementation of HackAttend+ in double precision, one unit at a time.

It was written from the description alone. In every round, each unit has an effect, the linear term
of the change of the margin when the unit is masked, or stays masked. Effects are averaged over the
rounds, and each matrix masks the units with the highest averages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, inf

import torch
from torch import Tensor

from .plain_hackattend import attackable_units, prediction_margin, reached
from .plain_model import NOTHING, Attention, PlainModel, Unit, Units, attention_gradients

Scores = dict[Unit, float]


@dataclass(frozen=True)
class PlusOptions:
    """Options of the attack, named as the package names them."""

    mask_fraction: float = 0.1
    rounds: int = 4
    decay: float = 0.5
    growth: int = 1
    spare_first_token: bool = True
    target_class: int | None = None


@dataclass
class PlusOutcome:
    """The outcome of an attack.

    Args:
        success: true if the goal was reached.
        tried: the structures that were tested.
        margin: the distance of the closest decision from going the other way.
    """

    success: bool = False
    tried: list[Units] = field(default_factory=list)
    margin: float = inf


def effects(model: PlainModel, ids: Sequence[int], attention: Attention, masked: Units) -> Scores:
    """Computes the effect of every unit, to first order."""
    scores = {}
    for layer, head in model.matrices:
        for query in range(len(ids)):
            row = attention.probabilities[layer, head, query]
            gradient = attention.probability_gradients[layer, head, query]
            for key in range(len(ids)):
                unit = (layer, head, query, key)
                share = float(row[key])
                if unit in masked:
                    opened = model.run(ids, masked - {unit}).probabilities[layer, head]
                    share = float(opened[query, key])
                    rest = float(row @ gradient)
                else:
                    rest = float((row @ gradient - row[key] * gradient[key]) / (1 - row[key]))
                scores[unit] = -share * (float(gradient[key]) - rest)
    return scores


class PlainHackAttendPlus:
    """Runs the rounds, without pruning, on one text."""

    def __init__(
        self, model: PlainModel, ids: Sequence[int], label: int, options: PlusOptions
    ) -> None:
        self.model = model
        self.ids = ids
        self.label = label
        self.options = options
        self.outcome = PlusOutcome()

    def attack(self) -> PlusOutcome:
        """Selects anew until the goal is reached, nothing changes, or the rounds are over."""
        masked, average = NOTHING, None
        for number in range(1, self.options.rounds + 1):
            attention = attention_gradients(self.model, self.ids, self._loss, masked)
            effect = effects(self.model, self.ids, attention, masked)
            if average is None:
                average = effect
            decay = self.options.decay
            damped = {u: decay * average[u] + (1 - decay) * effect[u] for u in effect}
            chosen, average = self._chosen(damped, number), damped
            if chosen == masked:
                chosen, average = self._chosen(effect, number), effect
            if chosen == masked:
                break
            masked = chosen
            self.outcome.tried.append(masked)
            if self._reached(masked):
                self.outcome.success = True
                break
        return self.outcome

    def _chosen(self, scores: Scores, number: int) -> Units:
        tokens = len(self.ids)
        pairs = attackable_units(tokens, self.options.spare_first_token)
        count = max(1, int(self.options.mask_fraction * len(pairs) + 1e-9))
        count = ceil(count * min(1, number / self.options.growth))
        chosen: set[Unit] = set()
        for matrix in self.model.matrices:
            units = sorted(((*matrix, *pair) for pair in pairs), key=lambda unit: -scores[unit])
            last, following = scores[units[count - 1]], scores[units[count]]
            largest = max(abs(scores[unit]) for unit in units)
            if largest > 0:
                self._decide((last - following) / largest)
            chosen.update(units[:count])
        return frozenset(chosen)

    def _loss(self, logits: Tensor) -> Tensor:
        wanted = self.label if self.options.target_class is None else self.options.target_class
        others = torch.cat([logits[:wanted], logits[wanted + 1 :]]).max()
        lead = others - logits[wanted]
        return lead if self.options.target_class is None else -lead

    def _reached(self, structure: Units) -> bool:
        logits = self.model.run(self.ids, structure).logits
        self._decide(prediction_margin(logits, self.label, self.options.target_class))
        return reached(logits, self.label, self.options.target_class)

    def _decide(self, margin: float) -> None:
        self.outcome.margin = min(self.outcome.margin, margin)
