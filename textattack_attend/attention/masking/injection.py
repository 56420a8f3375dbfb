"""Injection: masks the units of structures while a model runs.

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
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...errors import UnsupportedModelError
from ...structures import Cells, Structure
from ..families import family_of
from ..softmax import BiasedSoftmax, far_below, softmax_modes


def masked_attention(
    model: PreTrainedModel, structures: Sequence[Structure], padding_side: str = "right"
) -> AbstractContextManager[None]:
    """Masks the units of ``structures[b]`` in row b of every forward pass inside the context.

    Rows may be padded: row b holds ``structures[b].shape.tokens`` real tokens.

    Args:
        model: a model of a supported family.
        structures: the structures of the B rows; an empty sequence masks nothing.
        padding_side: "right", or "left" where the real tokens of a row come last.

    Raises:
        UnsupportedModelError: the model's family is unknown, or a masked layer does not take one
            softmax over its queries and keys.
        RuntimeError: a masked layer never ran inside the context.
    """
    family = family_of(model)
    masked = sorted(frozenset().union(*(s.layers for s in structures)))
    left = padding_side == "left"
    modes = {layer: _Masking(layer, _rows(structures, layer), left) for layer in masked}
    crosses = any(structure.shape.crosses for structure in structures)
    return softmax_modes(family.attention_modules(model, crosses), modes, family.extra_keys)


def masked_layer(
    modules: Sequence[nn.Module], layer: int, rows: Sequence[Row], extra_keys: int
) -> AbstractContextManager[None]:
    """Masks the units of each row of a batch in every call of one layer's attention module.

    Args:
        modules: the module of each layer that takes the softmax.
        layer: the number of the layer.
        rows: the masks of each row of the batch.
        extra_keys: the number of columns that the softmax has behind the keys; see `Family`.
    """
    modes = {layer: _Masking(layer, rows, False)} if any(row.masks for row in rows) else {}
    return softmax_modes(modules, modes, extra_keys)


class Row(NamedTuple):
    """The masks of one layer in one row of a batch.

    Args:
        tokens: the number of the row's tokens, without padding.
        heads: the number of heads of the layer.
        masks: the masked units: (head, cells ``query * tokens + key``) for each masked head.
    """

    tokens: int
    heads: int
    masks: tuple[tuple[int, Cells], ...]


def _rows(structures: Sequence[Structure], layer: int) -> list[Row]:
    return [Row(own.shape.tokens, own.shape.heads, own.cells_of_layer(layer)) for own in structures]


class _Masking(BiasedSoftmax):
    """Masks units in one layer, other ones in each row of a batch."""

    def __init__(self, layer: int, rows: Sequence[Row], padded_left: bool) -> None:
        self.layer = layer
        self.rows = rows
        self.padded_left = padded_left

    def bias(self, like: Tensor, mask: Tensor | None, keys: int) -> Tensor:
        """Returns a bias that is far below every score where a unit is masked, else zero."""
        batch, heads, queries = like.shape[:3]
        if batch != len(self.rows):
            raise RuntimeError(f"expected a batch of {len(self.rows)} rows, got {batch}")
        bias = torch.zeros((batch, heads, queries, keys), dtype=like.dtype, device=like.device)
        cells = torch.from_numpy(self._flat_cells(heads, queries, keys))
        bias.view(-1)[cells.to(like.device)] = far_below(like.dtype)
        return bias

    def _flat_cells(self, heads: int, queries: int, keys: int) -> np.ndarray:
        """Returns the masked cells as flat indices into (B, H, queries, keys), int64 (N,).

        Raises:
            UnsupportedModelError: a row has more tokens, or other heads, than the softmax.
        """
        flat = [np.empty(0, dtype=np.int64)]
        for number, row in enumerate(self.rows):
            own = row.tokens
            self._require_room(row, heads, queries)
            start = (queries - own) * keys + keys - own if self.padded_left else 0
            for head, cells in row.masks:
                offset = (number * heads + head) * queries * keys + start
                # A cell is query * own + key; in the padded row it is query * keys + key.
                flat.append(offset + cells + (cells // own) * np.int64(keys - own))
        return np.concatenate(flat)

    def _require_room(self, row: Row, heads: int, queries: int) -> None:
        if heads != row.heads or queries < row.tokens:
            raise UnsupportedModelError(
                f"expected layer {self.layer} to take its softmax for {row.heads} heads and at "
                f"least {row.tokens} queries, got {heads} heads and {queries} queries: its "
                "attention is not over whole texts, and no unit of it can be masked"
            )
