"""Linear layers that multiply in oneDNN, for processors on which PyTorch's own are slower.

PyTorch multiplies in Intel's MKL, which does not use the wide vectors of other processors.
"""

from __future__ import annotations

import copy
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

from ..marks import Mark, checksum, mark_of
from ..plain import is_plain_linear

Module = TypeVar("Module", bound=nn.Module)
CopyMark = tuple[Mark, int]


class OneDnnLinear(nn.Module):
    """A linear layer without gradient, which copies the weights that the original has now.

    Args:
        original: a layer in float32 on a CPU.
    """

    def __init__(self, original: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = original.weight, original.bias
        self._weight = original.weight.detach().to_mkldnn()
        self._bias = None if original.bias is None else original.bias.detach().to_mkldnn()

    def forward(self, rows: Tensor) -> Tensor:
        """Computes the layer's output, float32 (..., in) to (..., out)."""
        return linear(rows.to_mkldnn(), self._weight, self._bias).to_dense()


def weights_of(module: nn.Module) -> tuple[Tensor, Tensor | None] | None:
    """Returns the weight, (out, in), and the bias of a module that does nothing but multiply by the
    one and add the other; None for any other module.
    """
    if isinstance(module, OneDnnLinear) or is_plain_linear(module):
        return module.weight, module.bias
    return None


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
    return on_cpu and bool(onednn.is_available() and onednn.enabled)


def in_onednn(module: Module) -> Module:
    """Returns a copy of a module whose linear layers use oneDNN; it shares everything else."""
    return cast(Module, _twin(module, {}))


def mark_of_copies(model: PreTrainedModel) -> CopyMark:
    """Returns a mark that differs once a twin of the model would have other modules or weights.

    PyTorch does not count changes through ``.data``, so the mark has a checksum of every byte that
    is copied; one thread reads about 30 GB a second.
    """
    return mark_of(model), checksum(_copied(model))


def _copied(model: nn.Module) -> Iterator[Tensor]:
    """Yields the weights that `in_onednn` copies."""
    for module in model.modules():
        if _can_be_copied(module):
            yield from module.parameters()


def _can_be_copied(module: nn.Module) -> TypeGuard[nn.Linear]:
    if not is_plain_linear(module):
        return False
    return all(w.dtype == torch.float32 and w.device.type == "cpu" for w in module.parameters())


def _twin(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    if module not in made:
        made[module] = OneDnnLinear(module) if _can_be_copied(module) else _with_twins(module, made)
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
