"""States are the hidden states of texts, stored as rows of tables that several states share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class State:
    """The hidden states of one text before a layer.

    Args:
        table: rows of hidden states, float (R, D), shared with other states.
        rows: the row of each token, int64 (T,).
        changed: whether the row of each token differs from that of the clean text, bool (T,).
    """

    table: Tensor
    rows: Indices
    changed: Flags

    @classmethod
    def of_clean_text(cls, hidden: Tensor) -> State:
        """Returns the state of a clean text with these hidden states, (T, D)."""
        return cls(hidden, np.arange(len(hidden)), np.zeros(len(hidden), np.bool_))

    @property
    def hidden(self) -> Tensor:
        """The hidden states, (T, D)."""
        return take(self.table, self.rows)

    @property
    def tokens(self) -> int:
        """The number of tokens of the text."""
        return len(self.rows)


def distinct(states: Sequence[State]) -> tuple[list[State], Indices]:
    """Returns the distinct states, and for each given state its position among them."""
    distinct = {id(state): state for state in states}
    position = {name: number for number, name in enumerate(distinct)}
    return list(distinct.values()), np.array([position[id(state)] for state in states])


def packed(states: Sequence[State]) -> tuple[Tensor, Indices, Indices]:
    """Returns one table of all rows in use, each state's rows in it (P, T), and lengths (P,)."""
    by_table: dict[int, list[int]] = defaultdict(list)
    for position, state in enumerate(states):
        by_table[id(state.table)].append(position)
    lengths = np.array([state.tokens for state in states])
    rows = np.zeros((len(states), int(lengths.max())), dtype=np.int64)
    parts, offset = [], 0
    for positions in by_table.values():
        part, own = _rows_in_use([states[position] for position in positions])
        for position, at in zip(positions, own, strict=True):
            rows[position, : len(at)] = offset + at
        parts.append(part)
        offset += len(part)
    return parts[0] if len(parts) == 1 else torch.cat(parts), rows, lengths


def _rows_in_use(states: Sequence[State]) -> tuple[Tensor, list[Indices]]:
    """Returns the rows that states of one table use, and the positions of each state's rows."""
    table = states[0].table
    used = np.zeros(len(table), dtype=np.bool_)
    for state in states:
        used[state.rows] = True
    if used.all():
        return table, [state.rows for state in states]
    position = np.cumsum(used) - 1
    kept = table[indices_on(np.flatnonzero(used), table)]
    return kept, [position[state.rows] for state in states]


def padded(states: Sequence[State]) -> tuple[Tensor, Indices]:
    """Returns the padded hidden states, float (P, T, D), and the lengths, int64 (P,)."""
    table, rows, lengths = packed(states)
    return take(table, rows), lengths


def tokens_of_rows(rows: Indices, lengths: Indices, count: int) -> Indices:
    """Returns the token to which each row of a packed table belongs, int64 (count,)."""
    tokens = np.zeros(count, dtype=np.int64)
    state, token = np.nonzero(np.arange(rows.shape[1]) < lengths[:, None])
    tokens[rows[state, token]] = token
    return tokens


def take(table: Tensor, rows: Indices) -> Tensor:
    """Returns rows of a table, (*rows.shape, D), as a view if they are all rows in order."""
    if rows.size == len(table) and (rows.ravel() == _in_order(rows.size)).all():
        return table.view(*rows.shape, -1)
    return table[indices_on(rows, table)]


@lru_cache(maxsize=256)
def _in_order(count: int) -> Indices:
    return np.arange(count)


def indices_on(indices: Indices, like: Tensor) -> Tensor:
    """Moves indices to the device of a tensor."""
    return torch.from_numpy(indices).to(like.device, non_blocking=True)
