"""Classifiers of images as classifiers of sequences, whose tokens are the patches of an image."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import fold, unfold
from transformers import PreTrainedModel

from ..versions import paths_of_image_layers
from .family import Family

SPECIAL_TOKENS = {"vit": 1, "beit": 1, "deit": 2}
"""The number of tokens before the patches: the class token, in DeiT with a distillation token."""
IMAGE_FAMILIES = {kind: Family(kind, *paths_of_image_layers()) for kind in SPECIAL_TOKENS}
"""The families of models of images, by model type."""


class PatchClassifier(nn.Module):
    """Classifies images whose patches are given as the tokens of a sequence.

    Attacks use it as they use a model of transformers for texts. The numbers of a patch travel with
    its token; in the places of special tokens are zeros, which the model does not read.

    Args:
        model: a ...ForImageClassification model of one of `IMAGE_FAMILIES`.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.image_model = model
        self.config = copy.copy(model.config)

    @property
    def base_model(self) -> nn.Module:
        """The base model of the model of images."""
        base: nn.Module = self.image_model.base_model
        return base

    @property
    def device(self) -> torch.device:
        """The device of the model of images."""
        return self.image_model.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        return self.image_model.dtype

    @property
    def family(self) -> Family:
        """The record of the model's family, which is none of the families of texts."""
        return IMAGE_FAMILIES[self.config.model_type]

    @property
    def special_tokens(self) -> int:
        """The number of tokens before the patches."""
        return SPECIAL_TOKENS[self.config.model_type]

    @property
    def image_size(self) -> tuple[int, int]:
        """The height and the width of an image, in pixels."""
        return _pair(self.config.image_size)

    @property
    def patch_size(self) -> tuple[int, int]:
        """The height and the width of a patch, in pixels."""
        return _pair(self.config.patch_size)

    @property
    def grid(self) -> tuple[int, int]:
        """The number of rows and columns of patches."""
        (height, width), (down, across) = self.image_size, self.patch_size
        return height // down, width // across

    def patches_of(self, pixels: Tensor) -> Tensor:
        """Cuts an image (channels, height, width) into the numbers of its tokens, (T, D)."""
        patches = unfold(pixels[None], self.patch_size, stride=self.patch_size)[0].T
        return torch.cat([patches.new_zeros(self.special_tokens, patches.shape[1]), patches])

    def forward(
        self,
        input_ids: Tensor,
        patches: Tensor,
        attention_mask: Tensor | None = None,
        **options: Any,
    ) -> Any:
        """Puts images together of their patches, (B, T, D), and classifies them."""
        own = patches[:, self.special_tokens :]
        pixels = fold(own.mT, self.image_size, self.patch_size, stride=self.patch_size)
        return self.image_model(pixel_values=pixels.to(self.dtype), **options)


def _pair(size: Any) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)
