"""Computes layers by calling the model's own, for families that are not described by parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..family import Family
from ..hidden_states import hidden_of, with_hidden
from ..masking.injection import Row, masked_layer
from ..rows import run_rows
from .branches import Branch, Masks
from .layer_calls import LayerCalls, recorded_calls
from .lower_layers import given_again
from .sequence_cache import SequenceCache
from .states import State, padded


class OwnLayers:
    """Computes the layers of a model, all tokens of a text at a time, by the model's own code.

    Args:
        model: the model, or its copy with other linear layers.
        family: the family of the model.

    Attributes:
        computed: the number of hidden states, each of one token after one layer, computed so far.
    """

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        self.computed = 0
        self._model = model
        self._family = family
        self._layers = family.layer_modules(model)
        self._modules = family.attention_modules(model)
        self._heads = family.num_heads(model)

    def __len__(self) -> int:
        """Returns the number of layers."""
        return len(self._layers)

    def advance(self, depth: int, branches: Sequence[Branch]) -> list[State]:
        """Computes the states after a layer, in the order of the branches."""
        after: dict[int, State] = {}
        for group, tokens in self._by_sequence(branches):
            hidden = self._hidden(depth, [branches[position] for position in group])
            rows = np.arange(hidden.shape[0] * tokens).reshape(-1, tokens)
            table, changed = hidden.flatten(0, 1), np.ones(tokens, np.bool_)
            after |= {
                position: State(table, own, changed)
                for position, own in zip(group, rows, strict=True)
            }
        return [after[position] for position in range(len(branches))]

    def read_masks(self, sequence: SequenceCache, masks: Masks) -> Masks:
        """Returns all the masks, as it is not known what the head reads."""
        return masks

    def logits(self, branches: Sequence[Branch]) -> Tensor:
        """Computes the logits after the last layer, float32 (B, C), on the CPU."""
        found: dict[int, Tensor] = {}
        for group, _ in self._by_sequence(branches):
            own = [branches[position] for position in group]
            hidden = self._hidden(len(self) - 1, own)
            found.update(zip(group, self._head(own[0].sequence, hidden), strict=True))
        return torch.stack([found[position] for position in range(len(branches))])

    def _by_sequence(self, branches: Sequence[Branch]) -> Iterator[tuple[list[int], int]]:
        """Yields the positions of the branches of each sequence, and its number of tokens."""
        groups: dict[int, list[int]] = defaultdict(list)
        for position, branch in enumerate(branches):
            groups[id(branch.sequence)].append(position)
        for group in groups.values():
            yield group, branches[group[0]].sequence.tokens

    def _hidden(self, depth: int, branches: Sequence[Branch]) -> Tensor:
        """Computes the hidden states of branches of one sequence after a layer, (n, T, D)."""
        sequence = branches[0].sequence
        call = self._calls(sequence).calls[depth]
        args, kwargs = call.arguments(padded([branch.state for branch in branches])[0])
        rows = [Row(sequence.tokens, self._heads, branch.masks) for branch in branches]
        self.computed += len(branches) * sequence.tokens
        with masked_layer(self._modules[depth], depth, rows, self._family.extra_keys):
            return hidden_of(self._layers[depth](*args, **kwargs))

    def _head(self, sequence: SequenceCache, hidden: Tensor) -> Tensor:
        """Computes logits, (n, C), from hidden states (n, T, D), by all that follows the layers."""
        calls = self._calls(sequence)
        final = with_hidden(calls.outputs[-1], hidden)
        with given_again(self._layers, [*calls.outputs[:-1], final], len(hidden)):
            logits: Tensor = run_rows(self._model, _batch(sequence, len(hidden))).logits
        return logits.float().cpu()

    def _calls(self, sequence: SequenceCache) -> LayerCalls:
        if sequence.calls is None:
            sequence.calls = recorded_calls(
                self._layers, lambda rows: run_rows(self._model, _batch(sequence, rows))
            )
        return sequence.calls


def _batch(sequence: SequenceCache, rows: int) -> dict[str, Tensor]:
    return {name: tokens.repeat(rows, 1) for name, tokens in sequence.inputs.items()}
