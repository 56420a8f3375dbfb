"""The engine on every kind of layer: it gives the logits of the model, and computes no more."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textattack_attend.attention import Engine
from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import Victim

from ..conftest import hooks_of
from ..helpers.tiny_families import tiny_victim
from .test_engine import growing_structures

KINDS = (
    "mpnet",  # a static bias
    "gpt2",  # one projection for all three, and no special first token
    "llama prompted",  # rotation, groups of heads, the last token
    "mistral",  # a window
    "modernbert",  # layers that are called themselves
    "t5 prompted",  # an encoder whose decoder is the head
    "bart",  # an encoder, then a decoder that reads it
    "bart crosswise",  # the attention of a decoder to its encoder
)
TEXTS = ["dull", "the film was never quite funny", "a good story and a weak plot"]


@cache
def victim_of(use: str) -> Victim:
    return tiny_victim(use)


@pytest.mark.parametrize("use", KINDS)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_any_questions_in_any_parts_get_the_logits_of_the_model(
    use: str, data: st.DataObject
) -> None:
    """Random structures, texts of several lengths in one batch, any batch size, any history."""
    victim = victim_of(use)
    chosen = data.draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2, unique=True))
    asked = [
        (reading, structure)
        for reading in victim.read(chosen, [None] * len(chosen))
        for structure in data.draw(growing_structures(victim.empty_structure(reading.text).shape))
    ]
    asked = data.draw(st.permutations(asked))
    victim.engine.rows_at_once = data.draw(st.sampled_from([1, 20, 10_000]))
    half = len(asked) // 2
    found = torch.cat([victim.logits_from(own) for own in (asked[:half], asked[half:]) if own])
    expected = torch.cat([victim.logits([reading.text], [s]) for reading, s in asked])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert isinstance(victim.engine, Engine)
    assert hooks_of(victim.model) == []


@pytest.mark.parametrize("use", ["gpt2", "llama", "mpnet"])
def test_layers_that_are_called_give_what_their_parts_give(use: str) -> None:
    victim = victim_of(use)
    (reading,) = victim.read(TEXTS[1:2], [None])
    (again,) = victim.read(TEXTS[1:2], [None])
    shape = victim.empty_structure(TEXTS[1]).shape
    generator = np.random.default_rng(0)
    structures = []
    for _ in range(6):
        units = np.argwhere(generator.random(shape.size) < 0.2)
        structures.append(Structure.from_units(shape, units[shape.sees(units)]))
    by_parts = Engine(victim.model).logits([(reading.caches[0], s) for s in structures])
    called = Engine(victim.model, by_parts=False).logits([(again.caches[0], s) for s in structures])
    assert (by_parts.std(0) > 1e-2).all()
    torch.testing.assert_close(called, by_parts, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("use", "unit", "rows"),
    [
        # The masked row, then it and those behind it, then the last token, which alone is read.
        ("llama", (0, 0, 4, 2), (1, "behind", 1)),
        ("gpt2", (0, 0, 4, 2), (1, "behind", 1)),
        ("llama", (1, 0, 4, 2), (1, 1)),
        # In a window of four tokens the change of one reaches three more.
        ("mistral", (0, 0, 2, 1), (1, 4, 1)),
        # Every token sees the change.
        ("mpnet", (0, 0, 4, 2), (1, "all", 1)),
    ],
)
def test_only_tokens_that_a_change_reaches_are_computed(
    use: str, unit: tuple[int, int, int, int], rows: tuple[int | str, ...]
) -> None:
    victim = victim_of(use)
    text = "the film was never quite funny and the plot is dull"
    (reading,) = victim.read([text], [None])
    shape = victim.empty_structure(text).shape
    victim.logits_from([(reading, Structure(shape))])  # compares the engine, once
    before = victim.engine.token_layers
    victim.logits_from([(reading, Structure.from_units(shape, [unit]))])
    counts = {"behind": shape.tokens - unit[2], "all": shape.tokens}
    expected = sum(counts[own] if isinstance(own, str) else own for own in rows)
    assert victim.engine.token_layers - before == expected


def test_the_shape_of_a_mistral_has_a_window() -> None:
    """The count above rests on it."""
    shape: Shape = victim_of("mistral").empty_structure(TEXTS[1]).shape
    assert shape.visible(1)[5].nonzero()[0].tolist() == [2, 3, 4, 5]
