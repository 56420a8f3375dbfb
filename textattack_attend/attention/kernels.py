"""Kernels: linear layers in oneDNN's format, for processors on which PyTorch's own are slower.

PyTorch multiplies in MKL, which leaves the wide vectors of other makers' processors unused.
"""

from __future__ import annotations

import copy
import platform
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

Module = TypeVar("Module", bound=nn.Module)
Mark = tuple[tuple[int, ...], bytes]
_SAMPLE = 64


class OneDnnLinear(nn.Module):
    """What a linear layer computes, without gradient, with a copy of its weights of now.

    Args:
        original: a layer in float32 on a CPU.
    """

    def __init__(self, original: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = original.weight, original.bias
        self._weight = original.weight.detach().to_mkldnn()
        self._bias = None if original.bias is None else original.bias.detach().to_mkldnn()

    def forward(self, rows: Tensor) -> Tensor:
        """From float32 (..., in) to (..., out)."""
        return linear(rows.to_mkldnn(), self._weight, self._bias).to_dense()


@cache
def onednn_is_faster() -> bool:
    """Whether oneDNN is the faster one here: PyTorch multiplies in MKL, which is made by Intel.

    The maker of the processor decides, not a measurement, so that every run chooses the same.
    """
    return torch.backends.mkl.is_available() and "GenuineIntel" not in _processor()


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    return described.read_text() if described.is_file() else platform.processor()


def can_use_onednn(model: PreTrainedModel) -> bool:
    """Whether the model computes in float32 on a CPU, and PyTorch may use oneDNN there."""
    onednn: Any = torch.backends.mkldnn
    on_cpu = model.device.type == "cpu" and model.dtype == torch.float32
    return on_cpu and bool(onednn.is_available() and onednn.enabled)


def in_onednn(module: Module) -> Module:
    """The same module with other linear layers; all else is shared with it."""
    return cast(Module, _twin(module, {}))


def mark_of_weights(model: PreTrainedModel) -> Mark:
    """Differs once weights of linear layers were changed, replaced, or moved.

    Changes through ``.data`` are not counted by PyTorch, so some of the values are in it as well.
    """
    weights = [p.detach() for m in model.modules() if _is_plain(m) for p in m.parameters()]
    counted = [number for weight in weights for number in (weight.data_ptr(), weight._version)]
    values = [w.flatten()[:: max(1, w.numel() // _SAMPLE)] for w in weights] or [torch.empty(0)]
    return tuple(counted), torch.cat(values).numpy().tobytes()


def _twin(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    if module not in made:
        made[module] = OneDnnLinear(module) if _is_plain(module) else _with_twins(module, made)
    return made[module]


def _with_twins(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    """A shallow copy with the twins of its children, or the module itself if they have none."""
    children = dict(module.named_children())
    twins = {name: _twin(child, made) for name, child in children.items()}
    if twins == children:
        return module
    copied = copy.copy(module)
    copied._modules = {**module._modules, **twins}
    return copied


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    """Whether it is a linear layer that nothing was added to: no subclass, no hook, no wrapper."""
    return (
        type(module) is nn.Linear
        and not (module._forward_hooks or module._forward_pre_hooks)
        and "forward" not in vars(module)
    )
