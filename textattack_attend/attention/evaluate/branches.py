"""Computes one layer for many branches at once, and equal rows of different branches only once.

Hidden states of texts are rows of tables, and states that agree on a token share its row. In the
layer where structures part, a token's row changes only where its own units are masked: a query,
with its mask, is computed once for all the branches that have it, and queries, keys and values are
those of the state that the branches came from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ...structures import Cells
from ..family import EngineParts
from .states import Indices, State, distinct, indices_on, packed, take

Masks = tuple[tuple[int, Cells], ...]
"""The masked units of one layer: (head, cells ``query * T + key``) for each perturbed matrix."""


class Branch(NamedTuple):
    """A state, and the masks under which it passes the next layer."""

    state: State
    masks: Masks


def advance(
    parts: EngineParts, layer: nn.Module, heads: int, branches: Sequence[Branch]
) -> list[State]:
    """Computes the states after a layer, in the order of the branches."""
    after: dict[int, State] = {}
    for group in _alike(branches):
        queries = _queries([branches[position] for position in group], heads)
        table = _mixed(parts, layer, heads, queries)
        after |= {
            position: State(table, rows)
            for position, rows in zip(group, queries.of_branch, strict=True)
        }
    return [after[position] for position in range(len(branches))]


class _QueryPlan(NamedTuple):
    """The distinct (state, token, mask) rows that a group of branches asks of a layer.

    Args:
        states: P distinct states.
        state: the position, in `states`, of the state of each of Q queries, ascending, int64 (Q,).
        token: the token of each query, int64 (Q,).
        masked: (query, head, key) of the masked units, int64 (3, N).
        of_branch: the query of each token of each branch, int64 (T,).
    """

    states: list[State]
    state: Indices
    token: Indices
    masked: Indices
    of_branch: list[Indices]


def _alike(branches: Sequence[Branch]) -> Iterator[list[int]]:
    """Yields the positions of branches to compute together: first those that share their state
    with another branch; of the rest, those with a mask, and those without.
    """
    count: dict[int, int] = defaultdict(int)
    for branch in branches:
        count[id(branch.state)] += 1
    groups: dict[tuple[bool, bool], list[int]] = defaultdict(list)
    for position, (state, masks) in enumerate(branches):
        siblings = count[id(state)] > 1
        groups[siblings, siblings or bool(masks)].append(position)
    yield from groups.values()


def _queries(branches: Sequence[Branch], heads: int) -> _QueryPlan:
    states, parents = distinct([branch.state for branch in branches])
    if len(states) == len(branches):
        return _separate_queries(branches)
    return _shared_queries(branches, states, parents, heads)


def _separate_queries(branches: Sequence[Branch]) -> _QueryPlan:
    """Every branch asks for all the tokens of a state of its own."""
    states = [branch.state for branch in branches]
    lengths = [state.tokens for state in states]
    starts = np.cumsum([0, *lengths])
    branch, head, cell = units_of(branches)
    token, key = np.divmod(cell, np.array(lengths)[branch])
    return _QueryPlan(
        states,
        np.repeat(np.arange(len(states)), lengths),
        np.concatenate([np.arange(length) for length in lengths]),
        np.stack([starts[branch] + token, head, key]),
        [np.arange(start, stop) for start, stop in pairwise(starts)],
    )


def _shared_queries(
    branches: Sequence[Branch], states: list[State], parents: Indices, heads: int
) -> _QueryPlan:
    """Branches of one state share the rows on which their masks agree."""
    lengths = np.array([branch.state.tokens for branch in branches])
    longest = int(lengths.max())
    branch, head, cell = units_of(branches)
    token, key = np.divmod(cell, lengths[branch])
    masked = np.zeros((len(branches), longest, heads, longest), dtype=np.bool_)
    masked[branch, token, head, key] = True
    row, column = np.nonzero(np.arange(longest) < lengths[:, None])
    # One string of bytes a row: its state and token, then its mask. Equal strings, equal results.
    place = np.stack([parents[row], column], axis=1).astype(">u4").view(np.uint8)
    bits = np.packbits(masked[row, column].reshape(len(row), -1), axis=1)
    named = np.concatenate([place, bits], axis=1)
    _, first, of_row = np.unique(
        named.view(f"V{named.shape[1]}")[:, 0], return_index=True, return_inverse=True
    )
    query, unit_head, unit_key = np.nonzero(masked[row[first], column[first]])
    return _QueryPlan(
        states,
        parents[row[first]],
        column[first],
        np.stack([query, unit_head, unit_key]),
        np.split(of_row, np.cumsum(lengths)[:-1]),
    )


def units_of(branches: Sequence[Branch]) -> tuple[Indices, Indices, Indices]:
    """Returns the branch, the head and the cell of every masked unit, each int64 (N,)."""
    matrices = [
        (number, head, cells)
        for number, branch in enumerate(branches)
        for head, cells in branch.masks
    ]
    sizes = [len(cells) for _, _, cells in matrices]
    return (
        np.repeat(np.array([number for number, _, _ in matrices], dtype=np.int64), sizes),
        np.repeat(np.array([head for _, head, _ in matrices], dtype=np.int64), sizes),
        np.concatenate([np.empty(0, np.int32), *(c for *_, c in matrices)]).astype(np.int64),
    )


def _mixed(parts: EngineParts, layer: nn.Module, heads: int, queries: _QueryPlan) -> Tensor:
    """The rows that a layer gives for the queries, float (Q, D)."""
    table, rows, lengths = packed(queries.states)
    own = rows[queries.state, queries.token]
    query, key, value = (project(table) for project in projections_of(parts, layer))
    slots = _slots(queries.state)
    asked = take(query, own[np.maximum(slots, 0)])  # (P, slots, D)
    bias = _bias(queries, (len(rows), heads, slots.shape[1], rows.shape[1]), lengths, table)
    # In single precision: in float16 a row that is masked everywhere would not be uniform.
    with torch.autocast(table.device.type, enabled=False):
        attended = scaled_dot_product_attention(
            by_head(asked, heads),
            by_head(take(key, rows), heads),
            by_head(take(value, rows), heads),
            bias,
        )
    attended = attended.transpose(1, 2).flatten(2).flatten(0, 1)
    attended = take(attended, np.flatnonzero(slots >= 0))
    return parts.mix(layer, attended.to(table.dtype), take(table, own))


def projections_of(parts: EngineParts, layer: nn.Module) -> list[Any]:
    """Returns the modules that project hidden states to queries, keys and values."""
    return [layer.get_submodule(path) for path in vars(parts.projections).values()]


def by_head(projected: Tensor, heads: int) -> Tensor:
    """Splits (P, T, D) into heads, (P, H, T, D / H), in single precision or better."""
    split = projected.reshape(*projected.shape[:2], heads, -1).transpose(1, 2)
    return split.to(scores_dtype(projected))


def scores_dtype(like: Tensor) -> torch.dtype:
    """Returns the dtype of scores: single precision, or that of the model if it is higher."""
    return torch.promote_types(like.dtype, torch.float32)


def _slots(state: Indices) -> Indices:
    """Lists the queries of each state, padded with -1, int64 (P, slots)."""
    count = np.bincount(state)
    slots = np.full((len(count), count.max()), -1)
    slots[np.arange(slots.shape[1]) < count[:, None]] = np.arange(len(state))
    return slots


def _bias(
    queries: _QueryPlan, shape: tuple[int, ...], lengths: Indices, like: Tensor
) -> Tensor | None:
    """Returns the bias on the scores, (P, H, slots, T); None if nothing is masked or padded."""
    padded = bool((lengths < shape[-1]).any())
    if not padded and not queries.masked.size:
        return None
    bias = torch.zeros(shape, dtype=scores_dtype(like), device=like.device)
    query, head, key = queries.masked
    state = queries.state[query]
    slot = query - np.searchsorted(queries.state, state)
    at = np.ravel_multi_index((state, head, slot, key), shape)
    bias.view(-1)[indices_on(at, like)] = MASKED
    if padded:
        hide_padding(bias, lengths)
    return bias


MASKED = torch.finfo(torch.float32).min / 2
"""The bias of a masked unit. It is finite, because a row that is masked everywhere must become
uniform over the visible keys."""


def hide_padding(scores: Tensor, lengths: Indices) -> None:
    """Sets the scores (B, ..., T) of keys beyond each row's length to -inf, in place."""
    padding = np.arange(scores.shape[-1]) >= lengths[:, None]
    if padding.any():
        between = (1,) * (scores.ndim - 2)
        hidden = torch.from_numpy(padding).to(scores.device, non_blocking=True)
        scores.masked_fill_(hidden.view(len(lengths), *between, -1), -torch.inf)
