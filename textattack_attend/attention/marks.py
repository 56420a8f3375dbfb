"""Marks, which tell whether a model was changed.

The engine computes the layers of a model itself. That it agrees with the model is therefore known
only for the modules, hooks, adapters, modes and weights at the time of the comparison. A mark names
these, and making one takes about one look at each module. Weights are marked by PyTorch's own
count of changes, which misses those through ``.data``; `checksum` reads every byte, and guards
whatever is kept beyond an attack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import xxhash
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

_SIMPLE = (str, bytes, int, float, bool, type(None))
_DEPTH = 4
_OWN_OF_MODULES = frozenset(vars(nn.Module()))


@dataclass(frozen=True, eq=False)
class Mark:
    """A list of all that a model consists of; two are equal if nothing changed in between.

    Args:
        settings: values that are compared by value.
        objects: objects that are compared by identity; the mark keeps them, so that no other object
            can get the address of one of them.
    """

    settings: tuple[Any, ...]
    objects: tuple[object, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mark) or len(self.objects) != len(other.objects):
            return False
        same = all(own is its for own, its in zip(self.objects, other.objects, strict=True))
        return same and self.settings == other.settings

    __hash__ = None  # type: ignore[assignment]  # a mark is compared, never looked up

    def __reduce__(self) -> tuple[Any, ...]:
        """Becomes an empty mark in a copy or another process, where the model is marked anew."""
        return Mark, ((), ())


def mark_of(model: nn.Module) -> Mark:
    """Returns the mark of a model: its modules, hooks, forwards, adapters, modes and weights.

    Layers with adapters name the active one in plain attributes, which are part of the mark.
    """
    settings: list[Any] = [
        tuple(torch_module._global_forward_hooks),
        tuple(torch_module._global_forward_pre_hooks),
    ]
    objects: list[object] = []
    for module in model.modules():
        own = vars(module)
        # PyTorch never gives the number of a hook to another hook.
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
    """Returns a number that changes with every byte of the weights; weights on a GPU are copied."""
    digest = xxhash.xxh3_64()
    for weight in weights:
        numbers = weight.detach().cpu().reshape(-1)
        digest.update(numbers.view(torch.uint8).numpy().data)
    return digest.intdigest()


def _attributes(own: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the attributes that the class of a module gave it, as far as they compare by value."""
    for name, value in own.items():
        if name not in _OWN_OF_MODULES and name != "forward":
            yield name, _value(value)


def _value(value: object, depth: int = 0) -> Any:
    """Returns a value that compares by value, the items of a container, or else the type."""
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
    """Returns where a tensor is, and how often it was changed in place."""
    changes = None if tensor.is_inference() else tensor._version
    address = tensor.data_ptr() if type(tensor) in (Tensor, nn.Parameter) else None
    return address, changes, tensor.device, tensor.dtype
