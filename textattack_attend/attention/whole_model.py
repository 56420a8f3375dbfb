"""Whole forward passes: for models whose layers the engine cannot compute."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from ..structures import Structure
from .engine import Run
from .injection import masked_attention
from .precision import autocast, require_precision
from .rows import run_rows

ROWS_AT_ONCE = 1024


class WholeModel:
    """Evaluates structures as the engine does, but every one from the first layer on.

    Args:
        model: of a supported family, in eval mode.
        precision: see `Engine`.

    Raises:
        InvalidInputError: the precision is unknown.

    Attributes:
        rows_at_once: how many tokens to compute at once.
        token_layers: how many hidden states, each of one token after one layer, were computed.
        twin: the model.
    """

    rows_at_once = ROWS_AT_ONCE

    def __init__(self, model: PreTrainedModel, precision: str = "float32") -> None:
        require_precision(precision)
        self.precision = precision
        self.twin = model
        self.token_layers = 0

    def renew(self) -> None:
        """The weights are those of the model as they are."""

    def logits(self, asked: Sequence[tuple[Run, Structure]]) -> Tensor:
        """Logits of (sequence, structure) pairs, float32 (B, C), on the CPU."""
        size = max(1, self.rows_at_once // max(run.tokens for run, _ in asked))
        parts = [asked[start : start + size] for start in range(0, len(asked), size)]
        with torch.inference_mode(), autocast(self.twin, self.precision):
            return torch.cat([self._evaluate(part) for part in parts])

    def _evaluate(self, asked: Sequence[tuple[Run, Structure]]) -> Tensor:
        inputs = self._batch([run for run, _ in asked])
        with masked_attention(self.twin, [structure for _, structure in asked]):
            logits: Tensor = run_rows(self.twin, inputs).logits
        self.token_layers += sum(run.tokens * structure.shape.layers for run, structure in asked)
        return logits.float().cpu()

    def _batch(self, runs: Sequence[Run]) -> dict[str, Tensor]:
        padding = {"input_ids": int(self.twin.config.pad_token_id or 0)}
        return {
            name: pad_sequence([run.inputs[name] for run in runs], True, padding.get(name, 0))
            for name in runs[0].inputs
        }
