"""Copies of models that multiply in oneDNN, with the weights of the originals."""

from __future__ import annotations

import copy
from typing import TypeVar, cast

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from ..marks import Mark, mark_of
from ..plain import has_hooks, is_plain_linear
from ..products import can_use_onednn, forward_in_onednn, is_linear, onednn_is_faster

__all__ = [
    "CopyMark",
    "OneDnnLinear",
    "can_use_onednn",
    "in_onednn",
    "mark_of_copies",
    "onednn_is_faster",
    "weights_of",
]

Module = TypeVar("Module", bound=nn.Module)
CopyMark = Mark
mark_of_copies = mark_of


class OneDnnLinear(nn.Module):
    """A linear layer that multiplies in oneDNN.

    Args:
        original: the layer whose weights it uses, as they are at every call.
    """

    def __init__(self, original: nn.Linear | Conv1D) -> None:
        super().__init__()
        self.weight, self.bias = original.weight, original.bias
        self.is_turned = isinstance(original, Conv1D)
        self._forward = forward_in_onednn(original, original.forward)

    def forward(self, rows: Tensor) -> Tensor:
        """Computes the layer's output, (..., in) to (..., out)."""
        output: Tensor = self._forward(rows)
        return output


def weights_of(module: nn.Module) -> tuple[Tensor, Tensor | None] | None:
    """Returns the weight, (out, in), and the bias of a module that does nothing but multiply by the
    one and add the other; None for any other module.
    """
    if not isinstance(module, OneDnnLinear) and not is_plain_linear(module):
        return None
    is_turned = isinstance(module, OneDnnLinear) and module.is_turned
    return module.weight.t() if is_turned else module.weight, module.bias


def in_onednn(module: Module) -> Module:
    """Returns a copy of a module whose linear layers use oneDNN; it shares everything else."""
    return cast(Module, _twin(module, {}))


def _twin(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    if module not in made:
        if is_linear(module) and not has_hooks(module):
            made[module] = OneDnnLinear(module)
        else:
            made[module] = _with_twins(module, made)
    return made[module]


def _with_twins(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    """Returns a shallow copy with its children's twins, or the module itself if none has a twin."""
    children = dict(module.named_children())
    twins = {name: _twin(child, made) for name, child in children.items()}
    if twins == children:
        return module
    copied = copy.copy(module)
    copied._modules = {**module._modules, **twins}
    return copied
