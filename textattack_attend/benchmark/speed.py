"""The attack against a plain sequential run, and against what no attack could do without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from textattack import Attack
from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult
from torch.nn.functional import cross_entropy

from ..attack import StructureAttack
from ..attack_recipes import HackAttendLiong2024
from ..attack_results import StructureAttackResult
from ..models.wrappers import AttentionModelWrapper
from ..structures import Budget
from ..victim import Victim
from .reference import Example
from .sequential import Outcome, SequentialHackAttend

T = TypeVar("T")
ROWS = 384
"""Tokens of a plain batch: enough for a processor to be at its best."""
AT_A_TIME = 20
"""Examples attacked one way before they are attacked the other way."""


@dataclass(frozen=True)
class Comparison:
    """Both ways over the same examples, in one run.

    Args:
        attacked: correctly classified examples.
        differing: examples on which the two decided differently.
        seconds: time of the attack, all examples.
        sequential_seconds: time of the plain sequential run.
        floor_seconds: one forward and backward pass an example, and the token-layers that the
            attack computed, at the speed of plain batched forward passes.
        forward_seconds: one plain forward pass an attacked example.
        token_layers: hidden states, each of one token after one layer, that the attack computed.
    """

    attacked: int
    differing: int
    seconds: float
    sequential_seconds: float
    floor_seconds: float
    forward_seconds: float
    token_layers: int

    @property
    def ratio(self) -> float:
        """How many times faster the attack is than the sequential run."""
        return self.sequential_seconds / self.seconds

    @property
    def over_floor(self) -> float:
        """How many times the floor the attack takes."""
        return self.seconds / self.floor_seconds


def compare(
    wrapper: AttentionModelWrapper, examples: Sequence[Example], mask_fraction: float = 0.01
) -> Iterator[Comparison]:
    """Attack both ways, a few examples at a time; yields the comparison so far after each few."""
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=mask_fraction)
    sequential = SequentialHackAttend(wrapper.victim, Budget(mask_fraction))
    attack.attack(*examples[0])  # what is measured or made at first use is no part of the time
    attacked = differing = token_layers = 0
    seconds = sequential_seconds = floor_seconds = forward_seconds = 0.0
    for start in range(0, len(examples), AT_A_TIME):
        few = examples[start : start + AT_A_TIME]
        before = wrapper.victim.engine.token_layers
        results, spent = timed(partial(_attack_all, attack, few))
        computed = wrapper.victim.engine.token_layers - before
        expected, sequential_spent = timed(partial(_attack_all_sequentially, sequential, few))
        floor, forward = _floor(wrapper.victim, few, results, computed)
        attacked += sum(not isinstance(result, SkippedAttackResult) for result in results)
        differing += sum(outcome_of(r) != e for r, e in zip(results, expected, strict=True))
        token_layers += computed
        seconds += spent
        sequential_seconds += sequential_spent
        floor_seconds += floor
        forward_seconds += forward
        yield Comparison(
            attacked,
            differing,
            seconds,
            sequential_seconds,
            floor_seconds,
            forward_seconds,
            token_layers,
        )


def _attack_all(
    attack: StructureAttack, examples: Sequence[Example]
) -> list[StructureAttackResult]:
    return list(attack.attack_many(examples))


def _attack_all_sequentially(
    attack: SequentialHackAttend, examples: Sequence[Example]
) -> list[Outcome]:
    return [attack.attack(*example) for example in examples]


def _floor(
    victim: Victim,
    examples: Sequence[Example],
    results: Sequence[StructureAttackResult],
    token_layers: int,
) -> tuple[float, float]:
    """Seconds of the floor, and of one plain forward pass an attacked example.

    The floor is a forward and a backward pass an attacked example, a forward pass a skipped one,
    and the token-layers in plain batches, each of one text.
    """
    passes = forwards = 0.0
    per_token_layer = []
    for (text, label), result in zip(examples, results, strict=True):
        forward = _forward(victim, [text])
        if isinstance(result, SkippedAttackResult):
            passes += forward
            continue
        forwards += forward
        passes += _both_passes(victim, text, label)
        per_token_layer.append(_token_layer(victim, text))
    return passes + token_layers * _mean(per_token_layer or [0]), forwards


@dataclass(frozen=True)
class Timing:
    """An attack's time and success over the examples that it attacked.

    Args:
        attacked: correctly classified examples.
        successes: how many of them were flipped.
        queries: per attacked example.
        matrices: perturbed matrices per success; NaN for attacks on words.
        seconds: of all examples.
    """

    attacked: int
    successes: int
    queries: float
    matrices: float
    seconds: float

    @property
    def success_rate(self) -> float:
        """ASR, as a fraction."""
        return self.successes / self.attacked if self.attacked else float("nan")

    @property
    def seconds_per_attack(self) -> float:
        """Skipped examples' time included."""
        return self.seconds / max(1, self.attacked)


def time_attack(attack: Attack, examples: Sequence[Example]) -> Iterator[Timing]:
    """Attack example after example; yields the timing so far after each."""
    attack.attack(*examples[0])  # as above
    seconds = 0.0
    results = []
    for example in examples:
        result, spent = timed(lambda: attack.attack(*example))  # noqa: B023
        seconds += spent
        if not isinstance(result, SkippedAttackResult):
            results.append(result)
        successes = [r for r in results if isinstance(r, SuccessfulAttackResult)]
        structures = [r.structure for r in successes if isinstance(r, StructureAttackResult)]
        yield Timing(
            attacked=len(results),
            successes=len(successes),
            queries=sum(r.num_queries for r in results) / max(1, len(results)),
            matrices=_mean([len(structure.matrices) for structure in structures]),
            seconds=seconds,
        )


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else float("nan")


def outcome_of(result: StructureAttackResult) -> Outcome:
    """What an attack result decided."""
    if isinstance(result, SkippedAttackResult):
        return Outcome("skipped")
    if isinstance(result, SuccessfulAttackResult):
        return Outcome("success", result.structure, result.candidate_queries)
    return Outcome("failure", None, result.candidate_queries)


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What a call returns, and the seconds it took."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def _forward(victim: Victim, texts: list[str]) -> float:
    inputs = victim.tokenizer(texts, return_tensors="pt").to(victim.model.device)
    with torch.inference_mode():
        return timed(lambda: victim.model(**inputs).logits.cpu())[1]


def _token_layer(victim: Victim, text: str) -> float:
    """Seconds a token and layer of a plain forward pass over a batch of the text."""
    tokens = len(victim.tokens(text))
    rows = -(-ROWS // tokens)
    layers = int(victim.model.config.num_hidden_layers)
    return _forward(victim, [text] * rows) / (rows * tokens * layers)


def _both_passes(victim: Victim, text: str, label: int) -> float:
    """Seconds of one forward pass, and one backward pass to the attention of every layer."""
    inputs = victim.tokenizer([text], return_tensors="pt").to(victim.model.device)
    target = torch.tensor([label], device=victim.model.device)

    def run() -> Any:
        output = victim.model(**inputs, output_attentions=True)
        return torch.autograd.grad(cross_entropy(output.logits, target), output.attentions)

    return timed(run)[1]
