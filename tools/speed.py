"""Compares the time of the attack with a plain sequential run, and with the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from textattack import Attack
from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult

from textattack_attend.analysis.example import Example
from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.attacks.results import StructureAttackResult
from textattack_attend.attacks.structured_text import attacked_text
from textattack_attend.data.texts import Text
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget

from .floor import Floor, floor, mean, timed
from .sequential import Outcome, SequentialHackAttend

AT_A_TIME = 20
"""The number of examples that are attacked one way before they are attacked the other way."""


@dataclass(frozen=True)
class Comparison:
    """The attack and the plain sequential run over the same examples, in one run.

    Args:
        attacked: the number of correctly classified examples.
        differing: the number of examples on which the two decided differently.
        seconds: the time of the attack on all examples.
        sequential_seconds: the time of the plain sequential run on all examples.
        floor: the lower bound on the time of any implementation, for all examples.
        token_layers: the number of hidden states, each of one token after one layer, that the
            attack computed.
    """

    attacked: int
    differing: int
    seconds: float
    sequential_seconds: float
    floor: Floor
    token_layers: int

    @property
    def ratio(self) -> float:
        """The time of the sequential run over that of the attack."""
        return self.sequential_seconds / self.seconds

    @property
    def over_floor(self) -> float:
        """The time of the attack over the floor."""
        return self.seconds / self.floor.plain


def compare(
    wrapper: AttentionModelWrapper, examples: Sequence[Example], mask_fraction: float = 0.01
) -> Iterator[Comparison]:
    """Attacks a few examples at a time in both ways, and yields the comparison so far each time."""
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=mask_fraction)
    sequential = SequentialHackAttend(wrapper.victim, Budget(mask_fraction))
    warm_up(wrapper, examples)
    attacked = differing = token_layers = 0
    seconds = sequential_seconds = 0.0
    least = Floor(0, 0, 0)
    for start in range(0, len(examples), AT_A_TIME):
        few = examples[start : start + AT_A_TIME]
        before = wrapper.victim.engine.token_layers
        results, spent = timed(partial(_attack_all, attack, few))
        computed = wrapper.victim.engine.token_layers - before
        read = [(attacked_text(text).tokenizer_input, label) for text, label in few]
        expected, sequential_spent = timed(partial(_attack_all_sequentially, sequential, read))
        least += floor(wrapper.victim, read, results, computed)
        attacked += sum(not isinstance(result, SkippedAttackResult) for result in results)
        differing += sum(outcome_of(r) != e for r, e in zip(results, expected, strict=True))
        token_layers += computed
        seconds += spent
        sequential_seconds += sequential_spent
        yield Comparison(
            attacked,
            differing,
            seconds,
            sequential_seconds,
            least,
            token_layers,
        )


def warm_up(wrapper: AttentionModelWrapper, examples: Sequence[Example]) -> None:
    """Makes what a victim makes at the first attack, which is no part of an attack's time."""
    attack = HackAttendPlus.build(wrapper, rounds=1)
    for example in examples:
        if not isinstance(attack.attack(*example), SkippedAttackResult):
            return


def _attack_all(
    attack: StructureAttack, examples: Sequence[Example]
) -> list[StructureAttackResult]:
    return list(attack.attack_many(examples))


def _attack_all_sequentially(
    attack: SequentialHackAttend, examples: Sequence[tuple[Text, int]]
) -> list[Outcome]:
    return [attack.attack(*example) for example in examples]


@dataclass(frozen=True)
class Timing:
    """An attack's time and success over the examples that it attacked.

    Args:
        attacked: the number of correctly classified examples.
        successes: the number of them that were flipped.
        queries: the mean number of queries for an attacked example.
        matrices: the mean number of perturbed matrices of a success; NaN for attacks on words.
        seconds: the time of all examples.
    """

    attacked: int
    successes: int
    queries: float
    matrices: float
    seconds: float

    @property
    def success_rate(self) -> float:
        """The attack success rate, as a fraction."""
        return self.successes / self.attacked if self.attacked else float("nan")

    @property
    def seconds_per_attack(self) -> float:
        """The seconds for an attacked example, the time of skipped ones included."""
        return self.seconds / max(1, self.attacked)


def time_attack(attack: Attack, examples: Sequence[Example]) -> Iterator[Timing]:
    """Attacks example after example, and yields the timing so far after each."""
    attack.attack(*examples[0])  # what is made at first use is no part of the time
    seconds = 0.0
    results = []
    for example in examples:
        result, spent = timed(partial(attack.attack, *example))
        seconds += spent
        if not isinstance(result, SkippedAttackResult):
            results.append(result)
        successes = [r for r in results if isinstance(r, SuccessfulAttackResult)]
        structures = [r.structure for r in successes if isinstance(r, StructureAttackResult)]
        yield Timing(
            attacked=len(results),
            successes=len(successes),
            queries=sum(r.num_queries for r in results) / max(1, len(results)),
            matrices=mean([len(structure.matrices) for structure in structures]),
            seconds=seconds,
        )


def outcome_of(result: StructureAttackResult) -> Outcome:
    """Returns the decisions of an attack's result."""
    if isinstance(result, SkippedAttackResult):
        return Outcome("skipped")
    if isinstance(result, SuccessfulAttackResult):
        return Outcome("success", result.structure, result.candidate_queries)
    return Outcome("failure", None, result.candidate_queries)
