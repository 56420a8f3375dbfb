"""Computes the attention of the one token of a text that the head reads, in the last layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ..layer_parts import EngineParts, Projections
from ..plain import weights_of
from .branches import Branch
from .scores import MASKED, by_head, projected, scores_dtype
from .states import Indices, indices_on


def attended_by_read_tokens(
    parts: EngineParts,
    layer: nn.Module,
    hidden: Tensor,
    reads: Indices,
    branches: Sequence[Branch],
    parents: Indices,
    added: Tensor | None,
    rotation: tuple[Tensor, Tensor] | None,
    heads: int,
) -> Tensor:
    """Computes the attention output of the tokens that are read, (B, H * d).

    Args:
        parts: the parts of the layer.
        layer: the layer.
        hidden: the hidden states of P states, (P, T, D).
        reads: the token of each state that is read, int64 (P,).
        branches: B branches, which mask keys of that token only.
        parents: the state of each branch, int64 (B,).
        added: what is added to the scores of each state's token, (P, H or 1, 1, T), or None.
        rotation: the cosines and sines that rotate queries and keys, each (T, 1, R), or None.
        heads: the number of query heads.
    """
    came_from = indices_on(parents, hidden)
    bias = _masked_keys(branches, heads, hidden)
    if added is not None:
        bias += added[came_from, :, 0]
    inputs = parts.inputs(layer, hidden)
    read = inputs[torch.arange(len(reads)), indices_on(reads, inputs)]  # (P, D)
    if isinstance(parts.projections, Projections) and not (parts.rotation or parts.head_norms):
        of_queries, key_of, value_of = parts.projections.modules(layer)
        query = of_queries(read)
        of_keys, of_values = weights_of(key_of), weights_of(value_of)
        if of_keys and of_values and of_keys[0].shape[0] == query.shape[-1]:
            scale = parts.scale_of(layer)
            return _attended_by_weights(
                query, of_keys[0], of_values, inputs, came_from, bias, scale
            )
    query, key, value = projected(parts, layer, inputs, heads, rotation)
    query = query[torch.arange(len(reads)), indices_on(reads, inputs)][:, None]
    width = query.shape[-1] // heads
    asked, keys, values = (by_head(x, heads, width)[came_from] for x in (query, key, value))
    with torch.autocast(hidden.device.type, enabled=False):
        attended = scaled_dot_product_attention(
            asked, keys, values, bias[:, :, None], scale=parts.scale_of(layer)
        )
    return attended.flatten(1)


def _attended_by_weights(
    query: Tensor,
    key: Tensor,
    value: tuple[Tensor, Tensor | None],
    inputs: Tensor,
    came_from: Tensor,
    bias: Tensor,
    scale: float | None,
) -> Tensor:
    """Computes the attention output of one query a state, (B, H * d), from weights.

    With one query a head, the weights of its key and value projections are applied to the query and
    to the weighted inputs instead of to every token: the same product, in another order. The bias
    of keys adds the same to all scores of a query.

    Args:
        query: the queries of P states, (P, H * d).
        key: the weight of the projection of keys, (H * d, D).
        value: the weight and the bias of the projection of values.
        inputs: what the layer projects, (P, T, D).
        came_from: the state of each of B branches, int64 (B,).
        bias: the bias on the scores of each branch, (B, H, T).
        scale: the factor of the products; None for one over the root of d.
    """
    with torch.autocast(inputs.device.type, enabled=False):
        value_weight, value_bias = value
        inputs = inputs.to(key.dtype)
        query = query.to(key.dtype).view(len(query), bias.shape[1], -1)
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        per_head = (*query.shape[1:], inputs.shape[-1])
        directions = torch.einsum("phc,hcd->phd", query, key.view(per_head))
        scores = directions @ inputs.transpose(1, 2) * scale  # (P, H, T)
        weights = (scores[came_from] + bias).softmax(-1).to(inputs.dtype)
        weighed = weights @ inputs[came_from]  # (B, H, D)
        attended = torch.einsum("bhd,hcd->bhc", weighed, value_weight.view(per_head)).flatten(1)
        return attended if value_bias is None else attended + value_bias


def _masked_keys(branches: Sequence[Branch], heads: int, like: Tensor) -> Tensor:
    """Returns the bias of masked keys on the scores of the tokens that are read, (B, H, T).

    Args:
        branches: B branches.
        heads: the number of heads of the layer.
        like: hidden states (P, T, D), whose length, precision and device the bias has.
    """
    bias = torch.zeros(
        len(branches), heads, like.shape[1], dtype=scores_dtype(like), device=like.device
    )
    masks = [
        (number, head, cells % branch.state.tokens)
        for number, branch in enumerate(branches)
        for head, cells in branch.masks
    ]
    sizes = [len(keys) for *_, keys in masks]
    branch_of, head_of = (np.repeat([mask[i] for mask in masks], sizes) for i in (0, 1))
    if masks:
        keys = np.concatenate([keys for *_, keys in masks])
        at = np.ravel_multi_index((branch_of, head_of, keys), bias.shape)
        bias.view(-1)[indices_on(at, like)] = MASKED
    return bias
