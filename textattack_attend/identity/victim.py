"""The identity of a victim: its weights, its configuration, its tokenizer and its settings."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from .content import THREADS, canonical, digest_of, digest_of_path, name_of, new_digest
from .record import Identity

if TYPE_CHECKING:
    from ..victim import Victim

CHUNK = 2**22
"""Elements of a weight that one thread hashes at a time; so many are copied from a GPU at once."""
Mark = tuple[tuple[str, int, int, int], ...]

IDLE_FIELDS = {
    "_name_or_path",
    "_commit_hash",
    "_attn_implementation_autoset",
    "transformers_version",
    "architectures",  # the class of the model counts itself
    "dtype",  # those of the weights count
    "torch_dtype",
    "problem_type",  # which loss a training step takes
}
"""Fields of a configuration that say where a model is from, not what it computes."""
IDLE_ATTRIBUTES = {
    "forward",  # overridden while a pass runs
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
TOKENIZER_ATTRIBUTES = (
    "truncation_side",
    "padding_side",
    "model_input_names",
    "add_bos_token",
    "add_eos_token",
    "add_prefix_space",
    "clean_up_tokenization_spaces",
    "split_special_tokens",
)
PROBES = (
    "The QUICK brown foxes, isn't it?",
    "  naïve Ünïcode\tçà et là \u200b\u2019  ",
    "数 12,345.6 😀 [MASK] <s> </s> $ _",
)
"""Texts that show how a tokenizer in Python treats case, accents, spaces and special tokens."""

_weights: WeakKeyDictionary[nn.Module, tuple[Mark, str]] = WeakKeyDictionary()


def victim_identity(victim: Victim) -> Identity:
    """Returns the identity of a victim as it is now.

    The weights, which take by far the longest, are hashed again only once they changed.

    Args:
        victim: of any family.
    """
    prompt = victim.prompt
    settings = {
        "prompt": prompt and [prompt.template, list(prompt.label_words)],
        "max_tokens": victim.max_tokens,
        "cross_attention": victim.cross_attention,
        "precision": victim.precision,
        "smoothing": None,
    }
    parts = trained_parts(victim.model, victim.tokenizer)
    return Identity(str(victim.model.config.model_type), parts, settings)


def trained_parts(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
    """Returns digests of the weights, the configuration and the tokenizer, by name.

    Args:
        model: with a configuration.
        tokenizer: of the model.
    """
    return {
        "weights": _known_digest_of_weights(model),
        "configuration": digest_of(_configuration(model)),
        "tokenizer": digest_of(_tokenizer(tokenizer)),
    }


def _known_digest_of_weights(model: nn.Module) -> str:
    mark = _mark(model)
    known = _weights.get(model)
    if known is None or known[0] != mark:
        known = _weights[model] = (mark, digest_of_weights(model))
    return known[1]


def _mark(model: nn.Module) -> Mark:
    """Differs once a weight was changed, replaced or moved; costs a thirtieth of the digest.

    PyTorch does not count changes through ``.data``, so the sum of all bits is in it as well.
    """
    return tuple(
        (name, tensor.data_ptr(), _version(tensor), _sum_of_bits(tensor))
        for name, tensor in _tensors(model)
    )


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _sum_of_bits(tensor: Tensor) -> int:
    bits = _flat(tensor).contiguous().view(torch.uint8)
    whole = bits.numel() // 8 * 8
    if bits.storage_offset() % 8:
        return int(bits.sum())
    return int(bits[:whole].view(torch.int64).sum()) + int(bits[whole:].sum())


def digest_of_weights(model: nn.Module) -> str:
    """Returns the digest of all bytes of all weights and buffers, with names, shapes and types.

    Args:
        model: in any type of numbers, on any device.
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
    """All parameters and buffers, and what modules of other kinds keep in their state."""
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
    """Quantised modules keep tuples of tensors and of numbers there."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _parts_of_state(f"{name}.{number}", part)


def _flat(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return (tensor.dequantize() if tensor.is_quantized else tensor).reshape(-1)


def _place(tensor: Tensor) -> tuple[Any, ...]:
    """What two names of one weight have in common."""
    return tensor.data_ptr(), tensor.dtype, tensor.device, tensor.shape, tensor.stride()


def _configuration(model: Any) -> dict[str, Any]:
    """The fields that act, and what the model is built of, down to its activations."""
    config = model.config
    return {
        "fields": _without_idle(canonical(config.to_dict())),
        "attention": getattr(config, "_attn_implementation", None),
        "modules": [[name, _module(module)] for name, module in model.named_modules()],
    }


def _without_idle(fields: Any) -> Any:
    """At every level: configurations of several parts have one for each."""
    if isinstance(fields, dict):
        return {k: _without_idle(own) for k, own in fields.items() if k not in IDLE_FIELDS}
    return [_without_idle(own) for own in fields] if isinstance(fields, list) else fields


def _module(module: nn.Module) -> dict[str, Any]:
    """Class, settings and hooks of a module; adapters keep their scale and their switch there."""
    own = {
        name: value
        for name, value in vars(module).items()
        if _acts(name) and isinstance(value, _PLAIN) and name not in IDLE_ATTRIBUTES
    }
    hooks = [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
    return {
        "class": name_of(type(module)),
        "own": own,
        "hooks": [name_of(hook if hasattr(hook, "__qualname__") else type(hook)) for hook in hooks],
    }


_PLAIN = (bool, int, float, str, list, tuple, dict, set, FunctionType, BuiltinFunctionType)


def _acts(name: str) -> bool:
    return name in ADAPTER_ATTRIBUTES or not name.startswith("_")


def _tokenizer(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """How the tokenizer behaves, wherever it was loaded from."""
    own = _fast(tokenizer) if tokenizer.is_fast else _slow(tokenizer)
    return {
        "class": name_of(type(tokenizer)),
        "special": tokenizer.special_tokens_map,
        "special ids": tokenizer.all_special_ids,
        **{name: getattr(tokenizer, name, None) for name in TOKENIZER_ATTRIBUTES},
        "own": own,
    }


def _fast(tokenizer: Any) -> Any:
    """All of the backend but what every call of the tokenizer sets anew."""
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    return {name: own for name, own in backend.items() if name not in ("truncation", "padding")}


def _slow(tokenizer: Any) -> Any:
    """The vocabulary files as the tokenizer writes them, and what it makes of some texts."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            tokenizer.save_vocabulary(folder)
        except NotImplementedError:  # there are no files: it reads single bytes, for example
            vocabulary = digest_of(tokenizer.get_vocab())
        else:
            vocabulary = digest_of_path(Path(folder))
    added = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items()}
    probed = [tokenizer(text, verbose=False)["input_ids"] for text in PROBES]
    return {"vocabulary": vocabulary, "added": added, "probed": probed}
