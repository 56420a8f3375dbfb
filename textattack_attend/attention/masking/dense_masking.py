"""Dense masking: one boolean tensor a layer, on the model's device, says which units are masked."""

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
    """Masks the same units in every forward pass inside the context.

    Args:
        model: a model of a supported family.
        masks: for every layer a tensor that is true where a unit is masked, bool (B, H, T, T), on
            the model's device; an empty sequence masks nothing.

    Raises:
        UnsupportedModelError: the model's family is unknown, or its softmax has another size.
        RuntimeError: a masked layer never ran inside the context.
    """
    modes = {layer: _Given(mask) for layer, mask in enumerate(masks)}
    family = family_of(model)
    return softmax_modes(family.attention_modules(model), modes, family.extra_keys)


class _Given(BiasedSoftmax):
    """Masks the units of one layer that a tensor names, bool (B, H, T, T)."""

    def __init__(self, masked: Tensor) -> None:
        self.masked = masked

    def bias(self, like: Tensor, mask: Tensor | None, keys: int) -> Tensor:
        """Returns a bias that is far below every score where a unit is masked, else zero."""
        expected = (*like.shape[:3], keys)
        if self.masked.shape != expected:
            raise UnsupportedModelError(
                f"expected masks of size {expected} (batch, heads, queries, keys), got "
                f"{tuple(self.masked.shape)}: make the masks for this batch and this model"
            )
        zeros = torch.zeros(self.masked.shape, dtype=like.dtype, device=like.device)
        return zeros.masked_fill(self.masked, far_below(like.dtype))
