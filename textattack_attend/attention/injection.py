"""Injection: the one place of the package that changes what a model computes.

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
from functools import partial
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
        self.kept: dict[str, Tensor] = {}

    def hook(self, module: nn.Module, hooks: ExitStack) -> None:
        handles = [module.register_forward_pre_hook(self._mask_scores, with_kwargs=True)]
        if self.family.zero_one_mask_probabilities:
            names = self.family.projections
            query, key = module.get_submodule(names.query), module.get_submodule(names.key)
            softmaxed = module.get_submodule(self.family.zero_one_mask_probabilities)
            handles += [
                query.register_forward_hook(partial(self._keep, "query")),
                key.register_forward_hook(partial(self._keep, "key")),
                softmaxed.register_forward_pre_hook(self._replace_probabilities),
            ]
        for handle in handles:
            hooks.callback(handle.remove)

    def _keep(self, name: str, module: nn.Module, args: object, output: Tensor) -> None:
        self.kept[name] = output

    def _mask_scores(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Add the bias to the additive mask that the module is about to add to its scores."""
        self.ran = True
        name = self.family.mask_argument
        mask: Tensor | None = kwargs[name]
        if mask is not None and not mask.is_floating_point():
            return args, kwargs  # a 0/1 mask: the probabilities are replaced instead
        hidden: Tensor = args[0] if args else next(iter(kwargs.values()))
        bias = self._bias(hidden.shape[1], hidden)
        return args, {**kwargs, name: bias if mask is None else mask + bias}

    def _replace_probabilities(self, module: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Compute the probabilities of the rows with a masked unit anew, from queries and keys."""
        (probabilities,) = args
        batch, heads, tokens = probabilities.shape[:3]
        query, key = (
            self.kept.pop(name).view(batch, tokens, heads, -1).transpose(1, 2)
            for name in ("query", "key")
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        scores = scores + self._bias(tokens, probabilities)
        for row, structure in enumerate(self.structures):
            scores[row, ..., structure.shape.tokens :] = torch.finfo(scores.dtype).min
        touched = torch.tensor([self.layer in s.layers for s in self.structures])
        touched = touched.to(scores.device)[:, None, None, None]
        return (torch.where(touched, scores.softmax(-1), probabilities),)

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
