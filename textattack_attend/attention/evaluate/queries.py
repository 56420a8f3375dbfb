"""Plans which tokens of which branches a layer has to compute, and computes equal ones only once.

Hidden states of texts are rows of tables, and states that agree on a token share its row. A token's
row after a layer depends on the rows that the token sees, and on its own masked units. So what is
as in the clean text is taken from there: in a causal model the tokens before the first change. In
the layer where structures part, a token with its mask is computed once for all the branches that
have it, from the queries, keys and values of the state that the branches came from. A head's
attention depends on the mask of that head alone, so rows that differ in other heads share the
query of this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...structures import Cells
from .branches import AS_CLEAN, Branch
from .scores import MASKED
from .states import Flags, Indices, Scores, State, distinct

NO_MASK = -1
"""The mask of a query that sees all the keys that its token sees."""


class QueryPlan(NamedTuple):
    """The distinct rows that a group of branches asks of a layer, and the distinct queries of each
    head, S in each of P states. H' is the number of heads H, or 1 if all heads ask alike.

    Args:
        states: P distinct states.
        state: the position, in `states`, of the state of each of R rows, ascending, int64 (R,).
        token: the token of each row, int64 (R,).
        query: the query of each row in each head, among those of its state, int64 (R, H').
        asking: the token of each query, 0 for padding, int64 (P, H', S).
        masks: the masked units of each query.
        of_branch: the row of each token of each branch, or `AS_CLEAN`, int64 (T,).
    """

    states: list[State]
    state: Indices
    token: Indices
    query: Indices
    asking: Indices
    masks: QueryMasks
    of_branch: list[Indices]


class QueryMasks(NamedTuple):
    """The masked units of queries.

    Args:
        number: the position of the mask of each query, or `NO_MASK`, int64 (P, H, S).
        distinct: the masks.
    """

    number: Indices
    distinct: Sequence[Mask]

    def bias(self, asking: Indices, keys: int) -> Scores | None:
        """Returns what masks add to the scores of each query, float32 (P, H, S, keys), or None.

        Args:
            asking: the token of each query, int64 (P, H or 1, S).
            keys: the number of keys, at least the tokens of the longest state.
        """
        if not self.distinct:
            return None
        bias = np.zeros((*self.number.shape, keys), dtype=np.float32)
        token = np.broadcast_to(asking, self.number.shape)
        for number, mask in enumerate(self.distinct):
            state, query = np.nonzero(self.number[:, mask.head] == number)
            of_queries = mask.bias[token[state, mask.head, query]]
            bias[state, mask.head, query, : len(mask.bias)] = of_queries
        return bias


class Mask(NamedTuple):
    """The masked units of a head.

    Args:
        head: the head.
        bias: what is added to the score of each unit (query, key), float32 (T, T).
        queries: whether any unit of a query is masked, bool (T,).
    """

    head: int
    bias: Scores
    queries: Flags


def plan_queries(
    branches: Sequence[Branch], depth: int, heads: int, seen_by: Flags | None
) -> QueryPlan:
    """Plans the queries of a group of branches.

    Args:
        branches: B branches.
        depth: the number of the layer.
        heads: the number of heads of the layer.
        seen_by: whether a query sees a key, bool (keys, queries) of at least the longest text;
            None if every query sees all keys.
    """
    lengths = np.array([branch.state.tokens for branch in branches])
    masks, number = _masks_of(branches, heads)
    # The mask of each branch and head under which each token asks, (B, H, T).
    under = np.full((*number.shape, lengths.max()), NO_MASK)
    for branch, head in zip(*np.nonzero(number != NO_MASK), strict=True):
        queries = masks[number[branch, head]].queries
        under[branch, head, : len(queries)][queries] = number[branch, head]
    asked = _seeing_a_change(branches, depth, lengths, seen_by) | (under != NO_MASK).any(1)
    states, parents = distinct([branch.state for branch in branches])
    if len(states) == len(branches):
        return _separate_queries(states, asked, lengths, under, masks)
    return _shared_queries(states, parents, asked, lengths, under, masks)


def _masks_of(branches: Sequence[Branch], heads: int) -> tuple[list[Mask], Indices]:
    """Returns the distinct masks of branches, and the mask of each branch and head, (B, H)."""
    masks: list[Mask] = []
    known: dict[tuple[int, int, bytes], int] = {}
    number = np.full((len(branches), heads), NO_MASK)
    for position, (_, state, own) in enumerate(branches):
        for head, cells in own:
            name = head, state.tokens, cells.tobytes()
            if name not in known:
                known[name] = len(masks)
                masks.append(_mask(head, cells, state.tokens))
            number[position, head] = known[name]
    return masks, number


def _mask(head: int, cells: Cells, tokens: int) -> Mask:
    bias = np.zeros((tokens, tokens), dtype=np.float32)
    bias.flat[cells] = MASKED
    queries = np.zeros(tokens, dtype=np.bool_)
    queries[cells // tokens] = True
    return Mask(head, bias, queries)


def _seeing_a_change(
    branches: Sequence[Branch], depth: int, lengths: Indices, seen_by: Flags | None
) -> Flags:
    """Returns the tokens of each branch that see a token whose row has changed, bool (B, T)."""
    exists: Flags = np.arange(lengths.max()) < lengths[:, None]
    changed = np.zeros_like(exists)
    for number, branch in enumerate(branches):
        known = branch.sequence.clean_after(depth) is not None
        changed[number, : lengths[number]] = branch.state.changed if known else True
    if seen_by is None:
        return exists & changed.any(1, keepdims=True)
    longest = exists.shape[1]
    seeing: Flags = changed @ seen_by[:longest, :longest]
    return exists & (changed | seeing)


def _separate_queries(
    states: list[State], asked: Flags, lengths: Indices, under: Indices, masks: list[Mask]
) -> QueryPlan:
    """Plans for branches each of which has a state of its own: all heads ask alike."""
    state, token = np.nonzero(asked)
    query = (np.cumsum(asked, axis=1) - 1)[state, token]
    asking = np.zeros((len(states), 1, query.max() + 1), dtype=np.int64)
    asking[state, 0, query] = token
    number = np.take_along_axis(under, asking, axis=2)
    of_branch = _of_branch(asked, np.arange(len(state)), lengths)
    return QueryPlan(
        states, state, token, query[:, None], asking, QueryMasks(number, masks), of_branch
    )


def _shared_queries(
    states: list[State],
    parents: Indices,
    asked: Flags,
    lengths: Indices,
    under: Indices,
    masks: list[Mask],
) -> QueryPlan:
    """Plans for branches that share states: equal rows once, and equal queries of a head once."""
    branch, token = np.nonzero(asked)
    # A string of bytes for each row: its state and token, then its masks. Equal strings are rows
    # that are equal.
    named = np.column_stack([parents[branch], token, under[branch, :, token] + 1])
    strings = named.astype(">u4").view(f"V{4 * named.shape[1]}")[:, 0]
    _, first, of_asked = np.unique(strings, return_index=True, return_inverse=True)
    state, token, number = (
        parents[branch[first]],
        token[first],
        under[branch[first], :, token[first]],
    )
    query, asking, asking_under = _queries_of_heads(state, token, number, len(states), masks)
    of_branch = _of_branch(asked, of_asked, lengths)
    return QueryPlan(
        states, state, token, query, asking, QueryMasks(asking_under, masks), of_branch
    )


def _queries_of_heads(
    state: Indices, token: Indices, number: Indices, states: int, masks: list[Mask]
) -> tuple[Indices, Indices, Indices]:
    """Lists the distinct queries of each head that rows need.

    Args:
        state: the state of each of R rows, int64 (R,).
        token: the token of each row, int64 (R,).
        number: the mask of each row in each head, or `NO_MASK`, int64 (R, H).
        states: the number of states, P.
        masks: the masks.

    Returns:
        The query of each row and head, (R, H); the token of each query, (P, H, S), and its mask.
    """
    heads = np.arange(number.shape[1])
    in_head, of_rank = _ranks(masks, number.shape[1])  # a head's masks, from 1 on; 0 is no mask
    rank = np.where(number == NO_MASK, 0, in_head[number])
    needed = np.zeros((states, len(heads), token.max() + 1, of_rank.shape[1]), dtype=np.bool_)
    needed[state[:, None], heads, token[:, None], rank] = True
    place = np.cumsum(needed.reshape(states, len(heads), -1), axis=2).reshape(needed.shape) - 1
    own_state, own_head, own_token, own_rank = np.nonzero(needed)
    query = place[own_state, own_head, own_token, own_rank]
    asking = np.zeros((states, len(heads), query.max() + 1), dtype=np.int64)
    under = np.full_like(asking, NO_MASK)
    asking[own_state, own_head, query] = own_token
    under[own_state, own_head, query] = of_rank[own_head, own_rank]
    return place[state[:, None], heads, token[:, None], rank], asking, under


def _ranks(masks: Sequence[Mask], heads: int) -> tuple[Indices, Indices]:
    """Numbers the masks of each head from 1 on: the rank of each mask, and the mask of each rank.

    The second is (H, 1 + the most masks of a head), `NO_MASK` at 0 and where a head has fewer.
    """
    of_head: list[list[int]] = [[NO_MASK] for _ in range(heads)]
    rank = np.zeros(len(masks), dtype=np.int64)
    for number, mask in enumerate(masks):
        rank[number] = len(of_head[mask.head])
        of_head[mask.head].append(number)
    of_rank = np.full((heads, max(map(len, of_head))), NO_MASK)
    for head, own in enumerate(of_head):
        of_rank[head, : len(own)] = own
    return rank, of_rank


def _of_branch(asked: Flags, of_asked: Indices, lengths: Indices) -> list[Indices]:
    """Returns the row of each token of each branch, or `AS_CLEAN`."""
    rows = np.full(asked.shape, AS_CLEAN)
    rows[asked] = of_asked
    return [own[:length] for own, length in zip(rows, lengths, strict=True)]
