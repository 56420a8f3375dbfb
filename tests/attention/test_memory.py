"""The memory of an attack: what long texts are refused, and that the estimate holds."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attention import MemoryBound, bytes_needed, forward_passes, shape_of
from textattack_attend.attention import memory as bounds
from textattack_attend.attention.capture import AttentionCapture
from textattack_attend.attention.softmax import scores_of
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper

from ..conftest import MakeVictim, random_texts, tiny_model
from ..helpers.tiny_families import END, tiny

GIBIBYTE = 2**30
AVAILABLE = 123 * GIBIBYTE
"""The free memory of the machine, where a test says so."""
TEXTS = random_texts(12, seed=3)


def test_a_text_that_does_not_fit_is_refused_in_one_line(make_victim: MakeVictim) -> None:
    victim = make_victim()
    needed = bytes_needed(victim.model, victim.empty_structure(TEXTS[0]).shape)
    wrapper = AttentionModelWrapper(
        victim.model, victim.tokenizer, max_memory=(needed - 1000) / GIBIBYTE
    )
    attack = HackAttendPlus.build(wrapper)
    with pytest.raises(InvalidInputError) as caught:
        attack.attack(TEXTS[0], 0)
    said = str(caught.value)
    fits = int(re.search(r"about (\d+) tokens fit", said)[1])  # type: ignore[index]
    assert "\n" not in said
    assert f"give max_tokens={fits}" in said
    assert bytes_needed(victim.model, shape_of(victim.model, fits)) < needed
    assert bytes_needed(victim.model, shape_of(victim.model, fits + 1)) >= needed - 1000


def test_the_advice_of_the_refusal_is_right(make_victim: MakeVictim) -> None:
    victim = make_victim()
    limit = bytes_needed(victim.model, shape_of(victim.model, 9)) / GIBIBYTE
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer, max_tokens=9, max_memory=limit)
    long = " ".join(TEXTS)
    label = int(wrapper.victim.logits([long])[0].argmax())
    assert HackAttendLiong2024.build(wrapper).attack(long, label).original_result.num_queries


@pytest.mark.parametrize("given", [0, -1, float("nan"), float("inf"), "8", True])
def test_a_bound_is_a_positive_number(make_victim: MakeVictim, given: object) -> None:
    with pytest.raises(InvalidInputError, match="max_memory: expected"):
        MemoryBound(make_victim().model, given)  # type: ignore[arg-type]


def test_texts_beside_each_other_stay_within_the_bound(make_victim: MakeVictim) -> None:
    """The results with room for one text only are those of many side by side."""
    victim = make_victim()
    examples = [(text, int(victim.logits([text])[0].argmax())) for text in TEXTS]
    largest = max(bytes_needed(victim.model, victim.empty_structure(t).shape) for t in TEXTS)

    def attacked(**options: Any) -> list[tuple[str, bytes, int]]:
        wrapper = AttentionModelWrapper(victim.model, victim.tokenizer, **options)
        return [
            (
                type(result).__name__,
                result.perturbed_result.attacked_text.structure.units.tobytes(),
                result.perturbed_result.num_queries,
            )
            for result in HackAttendLiong2024.build(wrapper).attack_many(examples)
        ]

    assert attacked(max_memory=largest / GIBIBYTE) == attacked()


def test_half_of_the_free_memory_is_the_bound(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "free_bytes", lambda device: 10 * GIBIBYTE)
    assert MemoryBound(make_victim().model).limit == 5 * GIBIBYTE


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "3000\n", "memory.current": "1000\n"}, 2000),
        ({"memory.max": "3000\n", "memory.current": "4000\n"}, 0),
        ({"memory.max": "max\n", "memory.current": "1000\n"}, None),
        ({}, None),
    ],
)
def test_a_container_may_have_less_than_the_machine(
    files: dict[str, str],
    expected: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(bounds, "CONTROL_GROUP", tmp_path)
    machine = SimpleNamespace(available=AVAILABLE)
    monkeypatch.setattr("psutil.virtual_memory", lambda: machine)
    found = bounds.free_bytes(torch.device("cpu"))
    assert found == (AVAILABLE if expected is None else expected)


def test_an_attack_needs_more_the_longer_the_text_and_the_larger_the_model() -> None:
    model = tiny_model()
    by_length = [bytes_needed(model, shape_of(model, tokens)) for tokens in (8, 64, 512, 4096)]
    assert by_length == sorted(set(by_length))
    shape = shape_of(model, 512)
    assert bytes_needed(model, replace(shape, layers=2 * shape.layers)) > by_length[2]
    # Choices do not see each other, so two of them take less than a text of both their lengths.
    assert bytes_needed(model, replace(shape, sequences=(256, 256))) < by_length[2]


@pytest.mark.parametrize("family", ["xlm-roberta", "llama", "t5", "deberta-v2"])
def test_layers_are_shown_one_by_one(family: str) -> None:
    """The backward pass shows every layer once, with what the capture of all layers holds."""
    model = tiny(family)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11, END]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    (whole,) = forward_passes(model, inputs, [lambda logits: logits[0, 0]])
    expected = whole.capture()
    (shown,) = forward_passes(model, inputs, [lambda logits: logits[0, 0]])
    order: list[int] = []

    def visit(layer: int, capture: AttentionCapture) -> None:
        order.append(layer)
        assert torch.equal(capture.probability_gradients, expected.probability_gradients[layer])
        assert torch.equal(capture.probabilities, expected.probabilities[layer])
        assert torch.equal(capture.scores, expected.scores[layer])

    shown.each_layer(visit)
    assert sorted(order) == list(range(len(expected.scores)))
    assert order != list(range(len(order))), "layers come as the backward pass reaches them"
    with pytest.raises(RuntimeError, match="captured before"):
        shown.each_layer(visit)


def test_scores_of_a_shared_batch_are_made_once_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    model, made = tiny("xlm-roberta", "sdpa"), []

    def counted(*arguments: Any) -> torch.Tensor:
        made.append(arguments)
        return scores_of(*arguments)

    monkeypatch.setattr("textattack_attend.attention.recording.scores_of", counted)
    ids = torch.tensor([[5, 6, 7, 8], [8, 7, 6, 5], [5, 5, 6, 6]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    passes = forward_passes(model, inputs, [lambda logits: logits[0, 0]] * 3)
    captures = [one.capture() for one in passes]
    assert len(made) == len(captures[0].scores)
    assert not torch.equal(captures[0].scores, captures[1].scores)


PEAKS = """
import sys, torch
from tools.memory import measure
torch.set_num_threads(1)
family, attack, *numbers = sys.argv[1:]
tokens, layers, heads = map(int, numbers)
found = measure(family, tokens, layers, heads, attack)
print(found.model, found.gradient, found.attack, found.estimate)
"""
MEBIBYTE = 2**20


@pytest.fixture
def peaks() -> Callable[..., list[float]]:
    """Measures in a process of its own, as the peak is that of the process."""

    def measured(*arguments: object) -> list[float]:
        done = subprocess.run(
            [sys.executable, "-c", PEAKS, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(size) / MEBIBYTE for size in done.stdout.split()[-4:]]

    return measured


@pytest.mark.slow
def test_512_tokens_on_12_layers_of_12_heads_take_a_gibibyte(
    peaks: Callable[..., list[float]],
) -> None:
    """Beyond the model and a plain forward and backward pass."""
    _, gradient, attack, estimate = peaks("bert", "hackattend-plus", 512, 12, 12)
    assert attack <= 1024
    assert gradient + attack <= estimate


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["hackattend", "hackattend-plus"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "deberta-v2", "mpnet"])
def test_the_estimate_is_no_less_than_the_peak(
    family: str, attack: str, peaks: Callable[..., list[float]]
) -> None:
    _, gradient, more, estimate = peaks(family, attack, 1024, 4, 4)
    assert gradient + more <= estimate, (gradient, more, estimate)
