"""Marks: how to tell that a model is not any longer what it was.

The engine computes the layers of a model itself, so what it was found to compute right holds for
the modules, hooks, adapters, modes and weights of that moment. A mark names them, at about the cost
of a look at each module. Weights are marked by PyTorch's own count of changes, which misses those
through ``.data``; `checksum` reads every byte, for those who keep copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import xxhash
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

_SIMPLE = (str, bytes, int, float, bool, type(None))
_DEPTH = 4
_OWN_OF_MODULES = frozenset(vars(nn.Module()))


@dataclass(frozen=True, eq=False)
class Mark:
    """What a model consists of; equal to another mark if nothing was changed in between.

    Args:
        settings: comparable by value.
        objects: comparable by identity; being kept, none of them lends its address to another one.
    """

    settings: tuple[Any, ...]
    objects: tuple[object, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mark) or len(self.objects) != len(other.objects):
            return False
        same = all(own is its for own, its in zip(self.objects, other.objects, strict=True))
        return same and self.settings == other.settings

    __hash__ = None  # type: ignore[assignment]  # it is compared, not looked up

    def __reduce__(self) -> tuple[Any, ...]:
        """Says nothing of a model in another process, or of a copy: it is found out again there."""
        return Mark, ((), ())


def mark_of(model: nn.Module) -> Mark:
    """Differs once modules, hooks, forwards, adapters, modes, or weights of a model were changed.

    Adapters say which of them is active in plain attributes of their layers, which are in it.
    """
    settings: list[Any] = [
        tuple(torch_module._global_forward_hooks),
        tuple(torch_module._global_forward_pre_hooks),
    ]
    objects: list[object] = []
    for module in model.modules():
        own = vars(module)
        # The number of a hook is never given to another one.
        settings += (
            module.training,
            tuple(own["_forward_hooks"]),
            tuple(own["_forward_pre_hooks"]),
        )
        settings += _attributes(own)
        objects += (module, type(module), type(module).forward, own.get("forward"))
        objects.append(own.get("_compiled_call_impl"))
        for tensors in (own["_parameters"], own["_buffers"]):
            for tensor in tensors.values():
                if tensor is not None:
                    objects.append(tensor)
                    settings += _state(tensor)
    return Mark(tuple(settings), tuple(objects))


def checksum(weights: Iterable[Tensor]) -> int:
    """Changes with every byte of weights on a CPU, of any dtype that NumPy knows."""
    digest = xxhash.xxh3_64()
    for weight in weights:
        digest.update(weight.detach().contiguous().numpy().data)
    return digest.intdigest()


def _attributes(own: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attributes of a module that its class gave it, as far as they compare by value."""
    for name, value in own.items():
        if name not in _OWN_OF_MODULES and name != "forward":
            yield name, _value(value)


def _value(value: object, depth: int = 0) -> Any:
    """A value itself if it compares by value, containers by their items, its type else."""
    if isinstance(value, _SIMPLE):
        return value
    if depth < _DEPTH:
        if isinstance(value, dict):
            return tuple((key, _value(item, depth + 1)) for key, item in value.items())
        if isinstance(value, list | tuple):
            return tuple(_value(item, depth + 1) for item in value)
        if isinstance(value, set | frozenset):
            return frozenset(item for item in value if isinstance(item, _SIMPLE))
    return type(value)


def _state(tensor: Tensor) -> tuple[Any, ...]:
    """Where a tensor is, and how often it was changed in place."""
    changes = None if tensor.is_inference() else tensor._version
    address = tensor.data_ptr() if type(tensor) in (Tensor, nn.Parameter) else None
    return address, changes, tensor.device, tensor.dtype
