"""The protocol of what evaluates structures: the engine, and whole forward passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor
from transformers import PreTrainedModel

from ...structures import Structure
from .sequence_cache import SequenceCache


class Evaluator(Protocol):
    """Evaluates structures on a model.

    Attributes:
        model: the model.
        precision: the precision of the search.
        rows_at_once: the number of tokens to compute at once.
        token_layers: the number of hidden states, each of one token after one layer, that were
            computed.
    """

    model: PreTrainedModel
    precision: str
    rows_at_once: int
    token_layers: int

    def logits(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor:
        """Computes the logits of (sequence, structure) pairs, float32 (B, C), on the CPU."""
