"""Random masking: draws the masked units anew in every forward pass (S-Attend, section 7)."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ...errors import InvalidInputError, require_share
from ..families import family_of
from ..softmax import BiasedSoftmax, far_below, softmax_modes


def masked_at_random(
    model: PreTrainedModel,
    share: float,
    *,
    tokens: Tensor | None = None,
    layers: Collection[int] | None = None,
    heads: Collection[int] | None = None,
) -> AbstractContextManager[None]:
    """Masks random attention units, drawn anew in every forward pass inside the context.

    Draws come from torch's generator of the device. A row of queries never loses all its keys:
    where it would, it keeps them all.

    Args:
        model: a model of a supported family.
        share: the probability that a unit is masked, in [0, 1).
        tokens: the keys to mask for all queries instead of drawn units, bool (B, T).
        layers: the layers whose attention is masked; None for all.
        heads: the heads whose attention is masked; None for all.

    Raises:
        InvalidInputError: the model has no such layer or head, or the share is out of range.
    """
    require_share("share", share, "[0, 1)")
    family = family_of(model)
    modules = family.attention_modules(model)
    require_known("layers", layers, len(modules))
    require_known("heads", heads, family.num_heads(model))
    chosen = [layer for layer in range(len(modules)) if layers is None or layer in layers]
    count = family.num_heads(model)
    kept = [head for head in range(count) if heads is not None and head not in heads]
    modes = {layer: _Drawing(share, tokens, kept) for layer in chosen}
    return softmax_modes(modules, modes, family.extra_keys)


def require_known(name: str, chosen: Collection[int] | None, count: int) -> None:
    """Raises InvalidInputError for the number of a layer or head that the model does not have.

    Args:
        name: the name of the option.
        chosen: the numbers; None for all.
        count: how many there are.
    """
    unknown = [number for number in chosen or () if not 0 <= number < count]
    if unknown:
        raise InvalidInputError(f"{name}: expected numbers from 0 to {count - 1}, got {unknown}")


class _Drawing(BiasedSoftmax):
    """Draws the units that are masked in one layer."""

    def __init__(self, share: float, tokens: Tensor | None, kept_heads: list[int]) -> None:
        self.share = share
        self.tokens = tokens
        self.kept_heads = kept_heads

    def bias(self, like: Tensor, mask: Tensor | None, keys: int) -> Tensor:
        """Returns a bias that is far below every score where a unit was drawn, else zero."""
        size = (*like.shape[:3], keys)
        if self.tokens is None:
            drawn = torch.rand(size, device=like.device) < self.share
        else:
            drawn = self.tokens[:, None, None].expand(size).clone()
        drawn[:, self.kept_heads] = False
        left = ~drawn if mask is None else ~drawn & (mask > far_below(like.dtype))
        drawn &= left.any(-1, keepdim=True)
        return torch.zeros(size, dtype=like.dtype, device=like.device).masked_fill(
            drawn, far_below(like.dtype)
        )
