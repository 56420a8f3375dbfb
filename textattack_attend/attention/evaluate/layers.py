"""The protocol of what computes layers for the engine: from parts, or by calling the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from .branches import Branch, Masks
from .sequence_cache import SequenceCache
from .states import State


class Layers(Protocol):
    """Computes the layers of a model for many branches.

    Attributes:
        computed: the number of hidden states, each of one token after one layer, computed so far.
    """

    computed: int

    def __len__(self) -> int:
        """Returns the number of layers."""

    def begin(self, sequence: SequenceCache) -> None:
        """Completes what is known of a clean text before its first structure is evaluated."""

    def advance(self, depth: int, branches: Sequence[Branch]) -> list[State]:
        """Computes the states after a layer, in the order of the branches."""

    def logits(self, branches: Sequence[Branch]) -> Tensor:
        """Computes the logits after the last layer, float32 (B, C), on the CPU."""

    def read_masks(self, sequence: SequenceCache, masks: Masks) -> Masks:
        """Returns the masks of the last layer on which the logits depend."""
