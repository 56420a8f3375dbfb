"""A GPU decides as the processor does, and does not make the search wait for every candidate.

Everything runs on the processor too, with a few families; the rest is marked ``gpu``.
"""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.overrides import TorchFunctionMode

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attention import AttentionCapture
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import Victim
from tools.sequential import Outcome
from tools.speed import outcome_of

from ..conftest import FAMILIES, MakeVictim, random_texts
from ..helpers.tiny_families import (
    COMBINATIONS,
    COMBINATIONS_OF_MORE,
    require_backend,
    tiny_victim,
)

gpu = (
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA"),
)
ON_CPU = {("llama", "sdpa"), ("t5", "eager"), ("gpt2 prompted", "eager"), ("xlm-roberta", "sdpa")}
DEVICES = ["cpu", pytest.param("cuda", marks=gpu)]
TEXTS = random_texts(2, seed=3)
BUILDS: dict[str, Callable[[AttentionModelWrapper], Any]] = {
    "hackattend": lambda wrapper: HackAttendLiong2024.build(
        wrapper, mask_fraction=0.5, max_layers=2, max_heads=2
    ),
    "hackattend-plus": lambda wrapper: HackAttendPlus.build(wrapper, mask_fraction=0.5),
}


def cases() -> Iterator[Any]:
    """Every family on a GPU, a few of them on the processor."""
    for use, backend in [*COMBINATIONS, *((f, "eager") for f in FAMILIES)]:
        yield pytest.param("cuda", use, backend, marks=gpu)
        if (use, backend) in ON_CPU:
            yield pytest.param("cpu", use, backend)
    for more in COMBINATIONS_OF_MORE:
        yield pytest.param("cuda", *more.values, marks=(*gpu, *more.marks))


def wrapped(victim: Victim, device: str = "cpu", precision: str = "float32") -> Any:
    """A wrapper of a copy of a victim's model on a device."""
    model: Any = copy.deepcopy(getattr(victim.model, "language_model", victim.model)).to(device)
    return AttentionModelWrapper(
        model,
        victim.tokenizer,
        precision,
        prompt=victim.prompt,
        cross_attention=victim.cross_attention,
    )


def labelled(wrapper: AttentionModelWrapper, texts: list[str]) -> list[tuple[str, int]]:
    return [(text, int(wrapper.victim.logits([text]).argmax())) for text in texts]


def outcomes(wrapper: AttentionModelWrapper, name: str) -> list[Outcome]:
    attack = BUILDS[name](wrapper)
    return [outcome_of(result) for result in attack.attack_many(labelled(wrapper, TEXTS))]


def captured(wrapper: AttentionModelWrapper) -> AttentionCapture:
    """The loss is on the same device as the logits."""
    return wrapper.victim.capture(
        TEXTS[0], lambda logits: cross_entropy(logits, torch.tensor([1], device=logits.device))
    )


@pytest.mark.parametrize(("device", "use", "backend"), cases())
def test_decisions_are_those_of_the_processor(
    device: str, use: str, backend: str, make_victim: MakeVictim
) -> None:
    require_backend(use, backend)
    victim = make_victim(use) if use in FAMILIES else tiny_victim(use, backend)
    here, there = wrapped(victim), wrapped(victim, device)
    for name in BUILDS:
        assert outcomes(there, name) == outcomes(here, name)
    found, expected = captured(there), captured(here)
    for one, other in (
        (found.probabilities, expected.probabilities),
        (found.probability_gradients, expected.probability_gradients),
    ):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


class _Exchanges(TorchFunctionMode):
    """Counts the calls in which the processor reads a tensor, or may send it to another device."""

    NAMES = ("__bool__", "cpu", "equal", "item", "nonzero", "numpy", "to", "tolist", "unique")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.count += getattr(function, "__name__", "") in self.NAMES
        return function(*args, **(kwargs or {}))


@contextmanager
def waits(device: str) -> Iterator[list[int]]:
    """Counts into a list how often the processor waits for the device, or would for a GPU."""
    found: list[int] = []
    if device == "cpu":
        with _Exchanges() as exchanges:
            yield found
        found.append(exchanges.count)
        return
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield found
    finally:
        torch.cuda.set_sync_debug_mode(mode)
    found.append(sum("synchronizing CUDA operation" in str(own.message) for own in caught))


def test_waiting_is_counted() -> None:
    """The count would else be equal for every number of candidates."""
    with waits("cpu") as found:
        for number in torch.arange(3):
            bool(number > 1)
    assert found == [3]


def a_unit_in_every_layer(shape: Shape, seed: int) -> Structure:
    """A structure with a unit of the last query in every layer."""
    generator = random.Random(seed)
    tokens = shape.tokens
    return Structure.from_units(
        shape,
        np.array(
            [
                (layer, generator.randrange(shape.heads), tokens - 1, generator.randrange(tokens))
                for layer in range(shape.layers)
            ]
        ),
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("use", ["xlm-roberta", "llama"])
def test_a_batch_waits_for_no_single_candidate(device: str, use: str) -> None:
    victim = wrapped(tiny_victim(use), device).victim
    victim.engine.rows_at_once = 2**16
    shape = victim.empty_structure(TEXTS[0]).shape
    counts = []
    for number in (4, 4, 100):  # the first time, the engine is compared with the model
        candidates = [a_unit_in_every_layer(shape, seed) for seed in range(number)]
        (reading,) = victim.read(TEXTS[:1], [None])
        with waits(device) as found:
            victim.logits_from([(reading, own) for own in candidates])
        counts += found
    assert counts[1] > 0
    assert counts[2] - counts[1] < 10  # for 96 candidates more, in one batch too


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", BUILDS)
def test_a_search_in_half_precision_is_confirmed_in_single(
    device: str, name: str, make_victim: MakeVictim
) -> None:
    victim = make_victim()
    half, single = wrapped(victim, device, "bfloat16"), wrapped(victim)
    examples = labelled(single, random_texts(8))
    results = list(BUILDS[name](half).attack_many(examples))
    successes = [result for result in results if outcome_of(result).status == "success"]
    assert successes
    for result in successes:
        logits = single.victim.logits_alone(result.original_text(), result.structure)
        confirmed = torch.as_tensor(result.perturbed_result.raw_output).float()
        torch.testing.assert_close(confirmed, logits.softmax(-1), rtol=1e-4, atol=1e-4)
        assert int(logits.argmax()) != result.original_result.ground_truth_output
