"""Modes that see the queries and keys of attention, which PyTorch's fused function alone shows."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import UnsupportedModelError
from .softmax import SoftmaxMode


class FusedMode(SoftmaxMode):
    """Intercepts ``scaled_dot_product_attention`` of one layer; subclasses override `fused`."""

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        """Refuses a layer that takes the softmax by itself.

        Raises:
            UnsupportedModelError: always.
        """
        raise UnsupportedModelError(
            "expected attention by PyTorch's scaled_dot_product_attention, which shows queries and "
            "keys, got a layer that takes the softmax by itself; load the model with "
            "attn_implementation='sdpa' if its family has that"
        )
