"""The attack against a plain sequential run: same victim, same examples, time and decisions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult

from ..attack import StructureAttack
from ..attack_recipes import HackAttendLiong2024
from ..attack_results import StructureAttackResult
from ..models.wrappers import AttentionModelWrapper
from ..structures import Budget
from .reference import Example
from .sequential import Outcome, SequentialHackAttend


@dataclass(frozen=True)
class Comparison:
    """Both ways over the same examples, in one run.

    Args:
        attacked: correctly classified examples.
        differing: examples on which the two decided differently.
        seconds: time of the attack, all examples.
        sequential_seconds: time of the plain sequential run.
    """

    attacked: int
    differing: int
    seconds: float
    sequential_seconds: float

    @property
    def ratio(self) -> float:
        """How many times faster the attack is."""
        return self.sequential_seconds / self.seconds


def compare(
    wrapper: AttentionModelWrapper, examples: Sequence[Example], mask_fraction: float = 0.01
) -> Iterator[Comparison]:
    """Attack example after example both ways; yields the comparison so far after each."""
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=mask_fraction)
    sequential = SequentialHackAttend(wrapper.victim, Budget(mask_fraction))
    attacked = differing = 0
    seconds = sequential_seconds = 0.0
    for example in examples:
        ours, spent = _timed(_attack_with, attack, example)
        theirs, sequential_spent = _timed(sequential.attack, *example)
        attacked += ours.status != "skipped"
        differing += ours != theirs
        seconds += spent
        sequential_seconds += sequential_spent
        yield Comparison(attacked, differing, seconds, sequential_seconds)


def outcome_of(result: StructureAttackResult) -> Outcome:
    """What an attack result decided."""
    if isinstance(result, SkippedAttackResult):
        return Outcome("skipped")
    if isinstance(result, SuccessfulAttackResult):
        return Outcome("success", result.structure, result.candidate_queries)
    return Outcome("failure", None, result.candidate_queries)


def _attack_with(attack: StructureAttack, example: Example) -> Outcome:
    return outcome_of(attack.attack(*example))


def _timed(call: Callable[..., Outcome], *arguments: Any) -> tuple[Outcome, float]:
    start = time.perf_counter()
    return call(*arguments), time.perf_counter() - start
