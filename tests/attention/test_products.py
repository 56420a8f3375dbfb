"""Products in oneDNN: those of PyTorch, and the gradients of them, in every family."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers.pytorch_utils import Conv1D

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attention import AttentionCapture, masked_attention, products
from textattack_attend.attention.products import (
    faster_attention,
    faster_products,
    forward_in_onednn,
)
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim
from tools.speed import outcome_of

from ..conftest import FAMILIES, MakeVictim, hooks_of
from ..helpers.tiny_families import (
    COMBINATIONS,
    COMBINATIONS_OF_MORE,
    require_backend,
    tiny_victim,
)

TEXT = "the film was never quite funny"

onednn: Any = torch.backends.mkldnn
pytestmark = pytest.mark.skipif(not onednn.is_available(), reason="needs PyTorch with oneDNN")


@pytest.fixture(autouse=True)
def products_of_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uses oneDNN on every processor, and for products of tiny models too."""
    monkeypatch.setattr(products, "SMALLEST_PRODUCT", 0)
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)


@pytest.fixture
def multiplied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the weights that oneDNN has multiplied by."""
    shapes: list[tuple[int, ...]] = []
    multiply = products._multiply

    def noted(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        shapes.append(tuple(weight.shape))
        return multiply(rows, weight, bias)

    monkeypatch.setattr(products, "_multiply", noted)
    return shapes


def loss(logits: Tensor) -> Tensor:
    return cross_entropy(logits, torch.tensor([1]))


def linears(model: Any) -> list[nn.Module]:
    return [module for module in model.modules() if type(module) in (nn.Linear, Conv1D)]


@torch.no_grad()
def calm(victim: Victim) -> Victim:
    """Halves the weights of a tiny victim: it would else magnify its own rounding a hundredfold."""
    for parameter in victim.model.parameters():
        if parameter.ndim > 1:
            parameter.mul_(0.5)
    return victim


def assert_close(found: Tensor, expected: Tensor) -> None:
    """Relative to the largest number."""
    scale = float(expected.abs().max())
    assert scale > 0
    torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=1e-5)


def assert_captures_close(found: AttentionCapture, expected: AttentionCapture) -> None:
    """Layer by layer; the scores of units that a model hides are of any size."""
    for layer, probabilities in enumerate(expected.probabilities):
        assert_close(found.probabilities[layer], probabilities)
        seen = probabilities > 0
        assert_close(found.scores[layer][seen], expected.scores[layer][seen])
        assert_close(found.probability_gradients[layer], expected.probability_gradients[layer])


def compared(victim: Victim, text: str, structures: list[Structure]) -> None:
    """Compares a pass of the victim with one of PyTorch's own kernels."""
    (done,) = victim.forward_passes([text], structures, [loss])
    logits, found = done.logits, done.capture()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "onednn_is_faster", lambda: False)
        (plain,) = victim.forward_passes([text], structures, [loss])
        assert_close(logits, plain.logits)
        assert_captures_close(found, plain.capture())


@pytest.mark.parametrize(("use", "backend"), [*COMBINATIONS, *COMBINATIONS_OF_MORE])
def test_a_capture_in_every_family(
    use: str, backend: str, multiplied: list[tuple[int, ...]]
) -> None:
    require_backend(use, backend)
    victim = calm(tiny_victim(use, backend))
    shape = victim.empty_structure(TEXT).shape
    compared(victim, TEXT, [])
    assert len(multiplied) > len(linears(victim.model))  # those of the backward pass too
    compared(victim, TEXT, [Structure.whole(shape, [(0, 1), (shape.layers - 1, 0)])])
    assert hooks_of(victim.model) == []


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", ["eager", "sdpa"])
def test_a_capture_of_an_encoder(make_victim: MakeVictim, family: str, backend: str) -> None:
    if (family, backend) != ("electra", "sdpa"):  # which transformers refuses
        compared(make_victim(family, backend), TEXT, [])


@pytest.mark.parametrize("layer", [nn.Linear(5, 3), nn.Linear(5, 3, bias=False), Conv1D(3, 5)])
@pytest.mark.parametrize("size", [(5,), (4, 5), (2, 4, 5), (0, 5)])
def test_a_layer_and_its_gradient(layer: Any, size: tuple[int, ...]) -> None:
    if isinstance(layer, Conv1D) and len(size) == 1:
        return  # it takes no single row
    outputs = []
    for forward in (layer, forward_in_onednn(layer, layer.forward)):
        rows = torch.linspace(-1, 1, 40)[: torch.Size(size).numel()].view(size).requires_grad_()
        output = forward(rows)
        outputs.append((output, *torch.autograd.grad(output.square().sum(), [rows])))
    torch.testing.assert_close(outputs[1], outputs[0], atol=1e-6, rtol=1e-5)


def test_rows_that_do_not_lie_in_order() -> None:
    layer = nn.Linear(5, 3)
    rows = torch.randn(5, 4).t()
    found = forward_in_onednn(layer, layer.forward)(rows)
    torch.testing.assert_close(found, layer(rows), atol=1e-6, rtol=1e-5)


def test_a_gradient_is_not_differentiated_again() -> None:
    layer = nn.Linear(5, 3)
    rows = torch.randn(4, 5, requires_grad=True)
    output = forward_in_onednn(layer, layer.forward)(rows).square().sum()
    (gradient,) = torch.autograd.grad(output, [rows], create_graph=True)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(gradient.sum(), [rows])


@pytest.mark.parametrize("build", [HackAttendLiong2024.build, HackAttendPlus.build])
def test_decisions_on_the_victim_of_the_demo(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = AttentionModelWrapper.from_pretrained("attend-demo")
    examples = [
        ("a dull and lifeless film", 0),
        ("the acting is superb but the plot never comes alive", 0),
        ("warm , funny and brave", 1),
    ]
    decided = []
    for faster in (True, False):
        monkeypatch.setattr(products, "onednn_is_faster", lambda faster=faster: faster)
        results = build(wrapper).attack_many(examples)
        decided.append([outcome_of(result) for result in results])
    assert decided[0] == decided[1]
    assert {own.status for own in decided[0]} > {"success"}


def change_through_data(linear: nn.Linear) -> None:
    linear.weight.data = 0.5 * torch.randn_like(linear.weight)


def other_parameter(linear: nn.Linear) -> None:
    linear.weight = nn.Parameter(0.5 * torch.randn_like(linear.weight))


def hook(linear: nn.Linear) -> None:
    linear.register_forward_hook(lambda module, rows, output: 2 * output)


def own_forward(linear: nn.Linear) -> None:
    plain = linear.forward
    vars(linear)["forward"] = lambda rows: 2 * plain(rows)


@pytest.mark.parametrize(
    "change",
    [
        change_through_data,
        other_parameter,
        hook,
        own_forward,
        nn.utils.parametrizations.spectral_norm,
    ],
)
def test_a_changed_layer_computes_what_it_is_now(
    make_victim: MakeVictim, change: Callable[[nn.Linear], object]
) -> None:
    victim = make_victim()
    before = victim.capture(TEXT, loss)
    change(victim.model.bert.encoder.layer[1].intermediate.dense)
    victim.model.eval()
    after = victim.capture(TEXT, loss)
    assert (after.scores - before.scores).abs().max() > 1e-2
    compared(victim, TEXT, [])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_is_not_used_for_other_dtypes(
    make_victim: MakeVictim, multiplied: list[tuple[int, ...]], precision: str
) -> None:
    victim = make_victim()
    if precision == "float32":
        nn.Module.to(victim.model, torch.double)
    else:
        victim.precision = precision
    victim.capture(TEXT, loss)
    assert multiplied == []


def test_it_is_not_used_where_it_does_not_pay_or_is_switched_off(
    make_victim: MakeVictim, multiplied: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = make_victim()
    with monkeypatch.context() as patch:
        patch.setattr(onednn, "enabled", False)
        victim.capture(TEXT, loss)
        patch.undo()
    with monkeypatch.context() as patch:
        patch.setattr(products, "SMALLEST_PRODUCT", 2**21)
        victim.capture(TEXT, loss)
    monkeypatch.setattr(products, "onednn_is_faster", lambda: False)
    victim.capture(TEXT, loss)
    assert multiplied == []


def test_a_victim_can_be_copied_and_sent_to_another_process(make_victim: MakeVictim) -> None:
    victim = make_victim()
    before = victim.capture(TEXT, loss).probability_gradients
    for other in (copy.deepcopy(victim), pickle.loads(pickle.dumps(victim))):
        assert torch.equal(other.capture(TEXT, loss).probability_gradients, before)


def test_the_backward_pass_keeps_no_more_than_pytorch_does(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather less: the rows are kept for gradients of weights, which nobody asks for."""
    victim = make_victim()
    weights = {weight.data_ptr() for weight in victim.model.parameters()}
    kept: list[set[int]] = []

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[-1].add(tensor.untyped_storage().data_ptr())
        return tensor

    for faster in (True, False):
        monkeypatch.setattr(products, "onednn_is_faster", lambda faster=faster: faster)
        kept.append(set())
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            victim.forward_passes([TEXT], [], [loss])
    assert len(kept[0]) < len(kept[1])


def test_answers_are_passes_of_the_model_itself(
    make_victim: MakeVictim, multiplied: list[tuple[int, ...]]
) -> None:
    """A success is confirmed by them."""
    victim = make_victim()
    structure = Structure.whole(victim.empty_structure(TEXT).shape, [(0, 1)])
    victim.logits_alone(TEXT, structure)
    assert multiplied == []


def test_the_layers_are_the_models_own_for_another_thread(
    make_victim: MakeVictim, multiplied: list[tuple[int, ...]]
) -> None:
    victim = make_victim()
    ids = torch.randint(5, 20, (3, 7))
    answers: list[Tensor] = []

    def answer() -> None:
        with torch.no_grad():
            answers.append(victim.model(ids).logits)

    answer()
    with faster_products(victim.model, ids.numel()):
        other = threading.Thread(target=answer)
        other.start()
        other.join()
        assert multiplied == []
        answer()
        assert multiplied != []
    assert torch.equal(answers[0], answers[1])
    assert_close(answers[2], answers[0])


def test_it_and_masks_wait_for_each_other_in_any_order(make_victim: MakeVictim) -> None:
    """Two threads that nest them the other way round would else wait for ever."""
    victim = make_victim()
    structures = [Structure.whole(victim.empty_structure(TEXT).shape, [(0, 1)])]

    def fast_inside() -> None:
        for _ in range(20):
            with masked_attention(victim.model, structures), faster_products(victim.model, 9):
                victim.model(torch.randint(5, 20, (1, 8)))

    def fast_outside() -> None:
        for _ in range(20):
            with faster_products(victim.model, 9), masked_attention(victim.model, structures):
                victim.model(torch.randint(5, 20, (1, 8)))

    threads = [threading.Thread(target=own) for own in (fast_inside, fast_outside)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert hooks_of(victim.model) == []


# --- attention ---


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("shape", [None, (2, 1, 4, 5), (1, 3, 4, 5), (2, 3, 4, 5)])
def test_attention_is_that_of_pytorch(
    shape: tuple[int, ...] | None, scale: float | None, multiplied: list[tuple[int, ...]]
) -> None:
    """Heads that are views, as layers make them, and biases that are shared by texts or heads."""
    victim = tiny_victim("bert", "eager")
    generator = torch.Generator().manual_seed(0)

    def random(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator)

    query, key, value = (random(2, count, 3, 8).transpose(1, 2) for count in (4, 5, 5))
    bias = None if shape is None else random(*shape)
    if bias is not None:
        bias[..., 0] = -torch.inf
    found = faster_attention(victim.model)(query, key, value, bias, scale=scale)
    expected = scaled_dot_product_attention(query, key, value, bias, scale=scale)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert len(multiplied) == 2 * 2 * 3  # two products for each text and head


def test_small_attention_stays_with_pytorch(
    monkeypatch: pytest.MonkeyPatch, multiplied: list[tuple[int, ...]]
) -> None:
    monkeypatch.setattr(products, "SMALLEST_PRODUCT", 4 * 4 * 8 + 1)
    attend = faster_attention(tiny_victim("bert", "eager").model)
    attend(*(torch.ones(1, 1, 4, 8) for _ in range(3)), None, scale=None)
    assert not multiplied


def test_a_weight_that_onednn_reads_slowly_is_left_to_pytorch(
    multiplied: list[tuple[int, ...]],
) -> None:
    """OneDNN takes a thousand times as long with a weight of two strides."""
    victim = tiny_victim("bert", "eager")
    classifier = victim.model.classifier
    wide = torch.randn(*classifier.weight.shape, 2)
    classifier.weight = nn.Parameter(wide[..., 0])
    with torch.inference_mode(), faster_products(victim.model, rows=1):
        classifier(torch.ones(1, classifier.in_features))
    assert not multiplied
