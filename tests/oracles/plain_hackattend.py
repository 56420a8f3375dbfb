"""A plain re-implementation of HackAttend on `plain_model`, to compare with.

It was written from the design, and calls nothing of the package. It computes in double precision,
with one structure a forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from math import inf

import torch
from torch import Tensor

from .plain_model import (
    NOTHING,
    Attention,
    Matrix,
    PlainModel,
    Units,
    attention_gradients,
    everything_of,
)


@dataclass(frozen=True)
class Options:
    """The options of HackAttend, under the package's names and with its defaults."""

    mask_fraction: float = 0.01
    max_layers: int = 12
    max_heads: int = 12
    ranking: str = "probability_gradient"
    accumulate: bool = True
    spare_first_token: bool = True
    target_class: int | None = None


@dataclass
class Outcome:
    """The outcome of an attack.

    Args:
        success: true if the goal was reached.
        units: the last structure that was tested, which reached the goal in a success.
        tried: the matrices whose candidate masks were tested, in order.
        probes: the number of structures that were tested for the order alone.
        margin: the distance of the closest decision from going the other way.
    """

    success: bool = False
    units: Units = NOTHING
    tried: list[Matrix] = field(default_factory=list)
    probes: int = 0
    margin: float = inf

    @property
    def candidate_queries(self) -> int:
        """The number of structures tested, which the paper prints."""
        return len(self.tried)

    def decide(self, margin: float) -> None:
        """Notes the margin of a decision."""
        self.margin = min(self.margin, margin)


def log_odds(logits: Tensor, label: int, target: int | None) -> float:
    """Returns the log odds that the attack raises, of any wrong class or of the target.

    They have the order of the probabilities, and tell float noise from a real difference.
    """
    wanted = label if target is None else target
    others = torch.cat([logits[:wanted], logits[wanted + 1 :]])
    odds = float(logits[wanted] - others.logsumexp(0))
    return -odds if target is None else odds


def reached(logits: Tensor, label: int, target: int | None) -> bool:
    """Returns whether the prediction is any wrong class, or the target."""
    prediction = int(logits.argmax())
    return prediction != label if target is None else prediction == target


def prediction_margin(logits: Tensor, label: int, target: int | None) -> float:
    """Returns the distance of the prediction from reaching, or missing, the goal."""
    decisive = label if target is None else target
    others = torch.cat([logits[:decisive], logits[decisive + 1 :]])
    return abs(float(logits[decisive] - others.max()))


def attackable_units(tokens: int, spare_first_token: bool) -> list[tuple[int, int]]:
    """Returns the (query, key) pairs that may be masked, in order."""
    first = 1 if spare_first_token else 0
    return [(query, key) for query in range(first, tokens) for key in range(first, tokens)]


def ranking_scores(attention: Attention, ranking: str, matrix: Matrix) -> tuple[Tensor, Tensor]:
    """Returns the scores of a matrix's units, and the gradient behind them, each (T, T)."""
    probabilities = attention.probabilities[matrix]
    if ranking == "attention":
        return probabilities, torch.ones_like(probabilities)
    if ranking == "probability_gradient":
        gradient = attention.probability_gradients[matrix]
        return -gradient, gradient
    gradient = attention.score_gradients[matrix]
    if ranking == "score_gradient":
        return -gradient, gradient
    assert ranking == "first_order"
    return -gradient / (1 - probabilities), gradient


def candidate_mask(
    attention: Attention, matrix: Matrix, options: Options, outcome: Outcome
) -> Units:
    """Returns the top ``k = max(1, floor(alpha * n))`` of a matrix's n attackable units."""
    scores, gradient = ranking_scores(attention, options.ranking, matrix)
    units = attackable_units(len(scores), options.spare_first_token)
    if all(float(gradient[unit]) == 0 for unit in units):
        scores = attention.probabilities[matrix]
    count = max(1, int(Decimal(str(options.mask_fraction)) * len(units)))
    best_first = sorted(units, key=lambda unit: -float(scores[unit]))
    if count < len(units):
        last, next_one = (float(scores[unit]) for unit in best_first[count - 1 : count + 1])
        if not last == next_one == 0:  # a gradient of exactly zero has no noise
            scale = max(abs(float(scores[unit])) for unit in units)
            outcome.decide((last - next_one) / scale)
    return frozenset((*matrix, *unit) for unit in best_first[:count])


class PlainHackAttend:
    """Runs steps 1 to 4 of the design on one text."""

    def __init__(self, model: PlainModel, ids: Sequence[int], label: int, options: Options) -> None:
        self.model = model
        self.ids = ids
        self.label = label
        self.options = options
        self.outcome = Outcome()

    def attack(self) -> Outcome:
        """Searches until the goal is reached or nothing is left to try."""
        assert not self._reached(NOTHING), "the clean text reaches the goal already"
        attention = attention_gradients(self.model, self.ids, self._loss)
        masks = {
            matrix: candidate_mask(attention, matrix, self.options, self.outcome)
            for matrix in self.model.matrices
        }
        kept = NOTHING
        for matrix in self._order():
            structure = kept | masks[matrix]
            if self.options.accumulate:
                kept = structure
            self.outcome.tried.append(matrix)
            self.outcome.units = structure
            if self._reached(structure):
                self.outcome.success = True
                break
        return self.outcome

    def _order(self) -> Iterator[Matrix]:
        """Yields the matrices in the order of the search; heads are ordered with their layer."""
        heads = range(self.model.heads)
        layers = self._most_important(
            [[(layer, head) for head in heads] for layer in range(self.model.layers)]
        )
        for layer in layers[: self.options.max_layers]:
            by_head = self._most_important([[(layer, head)] for head in heads])
            yield from ((layer, head) for head in by_head[: self.options.max_heads])

    def _most_important(self, probes: Sequence[Sequence[Matrix]]) -> list[int]:
        """Returns the positions of the probes, the one that helps most when masked first."""
        goals = [self._goal(everything_of(probe, len(self.ids))) for probe in probes]
        self.outcome.probes += len(probes)
        order = sorted(range(len(probes)), key=lambda position: -goals[position])
        for better, worse in pairwise(order):
            self.outcome.decide(goals[better] - goals[worse])
        return order

    def _loss(self, logits: Tensor) -> Tensor:
        """Returns the cross-entropy at the label, or minus the cross-entropy at the target."""
        log_probabilities = logits - logits.logsumexp(0)
        if self.options.target_class is None:
            return -log_probabilities[self.label]
        return log_probabilities[self.options.target_class]

    def _goal(self, structure: Units) -> float:
        logits = self.model.logits(self.ids, structure)
        return log_odds(logits, self.label, self.options.target_class)

    def _reached(self, structure: Units) -> bool:
        logits = self.model.logits(self.ids, structure)
        self.outcome.decide(prediction_margin(logits, self.label, self.options.target_class))
        return reached(logits, self.label, self.options.target_class)
