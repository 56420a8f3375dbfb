"""Computes layers row by row from the parts of a family, and the last one for one token only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel

from ..family import Family
from ..layer_parts import EngineParts, Head
from ..rows import is_multiple_choice
from .branches import Branch, Masks, QueryPlan, alike, plan_queries, states_after
from .read_row import attended_by_read_tokens
from .scores import MASKED, Positions, by_head, projected, scores_dtype
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
            plan = plan_queries(own, depth, self._heads, self._positions.visible[depth])
            rows = self._rows(depth, plan)
            after.update(zip(group, states_after(own, depth, plan, rows), strict=True))
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
            self._positions.added(depth, reads[:, None], lengths, hidden),
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
        """Computes the rows that a layer gives for the queries, float (Q, D)."""
        self.computed += len(plan.state)
        layer = self._layers[depth]
        table, rows, lengths = packed(plan.states)
        own = rows[plan.state, plan.token]
        rotation = self._positions.rotation_at(tokens_of_rows(rows, lengths, len(table)))
        inputs = self._parts.inputs(layer, table)
        query, key, value = projected(self._parts, layer, inputs, self._heads, rotation)
        slots = _slots(plan.state)
        asked = take(query, own[np.maximum(slots, 0)])  # (P, slots, H * d)
        bias = self._bias(depth, plan, slots, lengths, table)
        width = query.shape[-1] // self._heads
        # In single precision: in float16 a row that is masked everywhere would not be uniform.
        with torch.autocast(table.device.type, enabled=False):
            attended = scaled_dot_product_attention(
                by_head(asked, self._heads, width),
                by_head(take(key, rows), self._heads, width),
                by_head(take(value, rows), self._heads, width),
                bias,
                scale=self._parts.scale_of(layer),
            )
        attended = attended.transpose(1, 2).flatten(2).flatten(0, 1)
        attended = take(attended, np.flatnonzero(slots >= 0))
        return self._parts.mix(layer, attended.to(table.dtype), take(table, own))

    def _bias(
        self, depth: int, plan: QueryPlan, slots: Indices, lengths: Indices, like: Tensor
    ) -> Tensor | None:
        """Returns what is added to the scores, (P, H or 1, slots, T); None for nothing."""
        tokens = np.where(slots < 0, 0, plan.token[slots])
        added = self._positions.added(depth, tokens, lengths, like)
        if not plan.masked.size:
            return added
        shape = (len(slots), self._heads, slots.shape[1], int(lengths.max()))
        bias = torch.zeros(shape, dtype=scores_dtype(like), device=like.device)
        query, head, key = plan.masked
        state = plan.state[query]
        slot = query - np.searchsorted(plan.state, state)
        at = np.ravel_multi_index((state, head, slot, key), shape)
        bias.view(-1)[indices_on(at, like)] = MASKED
        return bias if added is None else bias.add_(added)


def _slots(state: Indices) -> Indices:
    """Lists the queries of each state, padded with -1, int64 (P, slots)."""
    count = np.bincount(state)
    slots = np.full((len(count), count.max()), -1)
    slots[np.arange(slots.shape[1]) < count[:, None]] = np.arange(len(state))
    return slots
