"""Masked attention inside the model: against plain models, and the laws that masks obey."""

from __future__ import annotations

import random
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import BatchEncoding

from textattack_attend.attention import family_of, masked_attention
from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import Victim

from ..conftest import (
    COMBINATIONS,
    HEADS,
    LAYERS,
    MakeVictim,
    hooks_of,
    random_text,
    random_texts,
    tiny_model,
)
from ..oracles.plain_model import PlainModel, Units, everything_of

TEXT = "the actor was never dull but the plot is"
TOKENS = 11
SHAPE = Shape(LAYERS, HEADS, TOKENS)
FIRST_ROW: Units = frozenset((LAYERS - 1, 1, 0, key) for key in range(TOKENS))

# By name, what is masked in TEXT; each of them must change the logits.
STRUCTURES: dict[str, Units] = {
    "one unit of the first layer": frozenset({(0, 2, 8, 6)}),
    "one unit of the last layer": frozenset({(LAYERS - 1, 3, 0, 6)}),
    "a whole row of the last layer": FIRST_ROW,
    "all but one unit of a row": FIRST_ROW - {(LAYERS - 1, 1, 0, 4)},
    "a whole column": frozenset((1, 3, query, 0) for query in range(TOKENS)),
    "a whole head": everything_of([(1, 2)], TOKENS),
    "a whole layer": everything_of([(0, head) for head in range(HEADS)], TOKENS),
    "two whole heads and a unit": everything_of([(0, 1), (2, 3)], TOKENS) | {(1, 0, 5, 6)},
    "everything": everything_of([(i, j) for i in range(LAYERS) for j in range(HEADS)], TOKENS),
}


@cache
def plain_model(family: str) -> PlainModel:
    return PlainModel(tiny_model(family))


def plain_logits(victim: Victim, text: str, masked: Units = frozenset()) -> Tensor:
    """Logits (1, C) of the plain re-implementation."""
    ids = victim.tokenizer(text)["input_ids"]
    return plain_model(victim.model.config.model_type).logits(ids, masked).float()[None]


def encode(victim: Victim, text: str, **options: object) -> BatchEncoding:
    encoded: BatchEncoding = victim.tokenizer([text], return_tensors="pt", **options)
    return encoded


@torch.no_grad()
def run(victim: Victim, inputs: BatchEncoding, *structures: Structure) -> Tensor:
    """Logits (1, C) of the transformers model itself."""
    with masked_attention(victim.model, structures):
        logits: Tensor = victim.model(**inputs).logits
    return logits


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def random_structure(generator: random.Random, tokens: int, share: float = 0.2) -> Units:
    """Units of every layer, the first token's row among them."""
    everywhere = everything_of([(i, j) for i in range(LAYERS) for j in range(HEADS)], tokens)
    return frozenset(unit for unit in sorted(everywhere) if generator.random() < share)


def structure_of(units: Units, tokens: int = TOKENS) -> Structure:
    return Structure.from_units(Shape(LAYERS, HEADS, tokens), sorted(units))


# --- agreement with the plain models --------------------------------------------------------------


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def precise(request: pytest.FixtureRequest, make_victim: MakeVictim) -> Victim:
    """A victim in double precision, for texts drawn at random: some amplify float noise to 1e-4."""
    victim = make_victim(*request.param)
    nn.Module.to(victim.model, torch.double)
    return victim


def test_the_plain_model_agrees_on_clean_texts(precise: Victim) -> None:
    for text in random_texts(30):
        assert_close(precise.logits([text]), plain_logits(precise, text))


@pytest.mark.parametrize("name", STRUCTURES)
def test_masking_changes_inside_equals_plain_inside_and_is_undone_outside(
    victim: Victim, name: str
) -> None:
    inputs, units = encode(victim, TEXT), STRUCTURES[name]
    before = run(victim, inputs)
    with torch.no_grad(), masked_attention(victim.model, [structure_of(units)]):
        inside = victim.model(**inputs).logits
        again = victim.model(**inputs).logits
    assert difference(before, inside) > 1e-3
    assert_close(inside, plain_logits(victim, TEXT, units))
    assert torch.equal(inside, again)
    assert torch.equal(run(victim, inputs), before)


@st.composite
def texts_with_units(draw: st.DrawFn) -> tuple[str, Units]:
    """A text, and single units, rows and matrices of it."""
    text = random_text(random.Random(draw(st.integers(0, 999))), at_least=1)
    tokens = len(text.split()) + 2
    layers, heads = st.integers(0, LAYERS - 1), st.integers(0, HEADS - 1)
    positions = st.integers(0, tokens - 1)
    units = draw(st.frozensets(st.tuples(layers, heads, positions, positions), max_size=40))
    rows = draw(st.frozensets(st.tuples(layers, heads, positions), max_size=3))
    matrices = draw(st.frozensets(st.tuples(layers, heads), max_size=2))
    whole_rows = {(*row, key) for row in rows for key in range(tokens)}
    return text, units | whole_rows | everything_of(matrices, tokens)


@settings(deadline=None, max_examples=40)
@given(texts_with_units())
def test_any_structure_equals_plain(precise: Victim, case: tuple[str, Units]) -> None:
    text, units = case
    structure = structure_of(units, len(text.split()) + 2)
    assert_close(precise.logits([text], [structure]), plain_logits(precise, text, units))


@torch.no_grad()
def sharpen(victim: Victim, factor: float) -> None:
    """Multiply the attention scores, but for their bias's share."""
    for name, weight in victim.model.named_parameters():
        if name.endswith(("query.weight", "q_lin.weight")):
            weight.mul_(factor)


def test_a_text_pair_equals_plain_with_its_token_types(victim: Victim) -> None:
    pair = ("the plot is warm", "but dull")
    encoded = victim.tokenizer(*pair)
    ids, types = encoded["input_ids"], encoded.get("token_type_ids")
    units = random_structure(random.Random(0), len(ids))
    plain = plain_model(victim.model.config.model_type)
    expected = plain.run(ids, units, types=types).logits.float()
    clean = victim.logits([pair])[0]
    assert difference(clean, expected) > 1e-3
    assert_close(victim.logits([pair], [structure_of(units, len(ids))])[0], expected)


@pytest.mark.parametrize(("family", "backend"), COMBINATIONS)
def test_a_key_that_drowns_all_others_can_be_masked(
    make_victim: MakeVictim, family: str, backend: str
) -> None:
    """What is left of the row is renormalised, however small it was."""
    victim = make_victim(family, backend)
    sharpen(victim, 50)
    plain = PlainModel(victim.model)
    ids = victim.tokenizer(TEXT)["input_ids"]
    attention = plain.run(ids).probabilities
    last = LAYERS - 1
    units: Units = frozenset(
        (last, head, 0, int(attention[last, head][0].argmax())) for head in range(HEADS)
    )
    expected = plain.logits(ids, units).float()[None]
    assert difference(victim.logits([TEXT]), expected) > 1e-2
    assert_close(victim.logits([TEXT], [structure_of(units)]), expected)


@pytest.mark.parametrize(("family", "backend"), COMBINATIONS)
def test_a_whole_layer_is_uniform_in_half_precision_too(
    make_victim: MakeVictim, family: str, backend: str
) -> None:
    """In bfloat16; a float16 victim is refused, its range is too small for the bias."""
    victim = make_victim(family, backend)
    nn.Module.to(victim.model, torch.bfloat16)
    units = STRUCTURES["a whole layer"]
    expected = plain_logits(victim, TEXT, units)
    assert difference(plain_logits(victim, TEXT), expected) > 0.15
    assert difference(victim.logits([TEXT], [structure_of(units)]), expected) < 0.1


# --- laws -----------------------------------------------------------------------------------------


def test_the_empty_structure_gives_the_clean_logits_bit_for_bit(victim: Victim) -> None:
    texts = random_texts(4)
    clean = victim.logits(texts)
    assert torch.equal(victim.logits(texts, [victim.empty_structure(t) for t in texts]), clean)
    assert torch.equal(victim.logits([TEXT], [Structure(SHAPE)]), run(victim, encode(victim, TEXT)))


def test_an_empty_structure_stays_clean_bit_for_bit_beside_others(victim: Victim) -> None:
    texts, structures = mixed_batch()
    empty = [row for row, structure in enumerate(structures) if not len(structure)]
    assert empty
    assert torch.equal(victim.logits(texts, structures)[empty], victim.logits(texts)[empty])


@pytest.mark.parametrize("key", [0, 3, TOKENS - 1])
def test_masking_a_key_everywhere_equals_removing_it_as_padding(victim: Victim, key: int) -> None:
    everywhere: Units = frozenset(
        (layer, head, query, key)
        for layer in range(LAYERS)
        for head in range(HEADS)
        for query in range(TOKENS)
    )
    inputs = encode(victim, TEXT)
    masked = run(victim, inputs, structure_of(everywhere))
    assert difference(masked, run(victim, inputs)) > 1e-3
    inputs["attention_mask"][0, key] = 0
    assert_close(masked, run(victim, inputs))


def test_a_row_masked_everywhere_does_not_see_padding(victim: Victim) -> None:
    """It is uniform over the visible keys: the padding's own content has no say."""
    units = STRUCTURES["everything"]
    alone = run(victim, encode(victim, TEXT), structure_of(units))
    padded = encode(victim, TEXT, padding="max_length", max_length=TOKENS + 7)
    assert_close(run(victim, padded, structure_of(units)), alone)
    other = victim.tokenizer.convert_tokens_to_ids("film")
    if victim.model.config.model_type != "roberta":  # it counts positions by the padding token
        padded["input_ids"][0, TOKENS:] = other
        assert_close(run(victim, padded, structure_of(units)), alone)


@pytest.mark.parametrize("name", STRUCTURES)
def test_padding_changes_nothing(victim: Victim, name: str) -> None:
    structure = structure_of(STRUCTURES[name])
    alone = run(victim, encode(victim, TEXT), structure)
    padded = encode(victim, TEXT, padding="max_length", max_length=TOKENS + 7)
    assert padded["input_ids"].shape == (1, TOKENS + 7)
    assert_close(run(victim, padded, structure), alone)


def mixed_batch() -> tuple[list[str], list[Structure]]:
    """Texts of different lengths, two of them the same; structures of all kinds, some empty."""
    generator = random.Random(7)
    texts = [TEXT, "dull", TEXT, *random_texts(6, seed=3)]
    tokens = [len(text.split()) + 2 for text in texts]
    structures = [structure_of(random_structure(generator, t), t) for t in tokens]
    structures[0] = structure_of(STRUCTURES["a whole row of the last layer"])
    structures[4] = Structure(Shape(LAYERS, HEADS, tokens[4]))
    structures[5] = Structure.whole(Shape(LAYERS, HEADS, tokens[5]), [(0, 0), (1, 3), (2, 2)])
    structures[6] = structure_of(frozenset({(2, 0, 0, 1)}), tokens[6])
    return texts, structures


def test_every_row_of_a_mixed_batch_equals_the_row_alone(victim: Victim) -> None:
    texts, structures = mixed_batch()
    alone = torch.cat([victim.logits([t], [s]) for t, s in zip(texts, structures, strict=True)])
    changed = (alone - victim.logits(texts)).abs().amax(1) > 1e-4
    assert changed.tolist() == [len(s) > 0 for s in structures]
    assert_close(victim.logits(texts, structures), alone)


def test_the_order_of_a_batch_changes_nothing(victim: Victim) -> None:
    texts, structures = mixed_batch()
    order = random.Random(0).sample(range(len(texts)), len(texts))
    shuffled = victim.logits([texts[i] for i in order], [structures[i] for i in order])
    assert_close(shuffled, victim.logits(texts, structures)[order])


def test_joined_structures_mask_the_units_of_both(victim: Victim) -> None:
    generator = random.Random(1)
    one, other = (random_structure(generator, TOKENS, share=0.1) for _ in range(2))
    joined = structure_of(one) | structure_of(other)
    assert_close(victim.logits([TEXT], [joined]), plain_logits(victim, TEXT, one | other))


# --- the hooks ------------------------------------------------------------------------------------


class Broken(Exception):
    """Raised by a test in the middle of a forward pass."""


EVERYTHING = Structure.whole(SHAPE, [(i, j) for i in range(LAYERS) for j in range(HEADS)])


def assert_untouched(victim: Victim, clean: Tensor) -> None:
    """No hook left, and the clean logits bit for bit."""
    assert hooks_of(victim.model) == []
    assert torch.equal(victim.logits([TEXT]), clean)


def test_hooks_are_there_inside_and_gone_after(victim: Victim) -> None:
    clean = victim.logits([TEXT])
    with torch.no_grad(), masked_attention(victim.model, [EVERYTHING]):
        victim.model(**encode(victim, TEXT))
        assert len(hooks_of(victim.model)) >= LAYERS
    assert_untouched(victim, clean)


def test_layers_without_a_masked_unit_are_not_hooked(victim: Victim) -> None:
    modules = family_of(victim.model).attention_modules(victim.model)
    with torch.no_grad(), masked_attention(victim.model, [Structure.whole(SHAPE, [(1, 0)])]):
        victim.model(**encode(victim, TEXT))
        assert [bool(hooks_of(module)) for module in modules] == [False, True, False]
    assert hooks_of(victim.model) == []


@pytest.mark.parametrize("layer", range(LAYERS))
def test_hooks_are_gone_after_a_layer_raised(
    victim: Victim, monkeypatch: pytest.MonkeyPatch, layer: int
) -> None:
    clean = victim.logits([TEXT])
    module = family_of(victim.model).attention_modules(victim.model)[layer]

    def broken(*args: object, **kwargs: object) -> None:
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(module, "forward", broken)
        with pytest.raises(Broken):
            victim.logits([TEXT], [EVERYTHING])
    assert_untouched(victim, clean)


def test_hooks_are_gone_after_the_body_raised(victim: Victim) -> None:
    """Its own error comes out, not that the layers never ran."""
    clean = victim.logits([TEXT])
    with pytest.raises(Broken), masked_attention(victim.model, [EVERYTHING]):
        raise Broken
    assert_untouched(victim, clean)


def test_hooks_of_others_are_left_alone(make_victim: MakeVictim) -> None:
    victim = make_victim()
    (module, *_) = family_of(victim.model).attention_modules(victim.model)
    calls: list[int] = []
    module.register_forward_pre_hook(lambda *_: calls.append(1))
    others = hooks_of(victim.model)
    victim.logits([TEXT], [EVERYTHING])
    assert calls == [1]
    assert hooks_of(victim.model) == others


def test_a_structure_that_never_ran_is_an_error(victim: Victim) -> None:
    clean = victim.logits([TEXT])
    with (
        pytest.raises(RuntimeError, match=r"layers \[0, 1, 2\] never ran"),
        masked_attention(victim.model, [EVERYTHING]),
    ):
        pass
    assert_untouched(victim, clean)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_batch_of_another_size_is_an_error(victim: Victim, rows: int) -> None:
    clean = victim.logits([TEXT])
    inputs = victim.tokenizer([TEXT] * rows, return_tensors="pt")
    with (
        pytest.raises(RuntimeError, match=f"expected a batch of 2 rows, got {rows}"),
        torch.no_grad(),
        masked_attention(victim.model, [EVERYTHING, Structure(SHAPE)]),
    ):
        victim.model(**inputs)
    assert_untouched(victim, clean)
