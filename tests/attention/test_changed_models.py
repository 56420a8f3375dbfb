"""A model that changes between two attacks: the second one is that of a fresh wrapper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attention import Engine, WholeModel, products
from textattack_attend.attention.marks import mark_of
from textattack_attend.attention.plain import is_plain_linear
from textattack_attend.errors import UnsupportedModelError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import Victim
from tools.sequential import Outcome
from tools.speed import outcome_of

from ..conftest import MakeVictim, random_texts, tiny_model
from ..helpers.changed_models import (
    ADAPTERS,
    AROUND,
    EXACT,
    LayerOfTheirOwn,
    attention,
    layers,
    under,
    with_adapters,
)

QuantisedLinear: Any = torch.ao.nn.quantized.dynamic.Linear
TEXTS = random_texts(3, seed=3)


@pytest.fixture(params=[False, True], ids=["own kernels", "oneDNN"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test with the products of oneDNN, whatever their size, and without them."""
    onednn: Any = torch.backends.mkldnn
    if request.param and not onednn.is_available():
        pytest.skip("needs PyTorch with oneDNN")
    monkeypatch.setattr(products, "SMALLEST_PRODUCT", 0)
    monkeypatch.setattr(products, "onednn_is_faster", lambda: request.param)


@pytest.fixture
def tokenizer(make_victim: MakeVictim) -> Any:
    return make_victim().tokenizer


def outcomes(wrapper: AttentionModelWrapper) -> list[Outcome]:
    """Returns the decisions of an attack on texts that the model classifies correctly."""
    examples = [(text, int(wrapper.victim.logits([text]).argmax())) for text in TEXTS]
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.5, max_layers=2, max_heads=2)
    return [outcome_of(result) for result in attack.attack_many(examples)]


def outcomes_of_whole_passes(model: Any, tokenizer: Any) -> list[Outcome]:
    """Returns the attack's decisions behind a fresh wrapper, without the engine."""
    wrapper = AttentionModelWrapper(model, tokenizer)
    wrapper.victim.evaluator.engine = WholeModel(wrapper.victim.model)
    return outcomes(wrapper)


def deviation(victim: Victim) -> float:
    """How far the evaluator is off from a pass of its own for each structure."""
    (reading,) = victim.read(TEXTS[:1], [None])
    shape = victim.empty_structure(TEXTS[0]).shape
    structures = [Structure(shape), *(Structure.whole(shape, [(i, 0), (i, 2)]) for i in range(3))]
    found = victim.logits_from([(reading, structure) for structure in structures])
    expected = torch.cat([victim.logits(TEXTS[:1], [structure]) for structure in structures])
    return float((found - expected).abs().max())


def answers(wrapper: AttentionModelWrapper) -> Tensor:
    return wrapper.victim.logits(TEXTS)


def successes(found: Sequence[Outcome]) -> int:
    return sum(outcome.status == "success" for outcome in found)


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_adapters_of_a_victim(name: str, tokenizer: Any, kernels: None) -> None:
    model = with_adapters()
    wrapper = AttentionModelWrapper(model, tokenizer)
    before, clean = outcomes(wrapper), answers(wrapper)
    assert before == outcomes_of_whole_passes(model, tokenizer)
    ADAPTERS[name](model)
    after = outcomes(wrapper)
    assert after == outcomes_of_whole_passes(model, tokenizer)
    moved = (answers(wrapper) - clean).abs().max() > 0.1
    assert moved == (name != "merged")  # which changes nothing but the modules
    assert successes(before) + successes(after) > 0
    assert isinstance(wrapper.victim.engine, Engine)  # it is exact there
    assert deviation(wrapper.victim) < 1e-4


@pytest.mark.parametrize("name", EXACT)
def test_the_layers_of_a_victim(name: str, tokenizer: Any, kernels: None) -> None:
    model = tiny_model()
    wrapper = AttentionModelWrapper(model, tokenizer)
    assert deviation(wrapper.victim) < 1e-4
    clean = answers(wrapper)
    EXACT[name](model)
    after = outcomes(wrapper)
    assert (answers(wrapper) - clean).abs().max() > 0.01
    assert after == outcomes_of_whole_passes(model, tokenizer)
    assert isinstance(wrapper.victim.engine, Engine)
    assert deviation(wrapper.victim) < 1e-4


@pytest.mark.parametrize("name", AROUND)
def test_what_is_put_around_modules(name: str, tokenizer: Any) -> None:
    model = tiny_model()
    wrapper = AttentionModelWrapper(model, tokenizer)
    assert deviation(wrapper.victim) < 1e-4
    clean = answers(wrapper)
    with under(AROUND[name], model):
        after = outcomes(wrapper)
        moved = (answers(wrapper) - clean).abs().max() > 0.01
        assert moved == (name != "a hook on the encoder")  # which changes nothing
        assert after == outcomes_of_whole_passes(model, tokenizer)
        assert isinstance(wrapper.victim.engine, WholeModel)
        assert deviation(wrapper.victim) < 1e-5


def test_a_hook_that_is_gone_gives_the_engine_back(tokenizer: Any) -> None:
    wrapper = AttentionModelWrapper(tiny_model(), tokenizer)
    before = outcomes(wrapper)
    with under(AROUND["a hook on the pooler"], wrapper.model):
        outcomes(wrapper)
    assert outcomes(wrapper) == before
    assert isinstance(wrapper.victim.engine, Engine)


def test_a_hook_on_the_embeddings_is_no_matter(tokenizer: Any) -> None:
    """PEFT puts hooks there for gradient checkpointing; the engine starts above them."""
    wrapper = AttentionModelWrapper(tiny_model(), tokenizer)
    assert deviation(wrapper.victim) < 1e-4
    clean = answers(wrapper)
    wrapper.model.bert.embeddings.register_forward_hook(lambda module, rows, out: 2 * out)
    after = outcomes(wrapper)
    assert (answers(wrapper) - clean).abs().max() > 0.01
    assert after == outcomes_of_whole_passes(wrapper.model, tokenizer)
    assert isinstance(wrapper.victim.engine, Engine)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_layer_that_computes_something_else_is_noticed(layer: int, tokenizer: Any) -> None:
    """The layer may be any one, also the last, of which one token is read."""
    model = tiny_model()
    wrapper = AttentionModelWrapper(model, tokenizer)
    outcomes(wrapper)
    layers(model)[layer].__class__ = LayerOfTheirOwn
    assert outcomes(wrapper) == outcomes_of_whole_passes(model, tokenizer)
    assert isinstance(wrapper.victim.engine, Engine)
    assert not wrapper.victim.engine.by_parts  # the layers themselves are called


def test_a_part_that_is_left_in_training_is_put_back(tokenizer: Any) -> None:
    wrapper = AttentionModelWrapper(tiny_model(), tokenizer)
    before = outcomes(wrapper)
    layers(wrapper.model).train()
    assert outcomes(wrapper) == before
    assert not any(module.training for module in wrapper.model.modules())


def test_a_layer_that_is_quantised_later_is_refused(tokenizer: Any) -> None:
    """Both the wrapper that had the model before and a fresh one refuse it."""
    wrapper = AttentionModelWrapper(tiny_model(), tokenizer)
    outcomes(wrapper)
    attention(wrapper.model, 1).value = QuantisedLinear(16, 16)
    for attempt in (lambda: outcomes(wrapper), lambda: Victim(wrapper.model, tokenizer)):
        with pytest.raises(UnsupportedModelError, match=r"got .*value quantised by PyTorch"):
            attempt()


def test_a_model_that_stayed_is_not_compared_again(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = Victim(tiny_model(), tokenizer)
    compared: list[Sequence[Shape]] = []

    def engine_agrees(inputs: Any, shapes: Sequence[Shape]) -> bool:
        compared.append(shapes)
        return True

    monkeypatch.setattr(victim.evaluator, "engine_agrees", engine_agrees)
    for _ in range(3):
        deviation(victim)
    assert len(compared) == 1
    with torch.no_grad():
        victim.model.classifier.weight.add_(1)
    deviation(victim)
    assert len(compared) == 2


def test_marks_tell_models_apart_and_nothing_else() -> None:
    model = with_adapters()
    mark = mark_of(model)
    assert mark == mark_of(model)
    assert mark != mark_of(with_adapters())
    handle = model.register_forward_hook(lambda *_: None)
    hooked = mark_of(model)
    handle.remove()
    assert mark != hooked
    assert mark == mark_of(model)
    model.register_forward_hook(lambda *_: None)
    assert mark_of(model) != hooked  # it is another one


@pytest.mark.parametrize(
    ("module", "plain"),
    [
        (nn.Linear(2, 3), True),
        (nn.Linear(2, 3, bias=False), True),
        (nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), False),
        (nn.Bilinear(2, 2, 3), False),
        (QuantisedLinear(2, 3), False),
    ],
)
def test_what_a_plain_linear_layer_is(module: nn.Module, plain: bool) -> None:
    assert is_plain_linear(module) == plain
    if plain:
        with under(lambda m: m.register_full_backward_hook(lambda *_: None).remove, module):
            assert is_plain_linear(module)
        with under(AROUND["a hook on the model"], module):
            assert not is_plain_linear(module)
