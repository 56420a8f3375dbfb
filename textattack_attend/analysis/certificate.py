"""Certifies the answers of a smoothed model: so few masked units cannot change them.

Randomised ablation (Levine & Feizi 2020), on attention: a smoothed model answers by the vote of
random structures, each of which masks every attackable unit with probability alpha. Who masks r
more units changes only the votes whose structures had not masked all of these already, at most a
share of 1 - alpha^r. An answer with a larger lead stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log
from typing import Any

import numpy as np
from scipy.stats import beta
from torch import Tensor

from ..attacks.structured_text import attacked_text
from ..errors import InvalidInputError, require_share, require_whole_number
from ..models.wrappers import AttentionModelWrapper
from ..rankings.ranking import generator_for
from ..structures import Budget, Matrix, Shape, Structure
from .example import Example

BATCH = 100
"""The number of votes that are asked for together."""


@dataclass(frozen=True)
class Smoothing:
    """The vote of a smoothed model, and the certainty of its certificates.

    Args:
        alpha: the probability that a unit is masked in a vote, in (0, 1).
        votes: the number of votes that bound the share of a class; a tenth of them, drawn before,
            chooses the class.
        error: the probability that a certificate is false, in (0, 1).
        spare_first_token: whether neither votes nor attackers mask the row and the column of [CLS].
        seed: the seed of the structures.

    Raises:
        InvalidInputError: an option is outside its range, or so few votes can never certify.
    """

    alpha: float = 0.9
    votes: int = 1000
    error: float = 0.001
    spare_first_token: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require_share("alpha", self.alpha, "(0, 1)")
        require_share("error", self.error, "(0, 1)")
        require_whole_number("votes", self.votes)
        require_whole_number("seed", self.seed, at_least=0)
        needed = floor(log(self.error) / log(0.5)) + 1
        if self.votes < needed:
            raise InvalidInputError(
                f"votes: expected at least {needed}, as fewer cannot show a majority with an error "
                f"of {self.error}, got {self.votes}"
            )

    def radius(self, share: float) -> int:
        """Returns the number of units that cannot overturn a share of votes; -1 if it abstains.

        Args:
            share: a lower bound of the share of the votes of a class.
        """
        if share <= 0.5:
            return -1
        units = floor(log(1.5 - share) / log(self.alpha))
        # Logarithms round: the number is that for which the lead is still above a half.
        while units and share - (1 - self.alpha**units) <= 0.5:
            units -= 1
        return units


@dataclass(frozen=True)
class Certificate:
    """The answer of a smoothed model to one text, and what it withstands.

    Args:
        answer: the class with the most votes of the first draw.
        share: a lower bound of the share of its votes.
        units: no structure of so many units changes the answer; -1 if the model abstains.
    """

    answer: int
    share: float
    units: int


def certificates(
    wrapper: AttentionModelWrapper, texts: Sequence[Any], smoothing: Smoothing
) -> Iterator[Certificate]:
    """Yields the certificate of each text.

    Args:
        wrapper: the victim.
        texts: texts, or ordered dicts of their columns.
        smoothing: how the model votes.
    """
    for text in texts:
        count = max(1, smoothing.votes // 10)
        chosen = _votes(wrapper, text, smoothing, "certificate, class", count)
        answer = int(np.bincount(chosen).argmax())
        votes = _votes(wrapper, text, smoothing, "certificate, share", smoothing.votes)
        share = lower_bound(int((votes == answer).sum()), smoothing.votes, smoothing.error)
        yield Certificate(answer, share, smoothing.radius(share))


def certified_curve(
    examples: Sequence[Example], found: Sequence[Certificate], counts: Sequence[int]
) -> Iterator[float]:
    """Yields the share of the examples that are right, and certified for each number of units."""
    for units in counts:
        right = [
            own.answer == label and own.units >= units
            for (_, label), own in zip(examples, found, strict=True)
        ]
        yield sum(right) / len(right) if right else float("nan")


def lower_bound(successes: int, trials: int, error: float) -> float:
    """Computes the exact one-sided lower bound of a share (Clopper & Pearson 1934).

    Args:
        successes: the number of successes.
        trials: the number of trials.
        error: the probability that the share is below the bound.
    """
    return float(beta.ppf(error, successes, trials - successes + 1)) if successes else 0.0


def random_structure(shape: Shape, smoothing: Smoothing, draw: np.random.Generator) -> Structure:
    """Draws a structure that masks each attackable unit with probability alpha."""
    budget = Budget(1, smoothing.spare_first_token)
    cells: dict[Matrix, Any] = {}
    for layer in range(shape.layers):
        own = budget.cells(shape, layer)
        masked = draw.random((shape.heads, len(own))) < smoothing.alpha
        cells.update({(layer, head): own[masked[head]] for head in range(shape.heads)})
    return Structure(shape, cells)


def _votes(
    wrapper: AttentionModelWrapper, text: Any, smoothing: Smoothing, purpose: str, count: int
) -> np.ndarray:
    """Returns the classes of so many votes, int64 (count,)."""
    given = attacked_text(text).tokenizer_input
    draw = generator_for(given, smoothing.seed, purpose)
    shape = wrapper.victim.empty_structure(given).shape
    classes: list[int] = []
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        structures = [random_structure(shape, smoothing, draw) for _ in range(size)]
        logits: Tensor = wrapper.victim.logits([given] * size, structures)
        classes += logits.argmax(-1).tolist()
    return np.array(classes)
