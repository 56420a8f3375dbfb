"""Injection: the one place of the package that hooks a model.

Inside ``masked_attention(model, structures)`` every forward pass of a batch of ``len(structures)``
rows computes attention as if the units of each row's structure were masked. When the context ends,
also by an exception, every hook of its own is gone.

A structure becomes an additive bias (B, H, T, T) on the pre-softmax scores, made when a layer runs
and freed right after it. Layers without a masked unit are not hooked at all, so the empty structure
gives the clean logits bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..structures import Structure
from .families import Family, family_of


@contextmanager
def masked_attention(model: PreTrainedModel, structures: Sequence[Structure]) -> Iterator[None]:
    """Mask the units of ``structures[b]`` in row b of every forward pass inside the context.

    Rows may be padded on the right: row b holds ``structures[b].shape.tokens`` real tokens.

    Raises:
        UnsupportedModelError: the model's family is unknown.
        RuntimeError: a hooked layer never ran inside the context.

    """
    family = family_of(model)
    modules = family.attention_modules(model)
    masked = sorted(frozenset().union(*(s.layers for s in structures)))
    layers = [_MaskedLayer(family, layer, structures) for layer in masked]
    with ExitStack() as hooks:
        for layer in layers:
            layer.hook(modules[layer.layer], hooks)
        yield
    idle = [layer.layer for layer in layers if not layer.ran]
    if idle:
        raise RuntimeError(f"attention of layers {idle} never ran: the structure had no effect")


class _MaskedLayer:
    """The hooks of one layer."""

    def __init__(self, family: Family, layer: int, structures: Sequence[Structure]) -> None:
        self.family = family
        self.layer = layer
        self.structures = structures
        self.ran = False

    def hook(self, module: nn.Module, hooks: ExitStack) -> None:
        handle = module.register_forward_pre_hook(self._mask_scores, with_kwargs=True)
        hooks.callback(handle.remove)
        if self.family.probabilities:
            softmaxed = module.get_submodule(self.family.probabilities)
            handle = softmaxed.register_forward_pre_hook(self._mask_probabilities)
            hooks.callback(handle.remove)

    def _mask_scores(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Add the bias to the additive mask that the module is about to add to its scores."""
        self.ran = True
        name = self.family.mask_argument
        mask: Tensor | None = kwargs[name]
        if mask is not None and not mask.is_floating_point():
            return args, kwargs  # a 0/1 mask: the probabilities are masked instead
        hidden: Tensor = args[0] if args else next(iter(kwargs.values()))
        bias = self._bias(hidden.shape[1], hidden)
        return args, {**kwargs, name: bias if mask is None else mask + bias}

    def _mask_probabilities(self, module: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Renormalise the probabilities: log-probabilities are scores up to a constant per row."""
        (probabilities,) = args
        kind = torch.finfo(probabilities.dtype)
        scores = probabilities.clamp_min(kind.tiny).log()  # a visible key stays above padding
        scores += self._bias(probabilities.shape[-1], probabilities)
        for row, structure in enumerate(self.structures):
            scores[row, ..., structure.shape.tokens :] = kind.min
        masked = torch.softmax(scores, dim=-1)
        touched = torch.tensor([self.layer in s.layers for s in self.structures])
        touched = touched.to(probabilities.device)[:, None, None, None]
        return (torch.where(touched, masked, probabilities),)

    def _bias(self, tokens: int, like: Tensor) -> Tensor:
        if len(like) != len(self.structures):
            raise RuntimeError(f"expected a batch of {len(self.structures)} rows, got {len(like)}")
        heads = self.structures[0].shape.heads
        bias = torch.zeros((len(like), heads, tokens, tokens), dtype=like.dtype, device=like.device)
        cells = torch.from_numpy(_flat_cells(self.layer, self.structures, tokens))
        # Half of the most negative number, not all of it: a row that is masked everywhere must
        # become uniform over the visible keys, and padding (finfo.min) must stay below them.
        bias.view(-1)[cells.to(like.device)] = torch.finfo(like.dtype).min / 2
        return bias


def _flat_cells(layer: int, structures: Sequence[Structure], tokens: int) -> np.ndarray:
    """The masked cells of a layer as flat indices into (B, H, T, T), T being the padded length."""
    flat = [np.empty(0, dtype=np.int64)]
    for row, structure in enumerate(structures):
        own = structure.shape.tokens
        for head, cells in structure.cells_of_layer(layer):
            offset = (row * structure.shape.heads + head) * tokens**2
            # A cell is query * own + key; in the padded row it is query * tokens + key.
            flat.append(offset + cells + (cells // own) * np.int64(tokens - own))
    return np.concatenate(flat)
