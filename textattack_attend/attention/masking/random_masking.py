"""Random masking: units, or tokens, masked anew in every forward pass (S-Attend, section 7)."""

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
    """Mask attention units by chance in every forward pass inside the context.

    Draws come from torch's generator of the device. A row never loses all its keys: where it would,
    it keeps them all.

    Args:
        model: of a supported family.
        share: chance of each unit, in [0, 1).
        tokens: instead of drawn units, the keys to mask everywhere, bool (B, T).
        layers: which ones; None for all.
        heads: which ones; None for all.

    Raises:
        InvalidInputError: a layer or a head is none of the model's, or the share is none.
    """
    require_share("share", share, "[0, 1)")
    family = family_of(model)
    modules = family.attention_modules(model)
    _require_known("layers", layers, len(modules))
    _require_known("heads", heads, int(model.config.num_attention_heads))
    chosen = [layer for layer in range(len(modules)) if layers is None or layer in layers]
    count = int(model.config.num_attention_heads)
    kept = [head for head in range(count) if heads is not None and head not in heads]
    modes = {layer: _Drawing(share, tokens, kept) for layer in chosen}
    return softmax_modes(modules, modes, family.extra_keys)


def _require_known(name: str, chosen: Collection[int] | None, count: int) -> None:
    unknown = [number for number in chosen or () if not 0 <= number < count]
    if unknown:
        raise InvalidInputError(f"{name}: expected numbers from 0 to {count - 1}, got {unknown}")


class _Drawing(BiasedSoftmax):
    """Draws what is masked in one layer."""

    def __init__(self, share: float, tokens: Tensor | None, kept_heads: list[int]) -> None:
        self.share = share
        self.tokens = tokens
        self.kept_heads = kept_heads

    def bias(self, like: Tensor, mask: Tensor | None, keys: int) -> Tensor:
        """Far below every score where a unit was drawn."""
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
