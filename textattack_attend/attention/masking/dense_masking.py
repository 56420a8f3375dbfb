"""Dense masking: units of a batch masked by one tensor a layer, made on the device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ...errors import UnsupportedModelError
from ..families import family_of
from ..softmax import BiasedSoftmax, far_below, softmax_modes


def masked_where(model: PreTrainedModel, masks: Sequence[Tensor]) -> AbstractContextManager[None]:
    """Mask units in every forward pass inside the context.

    Args:
        model: of a supported family.
        masks: of every layer, bool (B, H, T, T), on the model's device; none to mask nothing.

    Raises:
        UnsupportedModelError: the model's family is unknown, or its softmax has another size.
        RuntimeError: a masked layer never ran inside the context.
    """
    modes = {layer: _Given(mask) for layer, mask in enumerate(masks)}
    family = family_of(model)
    return softmax_modes(family.attention_modules(model), modes, family.extra_keys)


class _Given(BiasedSoftmax):
    """Masks what it was given."""

    def __init__(self, masked: Tensor) -> None:
        self.masked = masked

    def bias(self, like: Tensor, mask: Tensor | None, keys: int) -> Tensor:
        """Far below every score where a unit is masked."""
        expected = (*like.shape[:3], keys)
        if self.masked.shape != expected:
            raise UnsupportedModelError(
                f"expected masks of size {expected} (batch, heads, queries, keys), got "
                f"{tuple(self.masked.shape)}: make them for the batch and the model they are for"
            )
        zeros = torch.zeros(self.masked.shape, dtype=like.dtype, device=like.device)
        return zeros.masked_fill(self.masked, far_below(like.dtype))
