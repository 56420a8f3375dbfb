"""The scores of attention for some queries: rotation of queries and keys, and what is added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...structures import Reach, Shape
from ..family import Family
from ..layer_parts import EngineParts, Projected
from .states import Flags, Indices, indices_on

MASKED = torch.finfo(torch.float32).min / 2
"""The bias of a masked unit. It is finite, because a row that is masked everywhere must become
uniform over the visible keys."""


def scores_dtype(like: Tensor) -> torch.dtype:
    """Returns the dtype of scores: single precision, or that of the model if it is higher."""
    return torch.promote_types(like.dtype, torch.float32)


def by_head(projected: Tensor, heads: int, width: int) -> Tensor:
    """Splits (P, T, G * d) into heads of a width d, each of which serves H / G query heads.

    The result is (P, H, T, d), in single precision or better.
    """
    split = split_heads(projected, width).transpose(1, 2).to(scores_dtype(projected))
    groups = split.shape[1]
    return split if groups == heads else split.repeat_interleave(heads // groups, 1)


def split_heads(projected: Tensor, width: int) -> Tensor:
    """Splits (..., G * d) into heads of a width d, (..., G, d)."""
    return projected.view(*projected.shape[:-1], -1, width)


@dataclass(frozen=True)
class Positions:
    """The parts of a model's scores that depend on the positions of tokens alone, up to a length.

    Args:
        seen_by: for each layer, whether a key is seen by a query, bool (keys, queries); None if
            every query sees all keys.
        bias: for each layer, what is added to the scores of every text, float (H or 1, T, T), minus
            infinity where a query does not see a key; None for nothing.
        rotation: the cosines and sines that rotate queries and keys, each (T, 1, R), or None.
    """

    seen_by: Sequence[Flags | None]
    bias: Sequence[Tensor | None]
    rotation: tuple[Tensor, Tensor] | None

    @classmethod
    def of(cls, model: PreTrainedModel, family: Family, tokens: int) -> Positions:
        """Computes them for texts of up to so many tokens."""
        parts, layers = family.engine, len(family.layer_modules(model))
        assert parts is not None, "the family has no parts"
        shape = Shape(layers, 1, tokens, family.reach_of(model))
        static = None if parts.bias is None else parts.bias(model, tokens)
        like = torch.empty(1, tokens, 1, dtype=model.dtype, device=model.device)
        rotation = None
        if parts.rotation is not None:
            cosines, sines = parts.rotation(model, like)
            rotation = cosines[0, :, None], sines[0, :, None]
        distinct = {
            reach: _of_reach(None if reach == Reach() else shape.visible(layer), static, like)
            for layer, reach in enumerate(map(shape.reach_of, range(layers)))
        }
        of_layers = [distinct[shape.reach_of(layer)] for layer in range(layers)]
        return cls([seen_by for seen_by, _ in of_layers], [own for _, own in of_layers], rotation)

    def rotation_at(self, tokens: Indices | slice) -> tuple[Tensor, Tensor] | None:
        """Returns the cosines and sines of some tokens, each (N, 1, R)."""
        if self.rotation is None:
            return None
        cosines, sines = self.rotation
        if isinstance(tokens, slice):
            return cosines[tokens], sines[tokens]
        at = indices_on(tokens, cosines)
        return cosines[at], sines[at]

    def added(self, depth: int, tokens: Indices, lengths: Indices, like: Tensor) -> Tensor | None:
        """Returns what is added to the scores of some tokens, whatever is masked.

        Args:
            depth: the number of the layer.
            tokens: the tokens of P texts that ask, in each head or in all alike, int64
                (P, H or 1, S).
            lengths: the lengths of the texts, int64 (P,); the longest has T tokens.
            like: hidden states, whose device and precision the result has.

        Returns:
            A float tensor (P, H or 1, S or 1, T), or None if nothing is added.
        """
        longest, bias = int(lengths.max()), self.bias[depth]
        if bias is None:
            size = (len(lengths), 1, 1, longest)
            added = torch.zeros(size, dtype=scores_dtype(like), device=like.device)
        else:
            heads = torch.arange(len(bias), device=like.device)[:, None]
            added = bias[heads, indices_on(tokens, like), :longest].to(scores_dtype(like))
        padding = np.arange(longest) >= lengths[:, None, None, None]
        if padding.any():
            return added.masked_fill(torch.from_numpy(padding).to(like.device), -torch.inf)
        return None if bias is None else added


def _of_reach(
    visible: Flags | None, static: Tensor | None, like: Tensor
) -> tuple[Flags | None, Tensor | None]:
    """Returns `Positions.seen_by` and `Positions.bias` of a layer."""
    if visible is None:
        return None, static
    seen = torch.from_numpy(np.array(visible)).to(like.device)
    bias = torch.zeros(1, 1, 1, dtype=scores_dtype(like), device=like.device)
    bias = bias if static is None else static
    return visible.T, torch.where(seen, bias, -torch.inf)


def projected(
    parts: EngineParts,
    layer: nn.Module,
    inputs: Tensor,
    heads: int,
    rotation: tuple[Tensor, Tensor] | None,
) -> Projected:
    """Computes queries, keys and values of tokens, each (..., its heads * d).

    Args:
        parts: the parts of the layer.
        layer: the layer.
        inputs: what the layer projects, (..., D).
        heads: the number of query heads.
        rotation: the cosines and sines of the tokens, each (..., 1, R), or None.
    """
    query, key, value = parts.projections.project(layer, inputs)
    if parts.head_norms is None and rotation is None:
        return query, key, value
    width = query.shape[-1] // heads
    query, key = split_heads(query, width), split_heads(key, width)
    if parts.head_norms is not None:
        norms = [layer.get_submodule(path) for path in parts.head_norms]
        query, key = norms[0](query), norms[1](key)
    if rotation is not None:
        query, key = rotated(query, *rotation), rotated(key, *rotation)
    return query.flatten(-2), key.flatten(-2), value


def rotated(vectors: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotates the first R numbers of vectors (..., d), in pairs of one of each half."""
    turning, still = vectors.tensor_split([cosines.shape[-1]], -1)
    first, second = turning.chunk(2, -1)
    turned = turning * cosines + torch.cat([-second, first], -1) * sines
    return torch.cat([turned, still], -1) if still.shape[-1] else turned
