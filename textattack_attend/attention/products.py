"""Products of rows and weights in oneDNN, for processors on which PyTorch's own are slower.

PyTorch multiplies in Intel's MKL, which does not use the wide vectors of other processors. oneDNN
reads the weights where they are: nothing is copied, and nothing can become out of date.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from .families import family_of
from .forwards import Forward, changed_forwards
from .plain import own_forward

SMALLEST_PRODUCT = 2**21
"""The fewest multiplications that make up for the overhead of a call to oneDNN."""

Attention = Callable[..., Tensor]
"""A function of queries, keys and values, a bias or None, and the ``scale`` of the products."""

_FORWARDS = {nn.Linear: nn.Linear.forward, Conv1D: Conv1D.forward}


def faster_products(model: PreTrainedModel, rows: int) -> AbstractContextManager[None]:
    """Makes the linear layers of a model multiply in oneDNN inside a context, where it is faster.

    Hooks, adapters and everything else around the layers run as they do without it. Outputs can be
    differentiated by whatever the rows depend on, but not by the weights.

    Args:
        model: a model of a supported family.
        rows: the most rows, one for each token, that a layer gets at once.
    """
    if not multiplies_in_onednn(model):
        return nullcontext()
    linears = [
        module
        for module in model.modules()
        if is_linear(module)
        and module.weight.is_contiguous()
        and rows * module.weight.numel() >= SMALLEST_PRODUCT
    ]
    # Changes of the attention and of the linear layers wait for the same lock, that of the first.
    first = family_of(model).attention_modules(model)[0]
    changes = {at: partial(forward_in_onednn, linear) for at, linear in enumerate(linears, start=1)}
    return changed_forwards([first, *linears], changes)


def faster_attention(model: PreTrainedModel) -> Attention:
    """Returns a function like PyTorch's that computes attention, in oneDNN where it is faster.

    Args:
        model: a model of a supported family.
    """
    return _attention if multiplies_in_onednn(model) else scaled_dot_product_attention


def multiplies_in_onednn(model: PreTrainedModel) -> bool:
    """Returns whether `faster_products` changes the products of a model."""
    return onednn_is_faster() and can_use_onednn(model)


@cache
def onednn_is_faster() -> bool:
    """Returns whether oneDNN is faster on this processor than MKL, in which PyTorch multiplies.

    The maker of the processor decides, not a measurement, so that every run chooses alike.
    """
    mkl: Any = torch.backends.mkl
    return bool(mkl.is_available()) and "GenuineIntel" not in _processor()


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    return described.read_text() if described.is_file() else platform.processor()


def can_use_onednn(model: PreTrainedModel) -> bool:
    """Returns whether the model computes in float32 on a CPU where PyTorch may use oneDNN."""
    onednn: Any = torch.backends.mkldnn
    on_cpu = model.device.type == "cpu" and model.dtype == torch.float32
    return on_cpu and bool(onednn.is_available() and onednn.enabled) and _is_exact()


@cache
def _is_exact() -> bool:
    """Returns whether this release of PyTorch multiplies in oneDNN as `_multiply` expects it."""
    numbers = torch.arange(12, dtype=torch.float32, device="cpu")
    rows, weight, bias = numbers[:8].view(4, 2), numbers[6:].view(2, 3).t(), numbers[:3]
    try:
        found = _multiply(rows, weight, bias)
    except (AttributeError, RuntimeError):  # the operation is not among PyTorch's public ones
        return False
    return torch.equal(found, rows @ weight.t() + bias)


def is_linear(module: nn.Module) -> TypeGuard[nn.Linear | Conv1D]:
    """Returns whether a module runs the forward of PyTorch's linear layer or of GPT-2's, with
    weights of its own in float32 on a CPU.

    A weight that is computed from others, as by parametrisations, may have to be differentiated.
    """
    forward = _FORWARDS.get(type(module))
    return (
        forward is not None
        and type(module).forward is forward
        and own_forward(module) is None
        and all(name in module._parameters for name in ("weight", "bias"))
        and all(
            _is_plain(own, nn.Parameter) for own in module._parameters.values() if own is not None
        )
    )


def forward_in_onednn(linear: nn.Linear | Conv1D, own: Forward) -> Forward:
    """Returns the forward of a linear layer in oneDNN, or its own for what does not fit there."""
    is_turned = type(linear) is Conv1D  # whose weight is (in, out)
    width = linear.weight.shape[0 if is_turned else 1]

    def forward(rows: Tensor) -> Tensor:
        # Modes of the attention around the layer would else look at every attribute.
        with torch._C.DisableTorchFunction():
            if _fits(rows, width, linear.weight):
                weight = linear.weight.detach()
                return _product(rows, weight.t() if is_turned else weight, linear.bias)
        output: Tensor = own(rows)
        return output

    return forward


def _fits(rows: Tensor, width: int, weight: Tensor) -> bool:
    """Returns whether oneDNN can and should multiply rows (..., width) by a weight."""
    return (
        _is_plain(rows, Tensor)
        and rows.shape[-1:] == (width,)
        and rows.numel() * weight.numel() >= SMALLEST_PRODUCT * width
        and not torch.is_autocast_enabled("cpu")
    )


def _is_plain(tensor: Tensor, kind: type[Tensor]) -> bool:
    """Returns whether a tensor has float32 numbers on a CPU; those of a class of their own, as in
    quantised layers, compute in their own way.
    """
    return (
        type(tensor) is kind
        and tensor.dtype == torch.float32
        and tensor.device.type == "cpu"
        and tensor.layout == torch.strided
    )


def _product(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    bias = None if bias is None else bias.detach()
    if not (torch.is_grad_enabled() and rows.requires_grad):
        return _multiply(rows, weight, bias)
    # A function's output may only be changed in place, as some models do, if it is no view.
    product: Any = _Product.apply
    result: Tensor = product(rows.reshape(-1, rows.shape[-1]), weight, bias)
    return result.view(*rows.shape[:-1], result.shape[-1])


class _Product(torch.autograd.Function):
    """Multiplies rows by a weight forwards, and their gradient by it backwards, both in oneDNN."""

    @staticmethod
    def forward(context: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(weight)
        return _multiply(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        ((gradient,), (weight,)) = gradients, context.saved_tensors
        return _multiply(gradient, weight.t(), None), None, None


def _multiply(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Multiplies rows (..., in) by a weight (out, in) of any strides, and adds a bias (out,)."""
    result: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return result


def _attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, *, scale: float | None
) -> Tensor:
    """Computes attention as `scaled_dot_product_attention` does, a head of a text at a time.

    Args:
        query: the queries, float32 (P, H, S, d).
        key: the keys, float32 (P, H, T, d).
        value: the values, float32 (P, H, T, d).
        bias: what is added to the scores, float32 (P or 1, H or 1, S, T), or None.
        scale: the factor of the products; None for one over the root of d.
    """
    (texts, heads, asked, width), keys = query.shape, key.shape[2]
    if asked * keys * width < SMALLEST_PRODUCT:
        return scaled_dot_product_attention(query, key, value, bias, scale=scale)
    query = query * (width**-0.5 if scale is None else scale)
    key, value = key.contiguous(), value.contiguous()  # oneDNN is slow with other weights
    if bias is not None:
        bias = bias.expand(texts, heads, asked, keys)
    attended = torch.empty(texts, heads, asked, width)
    for at in product(range(texts), range(heads)):
        scores = _multiply(query[at], key[at], None)
        if bias is not None:
            scores += bias[at]
        attended[at] = _multiply(scores.softmax(-1), value[at].t(), None)
    return attended
