"""Computes the layers of an encoder and then those of the decoder that reads it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..family import Family
from ..hidden_states import input_of, with_hidden
from ..rows import run_rows
from .branches import Branch
from .layer_calls import Arguments, LayerCall, encoder_states_of, recorded_arguments
from .lower_layers import for_rows, given_again
from .own_layers import OwnLayers


class StackedLayers(OwnLayers):
    """Computes the layers of an encoder-decoder, all of whose self-attention is attacked.

    From the decoder's first layer on, a state has the rows of the decoder's tokens, and behind them
    those that the encoder gave, which every layer of the decoder reads.

    Args:
        model: the model.
        family: the family of the model.
    """

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        super().__init__(model, family)
        self._encoder_layers = len(family.layer_modules(model))

    def _clean_state(self, call: LayerCall) -> Tensor:
        if call.encoder is None:
            return call.hidden_states
        return torch.cat([call.hidden_states, call.leaves[call.encoder]], 1)

    def _arguments(self, depth: int, call: LayerCall, states: Tensor) -> Arguments:
        if depth < self._encoder_layers:
            return call.arguments(states)
        return call.arguments(*states.tensor_split([call.hidden_states.shape[1]], 1))

    def _states(self, depth: int, branches: Sequence[Branch]) -> Tensor:
        hidden = self._hidden(depth, branches)
        if depth == self._encoder_layers - 1:
            return self._before_decoder(branches, hidden)
        if depth < self._encoder_layers:
            return hidden
        before = torch.stack([branch.state.hidden for branch in branches])
        return torch.cat([hidden, before[:, hidden.shape[1] :]], 1)

    def _before_decoder(self, branches: Sequence[Branch], hidden: Tensor) -> Tensor:
        """Computes the states before the decoder from the last hidden states of the encoder."""
        sequence, count = branches[0].sequence, self._encoder_layers
        outputs = self._calls(sequence).outputs
        last = with_hidden(for_rows(outputs[count - 1], len(hidden)), hidden)
        given = [*outputs[: count - 1], last, *outputs[count:]]
        decoder = self._layers[count]

        def run() -> object:
            return run_rows(self._model, sequence.batch(len(hidden)))

        with given_again(self._layers, given, len(hidden)):
            arguments = recorded_arguments(decoder, for_rows(outputs[count], len(hidden)), run)
        encoder = encoder_states_of(decoder, arguments)
        assert encoder is not None, "a decoder reads its encoder"
        return torch.cat([input_of(*arguments), encoder], 1)
