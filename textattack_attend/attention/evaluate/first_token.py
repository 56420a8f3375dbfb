"""Computes the last layer for the first token only, as the classifiers here read no other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ..family import EngineParts
from ..plain import is_plain_linear
from .branches import MASKED, Branch, by_head, hide_padding, projections_of, scores_dtype, units_of
from .states import distinct, indices_on, padded


def first_token(
    parts: EngineParts, layer: nn.Module, heads: int, branches: Sequence[Branch]
) -> Tensor:
    """Computes the hidden state of the first token after a layer, float (B, D).

    The masks of the branches must contain no units of other queries.
    """
    states, parents = distinct([branch.state for branch in branches])
    hidden, lengths = padded(states)  # (P, T, D)
    came_from = torch.from_numpy(parents).to(hidden.device)
    bias = _first_row_bias(branches, heads, hidden)
    hide_padding(bias, lengths[parents])
    query, key, value = projections_of(parts, layer)
    if is_plain_linear(key) and is_plain_linear(value):
        attended = _attended_by_weights(query, key, value, hidden, came_from, bias)
    else:
        attended = _attended_by_modules(query, key, value, hidden, came_from, bias)
    first = hidden[:, 0]
    return parts.mix(layer, attended.to(first.dtype), first[came_from])


def _attended_by_weights(
    query_of: nn.Module,
    key: nn.Linear,
    value: nn.Linear,
    hidden: Tensor,
    came_from: Tensor,
    bias: Tensor,
) -> Tensor:
    """Computes the attention output of the first tokens, (B, D).

    With one query a head, the weights of its key and value projections are applied to the query and
    to the weighted hidden states instead of to every token: the same product, in another order. The
    bias of keys adds the same to all scores of a query.

    Args:
        query_of: the projection of queries.
        key: the projection of keys.
        value: the projection of values.
        hidden: the hidden states of P states, (P, T, D).
        came_from: the state of each of B branches, int64 (B,).
        bias: the bias on the scores of each branch, (B, H, T).
    """
    with torch.autocast(hidden.device.type, enabled=False):
        hidden = hidden.to(key.weight.dtype)
        query: Tensor = query_of(hidden[:, 0])
        query = query.view(len(query), bias.shape[1], -1)
        per_head = (*query.shape[1:], hidden.shape[-1])
        directions = torch.einsum("phc,hcd->phd", query, key.weight.view(per_head))
        scores = directions @ hidden.transpose(1, 2) / query.shape[-1] ** 0.5  # (P, H, T)
        weights = (scores[came_from] + bias).softmax(-1).to(hidden.dtype)
        weighed = weights @ hidden[came_from]  # (B, H, D)
        attended = torch.einsum("bhd,hcd->bhc", weighed, value.weight.view(per_head)).flatten(1)
        return attended if value.bias is None else attended + value.bias


def _attended_by_modules(
    query: nn.Module,
    key: nn.Module,
    value: nn.Module,
    hidden: Tensor,
    came_from: Tensor,
    bias: Tensor,
) -> Tensor:
    """Computes what `_attended_by_weights` does, by calling the projections of every token."""
    heads = bias.shape[1]
    asked, keys, values = (
        by_head(project(tokens), heads)[came_from]
        for project, tokens in ((query, hidden[:, :1]), (key, hidden), (value, hidden))
    )
    with torch.autocast(hidden.device.type, enabled=False):
        attended = scaled_dot_product_attention(asked, keys, values, bias[:, :, None])
    return attended.flatten(1)


def _first_row_bias(branches: Sequence[Branch], heads: int, like: Tensor) -> Tensor:
    """Returns the bias on the first token's scores, (B, H, T).

    Args:
        branches: B branches; for the first token, a cell of a mask is the number of a key.
        heads: the number of heads of the layer.
        like: hidden states (P, T, D), whose length, precision and device the bias has.
    """
    size = (len(branches), heads, like.shape[1])
    bias = torch.zeros(size, dtype=scores_dtype(like), device=like.device)
    at = np.ravel_multi_index(units_of(branches), tuple(bias.shape))
    bias.view(-1)[indices_on(at, like)] = MASKED
    return bias
