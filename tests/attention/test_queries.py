"""The plan of a layer's queries: what is computed once, and for whom."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textattack_attend.attention.capture import SequenceActivations
from textattack_attend.attention.evaluate.branches import AS_CLEAN, Branch, Masks
from textattack_attend.attention.evaluate.queries import QueryPlan, plan_queries
from textattack_attend.attention.evaluate.scores import MASKED
from textattack_attend.attention.evaluate.sequence_cache import SequenceCache
from textattack_attend.attention.evaluate.states import State

TOKENS, HEADS = 3, 2


def sequence(tokens: int = TOKENS) -> SequenceCache:
    hidden = tuple(torch.zeros(tokens, 4) for _ in range(4))
    return SequenceCache(
        SequenceActivations({"input_ids": torch.zeros(tokens)}, torch.zeros(2), hidden)
    )


def masks(*units: tuple[int, int, int]) -> Masks:
    """The masks of (head, query, key) units."""
    heads = sorted({head for head, *_ in units})
    return tuple(
        (head, np.array([q * TOKENS + k for h, q, k in units if h == head], np.int32))
        for head in heads
    )


def closed(plan: QueryPlan, row: int) -> list[set[int]]:
    """The keys that a row of a plan does not see, in each head."""
    bias = plan.masks.bias(plan.asking, TOKENS)
    state, heads = plan.state[row], range(HEADS)
    queries = np.broadcast_to(plan.query[row], HEADS)
    if bias is None:
        return [set() for _ in heads]
    return [set(np.nonzero(bias[state, h, queries[h]] == MASKED)[0].tolist()) for h in heads]


def test_branches_of_one_state_share_rows_and_the_queries_of_heads() -> None:
    """Two candidates: the second also masks a unit of the other head, in another row and in one
    that the first has, too. By hand: rows (0 with head 0), (0 with both), (1 with head 1).
    """
    own = sequence()
    first = masks((0, 0, 2))
    second = (*first, *masks((1, 0, 1), (1, 1, 1)))
    branches = [Branch(own, own.root.state, each) for each in (first, second)]
    plan = plan_queries(branches, 0, HEADS, None)
    assert list(zip(plan.state, plan.token, strict=True)) == [(0, 0), (0, 0), (0, 1)]
    assert [rows.tolist() for rows in plan.of_branch] == [
        [plan.of_branch[0][0], AS_CLEAN, AS_CLEAN],
        [plan.of_branch[1][0], 2, AS_CLEAN],
    ]
    assert closed(plan, int(plan.of_branch[0][0])) == [{2}, set()]
    assert closed(plan, int(plan.of_branch[1][0])) == [{2}, {1}]
    assert closed(plan, 2) == [set(), {1}]
    # Head 0 asks for token 0 with its mask, and for token 1; head 1 for token 0 twice.
    assert plan.asking.shape == (1, HEADS, 3)
    assert plan.query[:2, 0].tolist() == [0, 0]


def test_heads_ask_alike_where_every_branch_has_a_state_of_its_own() -> None:
    own = sequence()
    other = State(own.root.state.table, np.arange(TOKENS), np.array([False, True, False]))
    branches = [Branch(own, own.root.state, masks((0, 2, 0))), Branch(own, other, ())]
    plan = plan_queries(branches, 0, HEADS, None)
    assert plan.asking.shape == (2, 1, TOKENS)
    assert list(zip(plan.state, plan.token, strict=True)) == [(0, 2), (1, 0), (1, 1), (1, 2)]
    assert [closed(plan, row) for row in range(4)] == [[{0}, set()], *[[set(), set()]] * 3]


unit = st.tuples(st.integers(0, HEADS - 1), st.integers(0, TOKENS - 1), st.integers(0, TOKENS - 1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(unit, min_size=1, max_size=6), min_size=2, max_size=4))
def test_each_branch_gets_rows_with_its_own_masks(asked: list[set[tuple[int, int, int]]]) -> None:
    own = sequence()
    branches = [Branch(own, own.root.state, masks(*sorted(units))) for units in asked]
    plan = plan_queries(branches, 0, HEADS, None)
    for units, rows in zip(asked, plan.of_branch, strict=True):
        for token, row in enumerate(rows):
            expected = [
                {k for h, q, k in units if (h, q) == (head, token)} for head in range(HEADS)
            ]
            if row == AS_CLEAN:
                assert expected == [set()] * HEADS
            else:
                assert plan.token[row] == token
                assert closed(plan, int(row)) == expected
    # No head asks twice for the same token under an equal array of cells.
    bias = plan.masks.bias(plan.asking, TOKENS)
    assert bias is None or bias.shape[2] <= TOKENS * (1 + len(asked))
