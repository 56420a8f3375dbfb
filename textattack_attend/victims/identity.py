"""The identity of a victim: its weights, its configuration, its tokenizer and its settings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from ..attention.marks import checksum
from ..attention.plain import own_forward
from ..data.choice_encodings import DEFAULT, FIELD
from ..identity.content import (
    THREADS,
    canonical,
    digest_of,
    new_digest,
)
from ..identity.record import Identity
from .adapters import adapters_of
from .tokenizer_identity import class_of, fields_of_tokenizer

if TYPE_CHECKING:
    from .victim import Victim

CHUNK = 2**22
"""The number of elements that one thread hashes, or copies from a GPU, at a time."""
State = tuple[tuple[tuple[str, int, int], ...], int]
"""The places and versions of all weights, and a checksum of their bytes."""

IDLE_FIELDS = {
    "_name_or_path",
    "_commit_hash",
    "auto_map",  # the classes of a checkpoint's own are in the identity themselves
    "_attn_implementation_autoset",
    "transformers_version",
    "architectures",  # the class of the model is in the identity itself
    "dtype",  # the types of the weights are in the identity themselves
    "torch_dtype",
    "problem_type",  # it chooses the loss of a training step
}
"""Fields of a configuration that say where a model is from, not what it computes."""
IDLE_ATTRIBUTES = {
    "forward",  # an attack replaces it for a while; `own_forward` tells
    "generation_config",
    "gradient_checkpointing",
    "loss_type",
    "max_seq_len_cached",
    "name_or_path",
    "training",
    "warnings_issued",
}
"""Attributes of a module that do not decide what it computes in evaluation."""
ADAPTER_ATTRIBUTES = ("_active_adapter", "_disable_adapters")

_weights: WeakKeyDictionary[nn.Module, tuple[State, str]] = WeakKeyDictionary()


def victim_identity(victim: Victim) -> Identity:
    """Returns the identity of a victim as it is now.

    The weights, which take by far the longest, are hashed again only once they changed.

    Args:
        victim: a victim of any family.
    """
    prompt = victim.prompt
    settings = {
        "prompt": prompt and [prompt.template, list(prompt.label_words)],
        "max_tokens": victim.max_tokens,
        "cross_attention": victim.cross_attention,
        "precision": victim.precision,
        "smoothing": None,
    }
    if victim.choice_encoding not in (None, DEFAULT):
        # The default has no place here, so that results of earlier versions keep their victims.
        settings[FIELD] = victim.choice_encoding
    parts = trained_parts(victim.model, victim.tokenizer)
    return Identity(str(victim.model.config.model_type), parts, settings)


def trained_parts(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
    """Returns digests of the weights, the configuration and the tokenizer, by name.

    Args:
        model: a model that has a configuration.
        tokenizer: the tokenizer of the model.
    """
    return {
        "weights": _known_digest_of_weights(model),
        "configuration": digest_of(_configuration(model)),
        "tokenizer": digest_of(fields_of_tokenizer(tokenizer)),
    }


def _known_digest_of_weights(model: nn.Module) -> str:
    state = _state_of_weights(model)
    known = _weights.get(model)
    if known is None or known[0] != state:
        known = _weights[model] = (state, digest_of_weights(model))
    return known[1]


def _state_of_weights(model: nn.Module) -> State:
    """Returns a value that differs once a weight was changed, replaced or moved.

    PyTorch does not count changes through ``.data``, so a checksum of all bytes is part of it. It
    costs a small share of what the digest does.
    """
    tensors = list(_tensors(model))
    places = tuple((name, tensor.data_ptr(), _version(tensor)) for name, tensor in tensors)
    return places, checksum(_flat(tensor) for _, tensor in tensors)


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def digest_of_weights(model: nn.Module) -> str:
    """Returns the digest of all bytes of all weights and buffers, with names, shapes and types.

    Args:
        model: a model in any type of numbers, on any device.
    """
    tensors = dict(_tensors(model))
    # A weight that several names share is read once.
    different = {_place(tensor): tensor for tensor in tensors.values()}
    pieces = [
        (place, _flat(tensor)[start : start + CHUNK])
        for place, tensor in different.items()
        for start in range(0, max(1, tensor.numel()), CHUNK)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        hashed = list(pool.map(_digest_of_bytes, (piece for _, piece in pieces)))
    digests: dict[Any, list[str]] = {}
    for (place, _), digest in zip(pieces, hashed, strict=True):
        digests.setdefault(place, []).append(digest)
    return digest_of(
        [
            [name, list(tensor.shape), str(tensor.dtype), digests[_place(tensor)]]
            for name, tensor in sorted(tensors.items())
        ]
    )


def _digest_of_bytes(piece: Tensor) -> str:
    numbers = piece.cpu().contiguous().view(torch.uint8).numpy()
    return new_digest(numbers.data).hexdigest()


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yields all parameters and buffers, and the other tensors in the state of the modules."""
    named = dict(
        chain(
            model.named_parameters(remove_duplicate=False),
            model.named_buffers(remove_duplicate=False),
        )
    )
    yield from named.items()
    for name, value in model.state_dict().items():
        if name not in named:
            yield from _parts_of_state(name, value)


def _parts_of_state(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """Yields the tensors of a value; quantised modules keep tuples of tensors and numbers."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _parts_of_state(f"{name}.{number}", part)


def _flat(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return (tensor.dequantize() if tensor.is_quantized else tensor).reshape(-1)


def _place(tensor: Tensor) -> tuple[Any, ...]:
    """Returns what two names of one weight have in common."""
    return tensor.data_ptr(), tensor.dtype, tensor.device, tensor.shape, tensor.stride()


def _configuration(model: Any) -> dict[str, Any]:
    """Returns the fields of the configuration that matter, and all modules of the model."""
    config = model.config
    return {
        "fields": _without_idle(canonical(config.to_dict())),
        "attention": getattr(config, "_attn_implementation", None),
        "modules": [[name, _module(module)] for name, module in model.named_modules()],
    }


def _without_idle(fields: Any) -> Any:
    """Returns the fields without idle ones, also of the configurations inside a configuration."""
    if isinstance(fields, dict):
        return {k: _without_idle(own) for k, own in fields.items() if k not in IDLE_FIELDS}
    return [_without_idle(own) for own in fields] if isinstance(fields, list) else fields


def _module(module: nn.Module) -> dict[str, Any]:
    """Returns the class, settings and hooks of a module, as the scale and switch of an adapter."""
    own: dict[str, Any] = {
        name: value
        for name, value in vars(module).items()
        if _acts(name) and isinstance(value, _PLAIN) and name not in IDLE_ATTRIBUTES
    }
    own |= adapters_of(module)
    forward = own_forward(module)  # not the one that an attack has put there for a while
    if forward is not None:
        own["forward"] = forward if isinstance(forward, _CALLABLE) else type(forward)
    hooks = [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
    return {
        "class": class_of(module),
        "own": {name: _tensor(v) if isinstance(v, Tensor) else v for name, v in own.items()},
        "hooks": [hook if isinstance(hook, _CALLABLE) else type(hook) for hook in hooks],
    }


def _tensor(tensor: Tensor) -> list[Any]:
    """Names a tensor that is no parameter and no buffer."""
    return [list(tensor.shape), str(tensor.dtype), _digest_of_bytes(_flat(tensor))]


_CALLABLE = (FunctionType, BuiltinFunctionType, MethodType, partial)
_PLAIN = (bool, int, float, str, list, tuple, dict, set, Tensor, *_CALLABLE)


def _acts(name: str) -> bool:
    return name in ADAPTER_ATTRIBUTES or not name.startswith("_")
