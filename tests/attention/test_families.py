"""Every family: masked as a plain softmax masks, untouched outside, nothing closed chosen."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import BatchEncoding, BertForSequenceClassification

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attacks.results import StructureAttackResult, SuccessfulAttackResult
from textattack_attend.attention import (
    FAMILIES,
    Engine,
    Family,
    LabelWordClassifier,
    WholeModel,
    family_of,
    masked_attention,
    register_family,
)
from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget, Reach, Shape, Structure
from textattack_attend.victims.victim import Victim
from tools.plain_softmax import (
    Order,
    plain_logits,
    softmax_order,
    softmax_replaced,
    structures_of,
)
from tools.sequential import SequentialHackAttend
from tools.speed import outcome_of

from ..conftest import HEADS, LABELS, LAYERS, hooks_of, random_texts, tiny_config
from ..helpers.tiny_families import (
    CAUSAL,
    COMBINATIONS,
    COMBINATIONS_OF_MORE,
    SINGLE,
    USED,
    require_backend,
    tiny,
    tiny_tokenizer,
    tiny_victim,
)

TEXT = "the actor was never dull but the plot is"


EVERYTHING = [*COMBINATIONS, *COMBINATIONS_OF_MORE]
"""The families that stand for every kind, and in slow tests all others."""


@cache
def cached_victim(use: str, backend: str = "eager") -> Victim:
    require_backend(use, backend)
    return tiny_victim(use, backend)


@pytest.fixture(
    params=[
        *COMBINATIONS,
        *(pytest.param(one.values, marks=one.marks) for one in COMBINATIONS_OF_MORE),
    ],
    ids="-".join,
)
def victim(request: pytest.FixtureRequest) -> Victim:
    """Shared: leave it as you found it."""
    return cached_victim(*request.param)


@cache
def expected(use: str, name: str) -> Tensor:
    """Of the eager model in double precision, without padding."""
    victim = tiny_victim(use)
    if use not in SINGLE:
        nn.Module.to(victim.model, torch.double)
    shape = victim.empty_structure(TEXT).shape
    inputs = victim.inputs.encode([TEXT])
    return plain_logits(victim, inputs, structures_of(shape)[name])


STRUCTURES = tuple(structures_of(Shape(LAYERS, HEADS, 5)))


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize(("use", "backend"), EVERYTHING)
def test_masking_changes_inside_equals_plain_inside_and_is_undone_outside(
    use: str, backend: str, name: str
) -> None:
    victim = cached_victim(use, backend)
    before = victim.logits([TEXT])
    structure = structures_of(victim.empty_structure(TEXT).shape)[name]
    inside = victim.logits([TEXT], [structure])
    assert (inside - before).abs().max() > 1e-3
    plain = expected(use, name)
    torch.testing.assert_close(inside, plain, atol=1e-4, rtol=1e-4)
    assert torch.equal(victim.logits([TEXT]), before)
    assert hooks_of(victim.model) == []


@pytest.mark.parametrize("backend", ["eager", "sdpa"])
@pytest.mark.parametrize("use", ["gpt2", "llama"])
def test_a_row_masked_everywhere_is_uniform_in_half_precision(use: str, backend: str) -> None:
    """In float16 the bias that masks a row leaves room for the scores below it."""
    victim = cached_victim(use, backend)
    everything = structures_of(victim.empty_structure(TEXT).shape)["everything"]
    single = victim.logits([TEXT], [everything])
    with torch.autocast("cpu", torch.float16):
        half = victim.logits([TEXT], [everything])
    assert (single - victim.logits([TEXT])).abs().max() > 0.1
    torch.testing.assert_close(half, single, atol=0.05, rtol=0.05)


def test_padding_changes_nothing(victim: Victim) -> None:
    assert_padding_changes_nothing(victim, "right")


@pytest.mark.parametrize(
    ("use", "backend"), [(use, backend) for use, backend in COMBINATIONS if USED[use][0] in CAUSAL]
)
def test_padding_on_the_left_changes_nothing_for_decoders(use: str, backend: str) -> None:
    assert_padding_changes_nothing(cached_victim(use, backend), "left")


def assert_padding_changes_nothing(victim: Victim, side: str) -> None:
    if family_of(victim.model).feels_padding(victim.model.config):
        pytest.skip("transformers itself computes something else; batches have no padding")
    shape = victim.empty_structure(TEXT).shape
    structure = structures_of(shape)["a fifth"]
    alone = victim.inputs.encode([TEXT])
    padded = victim.tokenizer(
        victim.inputs.sequences(TEXT),
        return_tensors="pt",
        padding="max_length",
        max_length=shape.tokens + 5,
        padding_side=side,
    )
    if side == "left":  # not every decoder counts positions from the mask
        padded["position_ids"] = (padded["attention_mask"].cumsum(-1) - 1).clamp_min(0)
    with torch.no_grad():
        with masked_attention(victim.model, [structure]):
            one = victim.model(**alone).logits
        with masked_attention(victim.model, [structure], padding_side=side):
            other = victim.model(**padded).logits
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_the_shape_tells_what_each_layer_can_see(victim: Victim) -> None:
    """The attention of the clean text is zero exactly where the shape says so."""
    (done,) = victim.forward_passes([TEXT], [], [None])
    shape = victim.empty_structure(TEXT).shape
    seen = (done.capture().probabilities > 0).numpy()
    for layer in range(shape.layers):
        assert (seen[layer] <= shape.visible(layer)).all()
        assert (seen[layer].any(0) == shape.visible(layer)).all()


def test_closed_units_are_not_attackable(victim: Victim) -> None:
    shape = victim.empty_structure(TEXT).shape
    for layer in range(shape.layers):
        reach = shape.reach_of(layer)
        rows, columns = (
            int(shape.first_is_special or of_decoder)
            for of_decoder in (reach.decoder_queries, reach.decoder_keys)
        )
        for spare in (True, False):
            attackable = Budget(1, spare).attackable(shape, layer)
            expected = shape.visible(layer)
            expected = expected[rows:, columns:] if spare else expected
            assert attackable.sum() == expected.sum()
            assert [expected.sum()] == Budget(1, spare).units_per_matrix(shape, layer)
            assert (attackable <= shape.visible(layer)).all()


def test_hooks_are_gone_after_a_layer_raised_and_layers_stay_in_order(victim: Victim) -> None:
    shape = victim.empty_structure(TEXT).shape
    structure = structures_of(shape)["a fifth"]
    clean, masked = victim.logits([TEXT]), victim.logits([TEXT], [structure])
    family = family_of(victim.model)
    modules = family.attention_modules(victim.model, victim.cross_attention)

    class Broken(Exception):
        pass

    calls = iter(range(len(modules)))

    def broken(module: nn.Module, args: object, kwargs: object) -> None:
        if next(calls) == 1:
            raise Broken

    handles = [m.register_forward_pre_hook(broken, with_kwargs=True) for m in {*modules}]
    with pytest.raises(Broken):
        victim.logits([TEXT], [structure])
    for handle in handles:
        handle.remove()
    assert hooks_of(victim.model) == []
    assert torch.equal(victim.logits([TEXT]), clean)
    assert torch.equal(victim.logits([TEXT], [structure]), masked)


@pytest.mark.parametrize(("use", "backend"), EVERYTHING)
def test_gradients_are_the_slope_of_the_loss(use: str, backend: str) -> None:
    """At the scores: the loss with one score moved, by a softmax that adds to it."""
    require_backend(use, backend)
    precise, eager = tiny_victim(use, backend), tiny_victim(use)
    for victim in (precise, eager):
        if use not in SINGLE:
            nn.Module.to(victim.model, torch.double)
    inputs = precise.inputs.encode([TEXT])
    (done,) = precise.forward_passes([TEXT], [], [lambda logits: logits[0, 1]])
    gradients = done.capture().score_gradients
    order = softmax_order(precise)
    for layer in range(len(gradients)):
        place = np.unravel_index(int(gradients[layer].abs().argmax()), gradients[layer].shape)
        unit = (layer, *(int(position) for position in place))
        # Twice as wide steps remove the curvature. Single precision needs wide ones.
        small = 0.02 if use in SINGLE else 0.005
        near, far = (
            score_moved(eager, inputs, order, unit, step)
            - score_moved(eager, inputs, order, unit, -step)
            for step in (small, 2 * small)
        )
        slope = (8 * near - far) / (12 * small)
        assert abs(slope) > 5e-4
        assert float(gradients[unit]) == pytest.approx(slope, rel=0.02, abs=1e-4)


def score_moved(
    victim: Victim,
    inputs: BatchEncoding,
    order: Order,
    unit: tuple[int, ...],
    step: float,
) -> float:
    """The logit of class 1 with one score moved."""
    moved, head, query, key = unit

    def softmax(own: Any, layer: int, scores: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if layer == moved:
            scores = scores.clone()
            scores[0, head, query, key] += step
        result: Tensor = own(scores, *args, **{**kwargs, "dtype": scores.dtype})
        return result

    with torch.no_grad(), softmax_replaced(order, softmax):
        return float(victim.model(**inputs).logits[0, 1])


# --- attacks ---


def wrapped(victim: Victim) -> AttentionModelWrapper:
    """The same victim for TextAttack, with an engine of its own."""
    model = victim.model
    model = model.language_model if isinstance(model, LabelWordClassifier) else model
    return AttentionModelWrapper(
        model, victim.tokenizer, prompt=victim.prompt, cross_attention=victim.cross_attention
    )


def examples_for(victim: Victim, count: int = 6) -> list[tuple[str, int]]:
    texts = random_texts(count, seed=5)
    return [(text, int(victim.logits([text]).argmax())) for text in texts]


def test_hackattend_decides_as_one_structure_after_the_other(victim: Victim) -> None:
    """Probes, candidates, first tokens, the order and the queries: as a plain loop has them."""
    if family_of(victim.model).feels_padding(victim.model.config):
        pytest.skip("the plain loop pads its texts")
    wrapper = wrapped(victim)
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.1)
    plain = SequentialHackAttend(wrapper.victim, Budget(0.1))
    results = list(attack.attack_many(examples_for(victim)))
    assert [outcome_of(r) for r in results] == [plain.attack(*e) for e in examples_for(victim)]


@pytest.mark.parametrize("build", [HackAttendLiong2024.build, HackAttendPlus.build])
@pytest.mark.parametrize(("use", "backend"), EVERYTHING)
def test_attacks_succeed_within_what_is_visible(
    use: str, backend: str, build: Callable[..., Any]
) -> None:
    # A BART of the usual weights says the same whatever is masked.
    victim = tiny_victim(use, backend, seed=2) if "bart" in use else cached_victim(use, backend)
    wrapper = wrapped(victim)
    results: list[StructureAttackResult] = list(
        build(wrapper, mask_fraction=0.5).attack_many(examples_for(victim, 12))
    )
    successes = [r for r in results if isinstance(r, SuccessfulAttackResult)]
    assert successes
    for result in successes:
        for layer, _, query, key in result.structure.units.tolist():
            assert result.structure.shape.visible(layer)[query, key]


def test_reuse_changes_no_logits(victim: Victim) -> None:
    """Structures of two texts mixed, each layer the first that is masked; and one of no unit."""
    texts = [TEXT, "a good film"]
    asked = []
    for text, reading in zip(texts, victim.read(texts, [None, None]), strict=True):
        shape = victim.empty_structure(text).shape
        structures = [Structure.whole(shape, [(layer, 1)]) for layer in range(shape.layers)]
        structures += [*structures_of(shape).values(), Structure(shape)]
        asked += [(text, reading, structure) for structure in structures]
    random.Random(0).shuffle(asked)
    found = victim.logits_from([(reading, structure) for _, reading, structure in asked])
    plain = torch.cat([victim.logits([text], [structure]) for text, _, structure in asked])
    torch.testing.assert_close(found, plain, atol=1e-4, rtol=1e-4)
    family = family_of(victim.model)
    if family.engine is None and not family.can_call_layers:
        assert isinstance(victim.engine, WholeModel)
    else:
        assert isinstance(victim.engine, Engine)
        assert victim.engine.by_parts == (family.engine is not None)


@pytest.mark.parametrize("use", [use for use in USED if use != "albert"])
def test_layers_below_a_structure_are_not_computed(use: str) -> None:
    victim = tiny_victim(use)
    engine = WholeModel(victim.model)
    (reading,) = victim.read([TEXT], [None])
    (cache,) = reading.caches
    shape = victim.empty_structure(TEXT).shape
    top = Structure.whole(shape, [(shape.layers - 1, 0)])
    found = engine.logits([(cache, top)] * 3)
    torch.testing.assert_close(found, victim.logits([TEXT] * 3, [top] * 3), atol=1e-4, rtol=1e-4)
    assert engine.token_layers == 3 * cache.tokens
    assert hooks_of(victim.model) == []


# --- first tokens, padding tokens, registration ---


def test_a_text_without_a_special_first_token_has_nothing_to_spare() -> None:
    assert not cached_victim("gpt2").empty_structure(TEXT).shape.first_is_special
    assert cached_victim("llama").empty_structure(TEXT).shape.first_is_special
    assert Budget().attackable(
        cached_victim("gpt2").empty_structure("a film").shape, 0
    ).tolist() == [
        [True, False],
        [True, True],
    ]


def test_a_missing_padding_token_is_set_and_said(caplog: pytest.LogCaptureFixture) -> None:
    victim = tiny_victim("gpt2")
    assert victim.tokenizer.pad_token == "</s>"
    assert "no padding token; '</s>' is used" in caplog.text


def test_no_token_to_pad_with_is_refused() -> None:
    tokenizer = tiny_tokenizer("gpt2")
    tokenizer.eos_token = None
    with pytest.raises(UnsupportedModelError, match="no padding token; expected one"):
        Victim(tiny("gpt2"), tokenizer)


def test_an_encoder_does_not_mind_another_padding_token() -> None:
    model = tiny("albert")
    expected = tiny_victim("albert").logits([TEXT, "dull"])
    model.config.pad_token_id = 7
    found = Victim(model, tiny_tokenizer("albert")).logits([TEXT, "dull"])
    torch.testing.assert_close(found, expected)


def test_another_padding_token_than_the_models_is_refused() -> None:
    model = tiny("llama")
    model.config.pad_token_id = 7
    with pytest.raises(UnsupportedModelError, match="pads with token 1, the model expects 7"):
        Victim(model, tiny_tokenizer("llama"))


def test_a_family_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "my-bert", FAMILIES["bert"])  # afterwards it is gone again
    del FAMILIES["my-bert"]
    config = tiny_config("bert")
    config.num_labels = LABELS
    model = BertForSequenceClassification(config)
    model.config.model_type = "my-bert"
    model.eval()
    with pytest.raises(UnsupportedModelError, match="'my-bert' is not supported"):
        family_of(model)
    mine = Family("my-bert", layers="encoder.layer", attention="attention.self")
    register_family(mine)
    assert family_of(model) is mine
    with pytest.raises(InvalidInputError, match="'my-bert' is registered already"):
        register_family(mine)


def test_reach_by_hand() -> None:
    assert Shape(1, 1, 3, (Reach(None, 0),)).visible(0).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert Shape(1, 1, 3, (Reach(1, 1),)).visible(0).tolist() == [
        [True, True, False],
        [True, True, True],
        [False, True, True],
    ]
    assert Shape(2, 3, 3, (Reach(None, 0), Reach())).num_units == 3 * (6 + 9)
