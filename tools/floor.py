"""Measures the floor, a lower bound on the time of any implementation of the same search."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from textattack.attack_results import SkippedAttackResult
from torch.nn.functional import cross_entropy

from textattack_attend.attacks.results import StructureAttackResult
from textattack_attend.attention import family_of, faster_products, run_rows
from textattack_attend.data.texts import Text
from textattack_attend.victims.victim import Victim

T = TypeVar("T")
ROWS = 384
"""The tokens of a plain batch, which are enough for a processor to reach its full speed."""


def now() -> float:
    """Returns the seconds of a clock: that of this process if one thread of a CPU computes.

    Other programs on the machine do not slow that clock.
    """
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    return time.process_time() if alone else time.perf_counter()


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """Returns the result of a call, and the seconds that it took."""
    start = now()
    return call(), now() - start


@dataclass(frozen=True)
class Floor:
    """A lower bound, in seconds, on the time of any implementation of the same search.

    Args:
        plain: the time of a forward and a backward pass for each attacked example, of a forward
            pass for each skipped one, and of the token-layers in plain batches of one text each.
        same_kernels: that time with the linear layers that the engine uses in the batches.
        forwards: the part of that time for one forward pass for each attacked example.
    """

    plain: float
    same_kernels: float
    forwards: float

    def __add__(self, other: Floor) -> Floor:
        return Floor(
            self.plain + other.plain,
            self.same_kernels + other.same_kernels,
            self.forwards + other.forwards,
        )


def floor(
    victim: Victim,
    examples: Sequence[tuple[Text, int]],
    results: Sequence[StructureAttackResult],
    token_layers: int,
) -> Floor:
    """Measures the floor on the examples of an attack that computed so many token-layers."""
    passes = forwards = 0.0
    plain, same_kernels = [], []
    for (text, label), result in zip(examples, results, strict=True):
        forward = _forward(victim, [text])
        if isinstance(result, SkippedAttackResult):
            passes += forward
            continue
        forwards += forward
        passes += _both_passes(victim, text, label)
        plain.append(_token_layer(victim, text))
        with faster_products(victim.model, ROWS):
            same_kernels.append(_token_layer(victim, text))
    return Floor(
        passes + token_layers * mean(plain or [0]),
        passes + token_layers * mean(same_kernels or [0]),
        forwards,
    )


def mean(numbers: Sequence[float]) -> float:
    """Returns the mean of numbers, or NaN if there are none."""
    return sum(numbers) / len(numbers) if numbers else float("nan")


def _forward(victim: Victim, texts: Sequence[Text]) -> float:
    inputs = victim.inputs.encode(texts).to(victim.model.device)
    with torch.inference_mode():
        return timed(lambda: run_rows(victim.model, inputs).logits.cpu())[1]


def _token_layer(victim: Victim, text: Text) -> float:
    """Returns the seconds of a plain forward pass over a batch of the text, per token and layer."""
    tokens = len(victim.tokens(text))
    rows = -(-ROWS // tokens)
    layers = len(family_of(victim.model).all_layers(victim.model))
    return _forward(victim, [text] * rows) / (rows * tokens * layers)


def _both_passes(victim: Victim, text: Text, label: int) -> float:
    """Returns the seconds of one forward pass, and one backward pass to every layer's attention."""
    target = torch.tensor([label], device=victim.model.device)

    def run() -> float:
        captured = victim.capture(text, lambda logits: cross_entropy(logits, target))
        return float(captured.probability_gradients.sum())  # waits for the device

    return timed(run)[1]
