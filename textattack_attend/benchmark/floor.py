"""The floor: what no attack that makes the same search could do without."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from textattack.attack_results import SkippedAttackResult
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from ..attack_results import StructureAttackResult
from ..victim import Victim
from .reference import Example

T = TypeVar("T")
ROWS = 384
"""Tokens of a plain batch: enough for a processor to be at its best."""


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What a call returns, and the seconds it took."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def floor(
    victim: Victim,
    examples: Sequence[Example],
    results: Sequence[StructureAttackResult],
    token_layers: int,
) -> tuple[float, float]:
    """Seconds of the floor, and of one plain forward pass an attacked example.

    The floor is a forward and a backward pass an attacked example, a forward pass a skipped one,
    and the token-layers in plain batches, each of one text, with the linear layers of the engine.
    """
    passes = forwards = 0.0
    per_token_layer = []
    for (text, label), result in zip(examples, results, strict=True):
        forward = _forward(victim, victim.model, [text])
        if isinstance(result, SkippedAttackResult):
            passes += forward
            continue
        forwards += forward
        passes += _both_passes(victim, text, label)
        per_token_layer.append(_token_layer(victim, text))
    return passes + token_layers * mean(per_token_layer or [0]), forwards


def mean(numbers: Sequence[float]) -> float:
    """NaN of nothing."""
    return sum(numbers) / len(numbers) if numbers else float("nan")


def _forward(victim: Victim, model: PreTrainedModel, texts: list[str]) -> float:
    inputs = victim.tokenizer(texts, return_tensors="pt").to(victim.model.device)
    with torch.inference_mode():
        return timed(lambda: model(**inputs).logits.cpu())[1]


def _token_layer(victim: Victim, text: str) -> float:
    """Seconds a token and layer of a plain forward pass over a batch of the text."""
    tokens = len(victim.tokens(text))
    rows = -(-ROWS // tokens)
    layers = int(victim.model.config.num_hidden_layers)
    return _forward(victim, victim.engine.twin, [text] * rows) / (rows * tokens * layers)


def _both_passes(victim: Victim, text: str, label: int) -> float:
    """Seconds of one forward pass, and one backward pass to the attention of every layer."""
    inputs = victim.tokenizer([text], return_tensors="pt").to(victim.model.device)
    target = torch.tensor([label], device=victim.model.device)

    def run() -> Any:
        output = victim.model(**inputs, output_attentions=True)
        return torch.autograd.grad(cross_entropy(output.logits, target), output.attentions)

    return timed(run)[1]
