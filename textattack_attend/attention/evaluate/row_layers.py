"""Computes layers row by row from the parts of a family, and the last one for one token only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..family import Family
from ..layer_parts import EngineParts, Head
from ..products import faster_attention
from ..rows import is_multiple_choice
from .branches import Branch, Masks, alike, states_after
from .queries import QueryPlan, plan_queries
from .read_row import attended_by_read_tokens
from .scores import Positions, by_head, projected, scores_dtype
from .sequence_cache import SequenceCache
from .states import Indices, State, distinct, indices_on, packed, padded, take, tokens_of_rows


class RowLayers:
    """Computes the layers of a model for some tokens of some texts, from the family's parts.

    Args:
        model: the model.
        family: a family with `EngineParts`.
        tokens: the number of tokens of the longest text.

    Attributes:
        computed: the number of hidden states, each of one token after one layer, computed so far.
    """

    def __init__(self, model: PreTrainedModel, family: Family, tokens: int) -> None:
        assert family.engine is not None, "the family has no parts"
        self.computed = 0
        self._model = model
        self._attend = faster_attention(model)
        self._parts: EngineParts = family.engine
        self._layers = family.layer_modules(model)
        self._heads = family.num_heads(model)
        self._positions = Positions.of(model, family, tokens)

    def __len__(self) -> int:
        """Returns the number of layers."""
        return len(self._layers)

    def begin(self, sequence: SequenceCache) -> None:
        """Does nothing, because the clean pass has seen what every layer reads."""

    def advance(self, depth: int, branches: Sequence[Branch]) -> list[State]:
        """Computes the states after a layer, in the order of the branches."""
        after: dict[int, State] = {}
        for group in alike(branches):
            own = [branches[position] for position in group]
            plan = plan_queries(own, depth, self._heads, self._positions.seen_by[depth])
            rows = self._rows(depth, plan)
            states = states_after(own, depth, plan.of_branch, rows)
            after.update(zip(group, states, strict=True))
        return [after[position] for position in range(len(branches))]

    def read_masks(self, sequence: SequenceCache, masks: Masks) -> Masks:
        """Returns the masks of the token that the head reads: nothing reads the others' rows."""
        read, tokens = self._read_token(sequence), sequence.tokens
        own = ((head, cells[cells // tokens == read]) for head, cells in masks)
        return tuple((head, cells) for head, cells in own if len(cells))

    def logits(self, branches: Sequence[Branch]) -> Tensor:
        """Computes the logits after the last layer, float32 (B, C), on the CPU.

        The masks of the branches must contain no units of other queries than the token's that the
        head reads.
        """
        self.computed += len(branches)
        states, parents = distinct([branch.state for branch in branches])
        sequence_of = {id(branch.state): branch.sequence for branch in branches}
        reads = np.array([self._read_token(sequence_of[id(state)]) for state in states])
        hidden, lengths = padded(states)  # (P, T, D)
        layer, depth = self._layers[-1], len(self) - 1
        attended = attended_by_read_tokens(
            self._parts,
            layer,
            hidden,
            reads,
            branches,
            parents,
            self._positions.added(depth, reads[:, None, None], lengths, hidden),
            self._positions.rotation_at(slice(hidden.shape[1])),
            self._heads,
        )
        own = hidden[torch.arange(len(reads)), indices_on(reads, hidden)]
        own = own[indices_on(parents, hidden)]
        return self._head(self._parts.mix(layer, attended.to(own.dtype), own))

    def _head(self, hidden: Tensor) -> Tensor:
        """Computes logits from the last hidden states (B, D) of the tokens that are read."""
        multiple_choice = is_multiple_choice(self._model)
        head: Head = self._parts.choice_head if multiple_choice else self._parts.head
        return head(self._model, hidden[:, None]).float().cpu()

    def _read_token(self, sequence: SequenceCache) -> int:
        if sequence.read_token is None:
            sequence.read_token = self._parts.reads(self._model, sequence.inputs["input_ids"])
        return sequence.read_token

    def _rows(self, depth: int, plan: QueryPlan) -> Tensor:
        """Computes the rows of a plan after a layer, float (R, D)."""
        self.computed += len(plan.state)
        layer = self._layers[depth]
        table, rows, lengths = packed(plan.states)
        rotation = self._positions.rotation_at(tokens_of_rows(rows, lengths, len(table)))
        inputs = self._parts.inputs(layer, table)
        query, key, value = projected(self._parts, layer, inputs, self._heads, rotation)
        width = query.shape[-1] // self._heads
        # In single precision: in float16 a row that is masked everywhere would not be uniform.
        with torch.autocast(table.device.type, enabled=False):
            attended = self._attend(
                _asked(query, rows, plan.asking, self._heads),
                by_head(take(key, rows), self._heads, width),
                by_head(take(value, rows), self._heads, width),
                self._bias(depth, plan, lengths, table),
                scale=self._parts.scale_of(layer),
            )
        attended = _of_rows(attended, plan.state, plan.query)
        own = take(table, rows[plan.state, plan.token])
        return self._parts.mix(layer, attended.to(table.dtype), own)

    def _bias(self, depth: int, plan: QueryPlan, lengths: Indices, like: Tensor) -> Tensor | None:
        """Returns what is added to the scores, (P, H or 1, S, T); None for nothing."""
        added = self._positions.added(depth, plan.asking, lengths, like)
        of_masks = plan.masks.bias(plan.asking, int(lengths.max()))
        if of_masks is None:
            return added
        bias = torch.from_numpy(of_masks).to(like.device, scores_dtype(like), non_blocking=True)
        return bias if added is None else bias.add_(added)


def _asked(query: Tensor, rows: Indices, asking: Indices, heads: int) -> Tensor:
    """Selects the queries that each head asks, (P, H, S, d), in single precision or better.

    Args:
        query: the queries of the rows of a table, (N, H * d).
        rows: the row of each token of P states, int64 (P, T).
        asking: the token of each query, in each head or in all alike, int64 (P, H or 1, S).
        heads: the number of heads, H.
    """
    states, groups, _ = asking.shape
    row = rows[np.arange(states)[:, None, None], asking]
    grouped = query.reshape(len(query) * groups, -1)
    asked = take(grouped, row * groups + np.arange(groups)[:, None])
    alike = asked.view(*asked.shape[:3], heads // groups, -1)
    return alike.transpose(2, 3).flatten(1, 2).to(scores_dtype(query))


def _of_rows(attended: Tensor, state: Indices, query: Indices) -> Tensor:
    """Gathers the attention output of rows, (R, H * d), from that of the queries that they need.

    Args:
        attended: the attention output of the queries, (P, H, S, d).
        state: the state of each row, int64 (R,).
        query: the query of each row, in each head or in all alike, int64 (R, H or 1).
    """
    (states, heads, queries, width), groups = attended.shape, query.shape[1]
    alike = attended.view(states, groups, heads // groups, queries, width)
    grouped = alike.transpose(2, 3).flatten(3).flatten(0, 2)
    at = (state[:, None] * groups + np.arange(groups)) * queries + query
    return take(grouped, at).flatten(1)
