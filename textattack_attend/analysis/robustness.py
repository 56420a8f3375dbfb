"""Robustness curves: the smallest budget that flips each example, and accuracy over the budget.

Found by HackAttend+, so an upper bound: a stronger attack may need less, and what flips an example
at some budget need not be found at a larger one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt

from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult

from ..attack_recipes import HackAttendPlus
from ..attacks.attack import StructureAttack
from ..attacks.results import StructureAttackResult
from ..models.wrappers import AttentionModelWrapper
from ..structures import Budget, Shape
from .example import Example

RESOLUTION = 1.1
"""The smallest number of units is known within this factor."""


@dataclass(frozen=True)
class Smallest:
    """What it takes to flip one example: 0 if it is wrong already, infinite if nothing did.

    Args:
        shape: of the structures of the text.
        units: masked units in a matrix, all matrices being masked.
        fraction: the same as a share of the attackable units of a matrix.
    """

    shape: Shape
    units: float
    fraction: float


def smallest_fractions(
    wrapper: AttentionModelWrapper, examples: Sequence[Example]
) -> Iterator[Smallest]:
    """Search for the smallest mask fraction at which HackAttend+ flips each example."""
    attack = HackAttendPlus.build(wrapper, prune=False)
    for text, label in examples:
        shape = wrapper.victim.empty_structure(text).shape
        units = _units(Budget(1), shape)
        smallest = _smallest(attack, (text, label), units)
        yield Smallest(shape, smallest, smallest / units)


def _smallest(attack: StructureAttack, example: Example, units: int) -> float:
    """Masked units of a matrix: tripled until the attack succeeds, then halved in."""

    def attacked_with(count: int) -> StructureAttackResult:
        # Half a unit more, as the budget rounds down.
        attack.transformation.budget = Budget(min(1, (count + 0.5) / units))
        return attack.attack(*example)

    first = attacked_with(1)
    if isinstance(first, SkippedAttackResult):
        return 0
    failed, succeeded = (0, 1) if isinstance(first, SuccessfulAttackResult) else (1, 0)
    while not succeeded and failed < units:
        count = min(units, 3 * failed)
        if isinstance(attacked_with(count), SuccessfulAttackResult):
            succeeded = count
        else:
            failed = count
    while succeeded - failed > 1 and succeeded > failed * RESOLUTION:
        count = min(succeeded - 1, ceil(sqrt(failed * succeeded)))
        if isinstance(attacked_with(count), SuccessfulAttackResult):
            succeeded = count
        else:
            failed = count
    return succeeded or inf


def fewest_matrices(wrapper: AttentionModelWrapper, examples: Sequence[Example]) -> Iterator[float]:
    """How many matrices HackAttend+ leaves of each success, at 1%; 0 and infinite as above."""
    for result in HackAttendPlus.build(wrapper).attack_many(examples):
        if isinstance(result, SkippedAttackResult):
            yield 0
        else:
            success = isinstance(result, SuccessfulAttackResult)
            yield len(result.structure.matrices) if success else inf


def fraction_curve(found: Sequence[Smallest], fractions: Sequence[float]) -> Iterator[float]:
    """Accuracy of all examples under attack at each mask fraction."""
    for fraction in fractions:
        budget = Budget(fraction)
        yield _mean([one.units > _units(budget, one.shape) for one in found])


def _units(budget: Budget, shape: Shape) -> int:
    """Units of a matrix that may be masked, in the layer whose queries see most."""
    return max(max(budget.units_per_matrix(shape, layer)) for layer in range(shape.layers))


def matrices_curve(found: Sequence[float], counts: Sequence[int]) -> Iterator[float]:
    """Accuracy of all examples under attack with at most so many matrices masked."""
    for count in counts:
        yield _mean([fewest > count for fewest in found])


def _mean(survived: Sequence[bool]) -> float:
    return sum(survived) / len(survived) if survived else float("nan")
