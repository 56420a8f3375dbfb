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
from .layer_calls import Arguments, LayerCall, LayerCalls, recorded_calls
from .lower_layers import given_again
from .sequence_cache import SequenceCache
from .states import State, padded


class OwnLayers:
    """Computes the layers of a model, all tokens of a text at a time, by the model's own code.

    Args:
        model: the model.
        family: the family of the model.
        crosses: whether structures mask a decoder's attention to its encoder, which is clean then.

    Attributes:
        computed: the number of hidden states, each of one token after one layer, computed so far.
    """

    def __init__(self, model: PreTrainedModel, family: Family, crosses: bool = False) -> None:
        self.computed = 0
        self._model = model
        self._family = family
        self._layers = family.all_layers(model)
        self._modules = family.attention_modules(model, crosses)
        self._first = len(self._layers) - len(self._modules)
        self._heads = family.num_heads(model)

    def __len__(self) -> int:
        """Returns the number of layers."""
        return len(self._modules)

    def begin(self, sequence: SequenceCache) -> None:
        """Takes the clean states from the calls of the layers, if nothing else has seen them."""
        if not sequence.path:
            calls = self._calls(sequence).calls[self._first :]
            sequence.follow([self._clean_state(call)[0] for call in calls])

    def advance(self, depth: int, branches: Sequence[Branch]) -> list[State]:
        """Computes the states after a layer, in the order of the branches."""
        after: dict[int, State] = {}
        for group in self._by_sequence(branches):
            hidden = self._states(depth, [branches[position] for position in group])
            count = hidden.shape[1]
            rows = np.arange(hidden.shape[0] * count).reshape(-1, count)
            table, changed = hidden.flatten(0, 1), np.ones(count, np.bool_)
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
        for group in self._by_sequence(branches):
            own = [branches[position] for position in group]
            hidden = self._hidden(len(self) - 1, own)
            found.update(zip(group, self._head(own[0].sequence, hidden), strict=True))
        return torch.stack([found[position] for position in range(len(branches))])

    def _by_sequence(self, branches: Sequence[Branch]) -> Iterator[list[int]]:
        """Yields the positions of the branches of each sequence."""
        groups: dict[int, list[int]] = defaultdict(list)
        for position, branch in enumerate(branches):
            groups[id(branch.sequence)].append(position)
        yield from groups.values()

    def _clean_state(self, call: LayerCall) -> Tensor:
        """Returns what a state has of the clean text before a layer, (1, rows, D)."""
        return call.hidden_states

    def _states(self, depth: int, branches: Sequence[Branch]) -> Tensor:
        """Computes the states of branches of one sequence after a layer, (n, rows, D)."""
        return self._hidden(depth, branches)

    def _arguments(self, depth: int, call: LayerCall, states: Tensor) -> Arguments:
        """Returns the arguments of a layer's call for states (n, rows, D)."""
        return call.arguments(states)

    def _hidden(self, depth: int, branches: Sequence[Branch]) -> Tensor:
        """Computes the hidden states of branches of one sequence after a layer, (n, T, D)."""
        sequence, at = branches[0].sequence, self._first + depth
        call = self._calls(sequence).calls[at]
        states, _ = padded([branch.state for branch in branches])
        args, kwargs = self._arguments(depth, call, states)
        rows = [Row(sequence.tokens, self._heads, branch.masks) for branch in branches]
        self.computed += len(branches) * sequence.tokens
        with masked_layer(self._modules, depth, rows, self._family.extra_keys):
            return hidden_of(self._layers[at](*args, **kwargs))

    def _head(self, sequence: SequenceCache, hidden: Tensor) -> Tensor:
        """Computes logits, (n, C), from hidden states (n, T, D), by all that follows the layers."""
        calls = self._calls(sequence)
        final = with_hidden(calls.outputs[-1], hidden)
        with given_again(self._layers, [*calls.outputs[:-1], final], len(hidden)):
            logits: Tensor = run_rows(self._model, sequence.batch(len(hidden))).logits
        return logits.float().cpu()

    def _calls(self, sequence: SequenceCache) -> LayerCalls:
        if sequence.calls is None:
            sequence.calls = recorded_calls(
                self._layers, lambda rows: run_rows(self._model, sequence.batch(rows))
            )
        return sequence.calls
