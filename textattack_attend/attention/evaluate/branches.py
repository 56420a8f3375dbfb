"""Plans which tokens of which branches a layer has to compute, and computes equal ones only once.

Hidden states of texts are rows of tables, and states that agree on a token share its row. A token's
row after a layer depends on the rows that the token sees, and on its own masked units. So what is
as in the clean text is taken from there: in a causal model the tokens before the first change. In
the layer where structures part, a token with its mask is computed once for all the branches that
have it, from the queries, keys and values of the state that the branches came from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...structures import Cells
from .sequence_cache import SequenceCache
from .states import Flags, Indices, State, distinct, take

Masks = tuple[tuple[int, Cells], ...]
"""The masked units of one layer: (head, cells ``query * T + key``) for each perturbed matrix."""
AS_CLEAN = -1
"""The query of a token whose row is that of the clean text."""


class Branch(NamedTuple):
    """A state of a sequence, and the masks under which it passes the next layer."""

    sequence: SequenceCache
    state: State
    masks: Masks


class QueryPlan(NamedTuple):
    """The distinct (state, token, mask) rows that a group of branches asks of a layer.

    Args:
        states: P distinct states.
        state: the position, in `states`, of the state of each of Q queries, ascending, int64 (Q,).
        token: the token of each query, int64 (Q,).
        masked: (query, head, key) of the masked units, int64 (3, N).
        of_branch: the query of each token of each branch, or `AS_CLEAN`, int64 (T,).
    """

    states: list[State]
    state: Indices
    token: Indices
    masked: Indices
    of_branch: list[Indices]


def alike(branches: Sequence[Branch]) -> Iterator[list[int]]:
    """Yields the positions of branches to compute together: first those that share their state
    with another branch; of the rest, those with a mask, and those without.
    """
    count: dict[int, int] = defaultdict(int)
    for branch in branches:
        count[id(branch.state)] += 1
    groups: dict[tuple[bool, bool], list[int]] = defaultdict(list)
    for position, branch in enumerate(branches):
        siblings = count[id(branch.state)] > 1
        groups[siblings, siblings or bool(branch.masks)].append(position)
    yield from groups.values()


def plan_queries(
    branches: Sequence[Branch], depth: int, heads: int, visible: Flags | None
) -> QueryPlan:
    """Plans the queries of a group of branches.

    Args:
        branches: B branches.
        depth: the number of the layer.
        heads: the number of heads of the layer.
        visible: whether a query sees a key, bool (T, T) of the longest text; None for all keys.
    """
    lengths = np.array([branch.state.tokens for branch in branches])
    units = units_of(branches, lengths)
    asked = _asked(branches, depth, lengths, units, visible)
    states, parents = distinct([branch.state for branch in branches])
    row, token = np.nonzero(asked)
    own = row, token
    if len(states) == len(branches):
        return _separate_queries(states, own, asked, lengths, units)
    return _shared_queries(states, parents, own, asked, lengths, units, heads)


Units = tuple[Indices, Indices, Indices, Indices]
"""The branch, the head, the query and the key of each masked unit, each int64 (N,)."""
Places = tuple[Indices, Indices]
"""The branch and the token of each row that is asked for, each int64 (A,)."""


def _asked(
    branches: Sequence[Branch],
    depth: int,
    lengths: Indices,
    units: Units,
    visible: Flags | None,
) -> Flags:
    """Returns the tokens of each branch to compute, which see a change or have one, bool (B, T)."""
    exists: Flags = np.arange(lengths.max()) < lengths[:, None]
    asked = np.zeros_like(exists)
    for number, branch in enumerate(branches):
        known = branch.sequence.clean_after(depth) is not None
        asked[number, : lengths[number]] = branch.state.changed if known else True
    if visible is None:
        asked |= asked.any(1, keepdims=True)
    else:
        seen = visible[: asked.shape[1], : asked.shape[1]]
        asked |= (asked.astype(np.float32) @ seen.T.astype(np.float32)) > 0
    branch_of, _, query, _ = units
    asked[branch_of, query] = True
    return asked & exists


def _separate_queries(
    states: list[State], own: Places, asked: Flags, lengths: Indices, units: Units
) -> QueryPlan:
    """Plans for branches each of which has a state of its own."""
    query = _numbers(asked, np.arange(len(own[0])))
    branch, head, token, key = units
    masked = np.stack([query[branch, token], head, key])
    return QueryPlan(states, own[0], own[1], masked, _rows(query, lengths))


def _shared_queries(
    states: list[State],
    parents: Indices,
    own: Places,
    asked: Flags,
    lengths: Indices,
    units: Units,
    heads: int,
) -> QueryPlan:
    """Plans for branches of one state, which share the rows on which their masks agree."""
    branch, head, token, key = units
    longest = int(lengths.max())
    masked = np.zeros((len(lengths), longest, heads, longest), dtype=np.bool_)
    masked[branch, token, head, key] = True
    row, column = own
    # One string of bytes a row: its state and token, then its mask. Equal strings, equal results.
    place = np.stack([parents[row], column], axis=1).astype(">u4").view(np.uint8)
    bits = np.packbits(masked[row, column].reshape(len(row), -1), axis=1)
    named = np.concatenate([place, bits], axis=1)
    _, first, of_row = np.unique(
        named.view(f"V{named.shape[1]}")[:, 0], return_index=True, return_inverse=True
    )
    query, unit_head, unit_key = np.nonzero(masked[row[first], column[first]])
    return QueryPlan(
        states,
        parents[row[first]],
        column[first],
        np.stack([query, unit_head, unit_key]),
        _rows(_numbers(asked, of_row), lengths),
    )


def _numbers(asked: Flags, of_row: Indices) -> Indices:
    """Returns the query of each token of each branch, or `AS_CLEAN`, int64 (B, T)."""
    numbers = np.full(asked.shape, AS_CLEAN)
    numbers[asked] = of_row
    return numbers


def _rows(numbers: Indices, lengths: Indices) -> list[Indices]:
    return [own[:length] for own, length in zip(numbers, lengths, strict=True)]


def units_of(branches: Sequence[Branch], lengths: Indices) -> Units:
    """Returns every masked unit of the branches.

    Args:
        branches: B branches.
        lengths: the number of tokens of each branch, int64 (B,).
    """
    matrices = [
        (number, head, cells)
        for number, branch in enumerate(branches)
        for head, cells in branch.masks
    ]
    sizes = [len(cells) for _, _, cells in matrices]
    branch = np.repeat(np.array([number for number, _, _ in matrices], dtype=np.int64), sizes)
    head = np.repeat(np.array([head for _, head, _ in matrices], dtype=np.int64), sizes)
    cell = np.concatenate([np.empty(0, np.int32), *(c for *_, c in matrices)]).astype(np.int64)
    query, key = np.divmod(cell, lengths[branch]) if len(cell) else (cell, cell)
    return branch, head, query, key


def states_after(
    branches: Sequence[Branch], depth: int, plan: QueryPlan, computed: Tensor
) -> list[State]:
    """Returns the state of each branch after a layer.

    Args:
        branches: B branches.
        depth: the number of the layer.
        plan: the queries that they asked.
        computed: the row that the layer gives for each query, float (Q, D).
    """
    clean = {
        id(branch.sequence): branch.sequence.clean_after(depth)
        for branch, queries in zip(branches, plan.of_branch, strict=True)
        if (queries == AS_CLEAN).any()
    }
    tables = [computed]
    starts: dict[int, int] = {}
    for name, state in clean.items():
        assert state is not None, "a row is only taken from a clean state that is known"
        starts[name] = sum(map(len, tables))
        tables.append(take(state.table, state.rows))
    table = computed if len(tables) == 1 else torch.cat(tables)
    states = []
    for branch, queries in zip(branches, plan.of_branch, strict=True):
        changed = queries != AS_CLEAN
        start = starts.get(id(branch.sequence), 0)
        rows = np.where(changed, queries, start + np.arange(len(queries)))
        states.append(State(table, rows, changed))
    return states
