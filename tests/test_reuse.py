"""Reuse of lower layers: the same logits as the whole model, for every family and backend."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import BertForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from textattack_attend.attention.reuse import first_layer_that_matters
from textattack_attend.structures import Shape, Structure
from textattack_attend.victim import Victim

from .conftest import HEADS, LAYERS, MakeVictim, hooks_of, random_texts, tiny_config

TEXT = "the film was never quite funny"


def random_structure(shape: Shape, lowest: int, seed: int) -> Structure:
    """A third of the units of the layers from the lowest on."""
    generator = np.random.default_rng(seed)
    cells = generator.random((shape.layers, shape.heads, shape.tokens, shape.tokens)) < 0.3
    cells[:lowest] = False
    return Structure.from_units(shape, np.argwhere(cells))


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_reuse_gives_the_logits_of_the_whole_model(victim: Victim, batch_size: int) -> None:
    shape = victim.empty_structure(TEXT).shape
    structures = [
        *(random_structure(shape, seed % LAYERS, seed) for seed in range(9)),
        *(Structure.whole(shape, [(layer, 0)]) for layer in range(LAYERS)),
        Structure.whole(shape, [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]),
    ]
    expected = victim.logits([TEXT] * len(structures), structures)
    assert (expected.std(0) > 1e-2).all()  # they differ
    clean = victim.clean_pass(TEXT)
    assert clean.reusable
    found = victim.logits_from(clean, TEXT, structures, batch_size)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert hooks_of(victim.model) == []


def test_the_empty_structure_gives_the_clean_logits_bit_for_bit(victim: Victim) -> None:
    for text in random_texts(3):
        empty = victim.empty_structure(text)
        found = victim.logits_from(victim.clean_pass(text), text, [empty, empty])
        assert torch.equal(found, victim.logits([text]).repeat(2, 1))


@pytest.mark.parametrize(
    ("units", "layer"),
    [
        ([], None),
        ([(1, 0, 2, 3)], 1),
        ([(0, 1, 2, 3), (2, 0, 0, 1)], 0),
        ([(2, 0, 0, 3)], 2),  # the first token's row, in the last layer
        ([(2, 0, 1, 3)], None),  # another row: nobody reads it
    ],
)
def test_where_a_structure_begins_to_matter(
    units: list[tuple[int, int, int, int]], layer: int | None
) -> None:
    assert first_layer_that_matters(Structure.from_units(Shape(3, 2, 4), units)) == layer


class MeanPooled(BertForSequenceClassification):
    """Reads every token of the last layer: the family's head does not describe it."""

    def forward(self, *args: Tensor, **kwargs: Tensor) -> SequenceClassifierOutput:
        output = self.bert(*args, **kwargs)
        logits = self.classifier(output.last_hidden_state.mean(1))
        return SequenceClassifierOutput(
            logits=logits, hidden_states=output.hidden_states, attentions=output.attentions
        )


def test_a_head_of_its_own_is_not_reused_and_stays_right(make_victim: MakeVictim) -> None:
    torch.manual_seed(0)
    victim = Victim(MeanPooled(tiny_config("bert")), make_victim().tokenizer)  # type: ignore[no-untyped-call]
    shape = victim.empty_structure(TEXT).shape
    structures = [Structure.from_units(shape, [(LAYERS - 1, 0, 2, key)]) for key in range(3)]
    expected = victim.logits([TEXT] * 3, structures)
    assert (expected - victim.logits([TEXT])).abs().max() > 1e-4  # its last layer's rows matter
    clean = victim.clean_pass(TEXT)
    assert not clean.reusable
    found = victim.logits_from(clean, TEXT, structures, batch_size=2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
