"""Branches are states that pass a layer under masks; which of them a layer computes together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...structures import Cells
from .sequence_cache import SequenceCache
from .states import Indices, State, take

Masks = tuple[tuple[int, Cells], ...]
"""The masked units of one layer: (head, cells ``query * T + key``) for each perturbed matrix."""
AS_CLEAN = -1
"""The row of a token whose hidden state is that of the clean text."""


class Branch(NamedTuple):
    """A state of a sequence, and the masks under which it passes the next layer."""

    sequence: SequenceCache
    state: State
    masks: Masks


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


def states_after(
    branches: Sequence[Branch], depth: int, of_branch: Sequence[Indices], computed: Tensor
) -> list[State]:
    """Returns the state of each branch after a layer.

    Args:
        branches: B branches.
        depth: the number of the layer.
        of_branch: the row of each token of each branch, or `AS_CLEAN`, int64 (T,).
        computed: the rows that the layer gives, float (R, D).
    """
    clean = {
        id(branch.sequence): branch.sequence.clean_after(depth)
        for branch, own in zip(branches, of_branch, strict=True)
        if (own == AS_CLEAN).any()
    }
    tables = [computed]
    starts: dict[int, int] = {}
    for name, state in clean.items():
        assert state is not None, "a row is only taken from a clean state that is known"
        starts[name] = sum(map(len, tables))
        tables.append(take(state.table, state.rows))
    table = computed if len(tables) == 1 else torch.cat(tables)
    states = []
    for branch, own in zip(branches, of_branch, strict=True):
        changed = own != AS_CLEAN
        start = starts.get(id(branch.sequence), 0)
        rows = np.where(changed, own, start + np.arange(len(own)))
        states.append(State(table, rows, changed))
    return states
