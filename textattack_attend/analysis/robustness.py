"""Finds the smallest budget that flips each example, and draws accuracy over the budget.

HackAttend+ finds the budgets, and HackAttend-Minimal the units, so they are upper bounds: a
stronger attack may need less. An attack that succeeds at some budget need not at a larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Any

from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult

from ..attack_recipes import HackAttendMinimal, HackAttendPlus
from ..attacks.attack import StructureAttack
from ..attacks.results import StructureAttackResult
from ..attacks.structured_text import attacked_text
from ..models.wrappers import AttentionModelWrapper
from ..structures import Budget, Shape, Structure
from .example import Example

RESOLUTION = 1.1
"""The factor within which the smallest number of units is found."""


@dataclass(frozen=True)
class Smallest:
    """The smallest budget that flipped one example.

    It is 0 for an example that is misclassified without an attack, and infinite if no attack
    succeeded.

    Args:
        shape: the shape of the text's structures.
        units: the number of masked units of a matrix, when all matrices are masked.
        fraction: the mask fraction, which is that number over the attackable units of a matrix.
    """

    shape: Shape
    units: float
    fraction: float


def smallest_fractions(
    wrapper: AttentionModelWrapper, examples: Sequence[Example]
) -> Iterator[Smallest]:
    """Searches for the smallest mask fraction at which HackAttend+ flips each example."""
    attack = HackAttendPlus.build(wrapper, prune=False)
    for text, label in examples:
        shape = shape_of(wrapper, text)
        units = _units(Budget(1), shape)
        smallest = _smallest(attack, (text, label), units)
        yield Smallest(shape, smallest, smallest / units)


def shape_of(wrapper: AttentionModelWrapper, text: Any) -> Shape:
    """Returns the shape of the structures of an example's text.

    Args:
        wrapper: the victim.
        text: the text, or an ordered dict of its columns.
    """
    return wrapper.victim.empty_structure(attacked_text(text).tokenizer_input).shape


def _smallest(attack: StructureAttack, example: Example, units: int) -> float:
    """Returns the smallest number of masked units of a matrix with which the attack succeeds.

    The number is tripled until the attack succeeds, and then found by bisection.
    """

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
    """Yields the number of matrices that HackAttend+ masks in each success, at a fraction of 1%.

    It is 0 for an example that is misclassified without an attack, and infinite for a failure.
    """
    attack = HackAttendPlus.build(wrapper)
    return _fewest(attack, examples, lambda structure: len(structure.matrices))


def fewest_units(wrapper: AttentionModelWrapper, examples: Sequence[Example]) -> Iterator[float]:
    """Yields the number of units of the whole model that HackAttend-Minimal masks in each success.

    It is 0 for an example that is misclassified without an attack, and infinite for a failure.
    """
    return _fewest(HackAttendMinimal.build(wrapper), examples, len)


def _fewest(
    attack: StructureAttack, examples: Sequence[Example], size: Callable[[Structure], int]
) -> Iterator[float]:
    for result in attack.attack_many(examples):
        if isinstance(result, SkippedAttackResult):
            yield 0
        else:
            success = isinstance(result, SuccessfulAttackResult)
            yield size(result.structure) if success else inf


def fraction_curve(found: Sequence[Smallest], fractions: Sequence[float]) -> Iterator[float]:
    """Yields the accuracy on all examples under attack at each mask fraction."""
    for fraction in fractions:
        budget = Budget(fraction)
        yield _mean([one.units > _units(budget, one.shape) for one in found])


def _units(budget: Budget, shape: Shape) -> int:
    """Returns the units of a matrix that a budget allows, in the layer whose queries see most."""
    return max(max(budget.units_per_matrix(shape, layer)) for layer in range(shape.layers))


def counts_curve(found: Sequence[float], counts: Sequence[int]) -> Iterator[float]:
    """Yields the accuracy under attack with at most each number of matrices, or of units."""
    for count in counts:
        yield _mean([fewest > count for fewest in found])


def _mean(survived: Sequence[bool]) -> float:
    return sum(survived) / len(survived) if survived else float("nan")
