"""The engine: the logits of the whole model, however the questions are put."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from textattack_attend.attention import Engine
from textattack_attend.attention.evaluate import engine as engine_module
from textattack_attend.attention.evaluate.agreement import structure_everywhere
from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import CleanPass, Victim

from ..conftest import (
    BACKENDS,
    FAMILIES,
    HEADS,
    LAYERS,
    MakeVictim,
    hooks_of,
    random_texts,
    tiny_config,
)

TEXT = "the film was never quite funny"
TEXTS = ["dull", TEXT, "a good story", "the cold music feels weak and the plot is lost ."]

Asked = list[tuple[CleanPass, Structure]]


def random_structure(shape: Shape, lowest: int, seed: int) -> Structure:
    """A third of the units of the layers from the lowest on."""
    generator = np.random.default_rng(seed)
    cells = generator.random((shape.layers, shape.heads, shape.tokens, shape.tokens)) < 0.3
    cells[:lowest] = False
    return Structure.from_units(shape, np.argwhere(cells))


def read(victim: Victim, *texts: str) -> list[CleanPass]:
    return victim.read(texts, [None] * len(texts))


def engine_agrees(victim: Victim, text: str) -> bool:
    shapes = victim.empty_structure(text).shape.parts
    return victim.evaluator.engine_agrees(victim.inputs.encode([text]), shapes)


def shape_of_reading(reading: CleanPass) -> Shape:
    return Shape(LAYERS, HEADS, reading.forward_pass.tokens)


def whole_model(victim: Victim, asked: Asked) -> Tensor:
    """One structure a forward pass, without the engine."""
    return torch.cat([victim.logits([reading.text], [s]) for reading, s in asked])


@st.composite
def growing_structures(draw: st.DrawFn, shape: Shape) -> list[Structure]:
    """As searches ask for them: unions of a few masks, so that many agree up to some layer."""
    units = st.tuples(*(st.integers(0, size - 1) for size in shape.size))
    parts = draw(st.lists(st.lists(units, max_size=5), min_size=1, max_size=4))
    arrays = [np.array(part, np.int64).reshape(-1, 4) for part in parts]
    masks = [Structure.from_units(shape, array[shape.sees(array)]) for array in arrays]
    whole = st.tuples(st.integers(0, shape.layers - 1), st.integers(0, shape.heads - 1))
    masks += [Structure.whole(shape, draw(st.lists(whole, max_size=3)))]
    chosen = draw(st.lists(st.sets(st.integers(0, len(masks) - 1)), min_size=1, max_size=8))
    empty = Structure(shape)
    return [_union([empty, *(masks[number] for number in sorted(names))]) for names in chosen]


def _union(structures: list[Structure]) -> Structure:
    union = structures[0]
    for structure in structures[1:]:
        union |= structure
    return union


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_questions_in_any_parts_get_the_logits_of_the_whole_model(
    victim: Victim, data: st.DataObject
) -> None:
    """Random structures, texts of several lengths in one batch, any batch size, any history."""
    readings = read(victim, *data.draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)))
    asked = [
        (reading, structure)
        for reading in readings
        for structure in data.draw(growing_structures(shape_of_reading(reading)))
    ]
    asked = data.draw(st.permutations(asked))
    victim.engine.rows_at_once = data.draw(st.sampled_from([1, 20, 50, 10_000]))
    calls = data.draw(st.integers(1, 3))
    found = torch.cat(
        [victim.logits_from(asked[n::calls]) for n in range(calls) if asked[n::calls]]
    )
    expected = whole_model(victim, [pair for n in range(calls) for pair in asked[n::calls]])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert hooks_of(victim.model) == []


def many_structures(shape: Shape) -> list[Structure]:
    return [
        *(random_structure(shape, seed % LAYERS, seed) for seed in range(9)),
        *(Structure.whole(shape, [(layer, 0)]) for layer in range(LAYERS)),
        Structure.whole(shape, [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]),
    ]


def test_structures_move_the_logits_and_the_engine_follows(victim: Victim) -> None:
    """The property above, where every structure has an effect."""
    (reading,) = read(victim, TEXT)
    asked = [(reading, structure) for structure in many_structures(shape_of_reading(reading))]
    expected = whole_model(victim, asked)
    assert (expected.std(0) > 1e-2).all()  # they differ
    torch.testing.assert_close(victim.logits_from(asked), expected, atol=1e-5, rtol=1e-5)


def test_a_long_text_at_the_side_of_short_ones_changes_nothing(victim: Victim) -> None:
    readings = read(victim, *TEXTS)
    asked = [(r, structure) for r in readings for structure in many_structures(shape_of_reading(r))]
    together = victim.logits_from(asked)
    alone = [
        victim.logits_from([(one, s) for r, s in asked if r is reading])
        for reading in readings
        for one in read(victim, str(reading.text))
    ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_the_empty_structure_gives_the_clean_logits_bit_for_bit(victim: Victim) -> None:
    for text in random_texts(3):
        (reading,) = read(victim, text)
        empty = Structure(shape_of_reading(reading))
        before = victim.engine.token_layers
        found = victim.logits_from([(reading, empty), (reading, empty)])
        assert torch.equal(found, reading.forward_pass.logits.expand(2, -1))
        assert victim.engine.token_layers == before
        torch.testing.assert_close(found, victim.logits([text, text]), atol=1e-5, rtol=1e-5)


# --- what is computed ---


def computed(victim: Victim, *structures: Callable[[Shape], Structure]) -> int:
    """Token-layers computed for these structures of TEXT, 8 tokens."""
    (reading,) = read(victim, TEXT)
    shape = shape_of_reading(reading)
    assert shape.tokens == 8
    victim.logits_from([(reading, Structure(shape))])  # compares the engine, once
    before = victim.engine.token_layers
    victim.logits_from([(reading, structure(shape)) for structure in structures])
    return victim.engine.token_layers - before


def units(*rows: tuple[int, int, int, int]) -> Callable[[Shape], Structure]:
    return lambda shape: Structure.from_units(shape, list(rows))


@pytest.mark.parametrize(
    ("structures", "expected"),
    [
        # A masked row, then all that see it, then the first token alone, in the last layer.
        ([units((0, 0, 2, 3))], 1 + 8 + 1),
        ([units((1, 0, 2, 3))], 1 + 1),  # nothing below its lowest masked layer
        ([units((2, 0, 0, 3))], 1),
        ([units((2, 0, 1, 3))], 0),  # another token's row of the last layer: nobody reads it
        ([units((0, 0, 2, 3))] * 3, 1 + 8 + 1),  # the same structure, once
        # The second structure adds a row that nobody reads.
        ([units((0, 0, 2, 3)), units((0, 0, 2, 3), (2, 1, 4, 4))], 1 + 8 + 1),
        ([units((0, 0, 2, 3)), units((0, 0, 2, 3), (1, 0, 5, 5))], 1 + (8 + 1) + 2),
        # Siblings differ in the rows of their masks.
        ([units((1, 0, 2, 3)), units((1, 0, 2, 4))], 2 + 2),
        ([units((1, 0, 2, 3)), units((1, 0, 2, 3), (1, 3, 7, 7))], 1 + 1 + 2),
        ([units((1, 0, 2, 3)), units((1, 0, 2, 3), (1, 3, 2, 7))], 2 + 2),
    ],
)
def test_nothing_is_computed_twice(
    make_victim: MakeVictim,
    structures: list[Callable[[Shape], Structure]],
    expected: int,
) -> None:
    victim = make_victim()
    assert computed(victim, *structures) == expected


def test_what_was_computed_before_is_not_computed_again(make_victim: MakeVictim) -> None:
    victim = make_victim()
    (reading,) = read(victim, TEXT)
    shape = shape_of_reading(reading)
    kept = Structure.from_units(shape, [(0, 0, 2, 3), (0, 1, 3, 3)])
    victim.logits_from([(reading, kept)])
    before = victim.engine.token_layers
    more = kept | Structure.from_units(shape, [(1, 1, 4, 4)])
    found = victim.logits_from([(reading, kept), (reading, more)])
    assert victim.engine.token_layers - before == 8 + 1  # from layer 1 on
    torch.testing.assert_close(
        found, whole_model(victim, [(reading, kept), (reading, more)]), atol=1e-5, rtol=1e-5
    )


def test_states_are_forgotten_when_they_take_too_much_and_results_stay(
    victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    (reading,) = read(victim, TEXT)
    asked = [(reading, structure) for structure in many_structures(shape_of_reading(reading))]
    expected = victim.logits_from(asked)
    monkeypatch.setattr(engine_module, "KEPT_BYTES", 1)
    (again,) = read(victim, TEXT)
    for size in (1, 2, len(asked)):
        parts = [asked[start : start + size] for start in range(0, len(asked), size)]
        found = torch.cat([victim.logits_from([(again, s) for _, s in part]) for part in parts])
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        kept = sum(len(node.after) for node in again.caches[0].path[:-1])
        assert kept <= len(again.caches[0].path)  # the clean text, and one way off it


def test_the_path_of_the_last_structure_is_kept_when_states_are_forgotten(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search goes on from its last structure: only what parts from it is computed anew."""
    monkeypatch.setattr(engine_module, "KEPT_BYTES", 1)
    victim = make_victim("bert", "eager")
    (reading,) = read(victim, TEXT)
    shape = shape_of_reading(reading)
    first = Structure.from_units(shape, np.array([[0, 0, 1, 2]]))
    more = first | Structure.from_units(shape, np.array([[LAYERS - 1, 1, 0, 2]]))
    victim.logits_from([(reading, first)])
    before = victim.engine.token_layers
    found = victim.logits_from([(reading, more)])
    assert victim.engine.token_layers - before == 1  # the last layer, for the token that is read
    torch.testing.assert_close(found, whole_model(victim, [(reading, more)]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("hidden", "rows"), [(384, 4096), (768, 1024), (16, 2**16)])
def test_larger_layers_are_kept_busy_by_fewer_rows(hidden: int, rows: int) -> None:
    """MiniLM has layers of 1.77 million weights, each two operations a row; BERT-base of 7.08."""
    config = BertConfig(
        vocab_size=8,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=1,
        num_attention_heads=hidden // 16,
    )
    assert Engine(BertForSequenceClassification(config).eval()).rows_at_once == rows


# --- precision ---


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.1), ("float16", 0.01)])
def test_under_autocast_logits_are_those_of_single_precision_but_for_rounding(
    make_victim: MakeVictim, backend: str, precision: str, tolerance: float
) -> None:
    victim = make_victim("bert", backend)
    (reading,) = read(victim, TEXT)
    structures = many_structures(shape_of_reading(reading))
    expected = whole_model(victim, [(reading, structure) for structure in structures])
    found = Engine(victim.model, precision).logits([(reading.caches[0], s) for s in structures])
    assert not torch.allclose(found, expected, atol=1e-5)  # it was in that precision
    torch.testing.assert_close(found, expected, atol=tolerance * float(expected.std()), rtol=0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bfloat16_victim_is_judged_by_its_precision(
    make_victim: MakeVictim, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is so even if rounding is magnified: the same weights in single precision agree."""
    victim = make_victim(family)
    victim.model.to(torch.bfloat16)
    with caplog.at_level(logging.WARNING):
        for text in TEXTS:
            (reading,) = read(victim, text)
            empty = victim.empty_structure(text)
            found = victim.logits_from([(reading, empty)])
            assert engine_agrees(victim, text)
            assert torch.equal(found, victim.logits([text]))
    assert isinstance(victim.engine, Engine)
    assert caplog.text == ""


def test_a_bfloat16_model_of_another_computation_is_noticed(make_victim: MakeVictim) -> None:
    torch.manual_seed(0)
    model: Any = MeanPooled(tiny_config("bert"))  # type: ignore[no-untyped-call]
    victim = Victim(model.to(torch.bfloat16), make_victim().tokenizer)
    read(victim, TEXT)
    assert not engine_agrees(victim, TEXT)


def test_the_compared_structure_masks_something_everywhere() -> None:
    shape = Shape(LAYERS, HEADS, 9)
    masked = structure_everywhere(shape).dense()
    assert masked.any((2, 3)).all()
    assert not masked.all((2, 3)).any()
    assert (masked[:, :, 0].sum(-1) >= 2).all()  # of the first token's row, which is read last


# --- models that the engine does not describe ---


class MeanPooled(BertForSequenceClassification):
    """Reads every token of the last layer: the family's head does not describe it."""

    def forward(self, *args: Tensor, **kwargs: Tensor) -> SequenceClassifierOutput:
        output = self.bert(*args, **kwargs)
        logits = self.classifier(output.last_hidden_state.mean(1))
        return SequenceClassifierOutput(logits=logits)


def test_a_head_of_its_own_is_computed_by_the_model_and_stays_right(
    make_victim: MakeVictim, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    victim = Victim(MeanPooled(tiny_config("bert")), make_victim().tokenizer)  # type: ignore[no-untyped-call]
    (reading,) = read(victim, TEXT)
    shape = shape_of_reading(reading)
    asked = [(reading, Structure.from_units(shape, [(LAYERS - 1, 0, 2, key)])) for key in range(3)]
    expected = whole_model(victim, asked)
    assert (expected - victim.logits([TEXT])).abs().max() > 1e-4  # its last layer's rows matter
    torch.testing.assert_close(victim.logits_from(asked), expected, atol=1e-5, rtol=0)
    assert isinstance(victim.engine, Engine)
    assert not victim.engine.by_parts
    assert "computes something else than its family's layers" in caplog.text
