"""Injection: what changes the attention of a model.

Inside ``masked_attention(model, structures)`` every forward pass of a batch of ``len(structures)``
rows computes attention as if the units of each row's structure were masked. When the context ends,
also by an exception, nothing of it is left in the model.

A structure becomes an additive bias (B, H, T, T) on the scores, made when a layer runs and freed
right after it. Layers without a masked unit are not touched at all, so the empty structure gives
the clean logits bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention, softmax
from transformers import PreTrainedModel

from ..structures import Structure
from .families import family_of
from .softmax import SoftmaxMode, added_to_scores, softmax_modes


def masked_attention(
    model: PreTrainedModel, structures: Sequence[Structure], padding_side: str = "right"
) -> AbstractContextManager[None]:
    """Mask the units of ``structures[b]`` in row b of every forward pass inside the context.

    Rows may be padded: row b holds ``structures[b].shape.tokens`` real tokens.

    Args:
        model: of a supported family.
        structures: B of them, or none to mask nothing.
        padding_side: "right", or "left" where the real tokens of a row come last.

    Raises:
        UnsupportedModelError: the model's family is unknown.
        RuntimeError: a masked layer never ran inside the context.
    """
    masked = sorted(frozenset().union(*(s.layers for s in structures)))
    modes = {layer: _Masking(layer, structures, padding_side == "left") for layer in masked}
    crosses = any(structure.shape.crosses for structure in structures)
    return softmax_modes(family_of(model).attention_modules(model, crosses), modes)


class _Masking(SoftmaxMode):
    """Adds to the scores of one layer what its masked units take."""

    def __init__(self, layer: int, structures: Sequence[Structure], padded_left: bool) -> None:
        self.layer = layer
        self.structures = structures
        self.padded_left = padded_left

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        # In float16, which occurs under autocast only, what is left of a score beside the bias
        # would tell the units of a fully masked row apart.
        scores = scores.float() if scores.dtype == torch.float16 else scores
        return softmax(scores + self._bias(scores, scores.shape[-1]), dim, **options)

    def fused(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        bias = self._bias(query, key.shape[-2])
        mask = added_to_scores(attn_mask, is_causal, bias)
        mask = bias if mask is None else mask + bias
        return scaled_dot_product_attention(
            query, key, value, mask, dropout_p, scale=scale, enable_gqa=enable_gqa
        )

    def _bias(self, like: Tensor, keys: int) -> Tensor:
        batch, heads, queries = like.shape[:3]
        if batch != len(self.structures):
            raise RuntimeError(f"expected a batch of {len(self.structures)} rows, got {batch}")
        bias = torch.zeros((batch, heads, queries, keys), dtype=like.dtype, device=like.device)
        cells = torch.from_numpy(self._flat_cells(heads, keys))
        # Half of the most negative number, not all of it: a row that is masked everywhere must
        # become uniform over the visible keys, and padding (finfo.min) must stay below them.
        bias.view(-1)[cells.to(like.device)] = torch.finfo(like.dtype).min / 2
        return bias

    def _flat_cells(self, heads: int, tokens: int) -> np.ndarray:
        """The masked cells as flat indices into (B, H, T, T), T being the padded length."""
        flat = [np.empty(0, dtype=np.int64)]
        for row, structure in enumerate(self.structures):
            own = structure.shape.tokens
            start = (tokens - own) * (tokens + 1) if self.padded_left else 0
            for head, cells in structure.cells_of_layer(self.layer):
                offset = (row * heads + head) * tokens**2 + start
                # A cell is query * own + key; in the padded row it is query * tokens + key.
                flat.append(offset + cells + (cells // own) * np.int64(tokens - own))
        return np.concatenate(flat)
