"""The tokens of an image, in the place of a tokenizer: special ones, and then its patches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..attention.patches import PatchClassifier
from ..errors import InvalidInputError, described
from ..identity.content import canonical, name_of

SPECIAL = ("[CLS]", "[DIST]")
Processor = Callable[..., Any]
"""An image processor of transformers, which makes pixel values of an image."""


class PatchTokens:
    """Says what the tokens of an image are, and reads the image.

    Args:
        model: the classifier of images.
        processor: the image processor of the model; None for images that are pixel values already,
            tensors (channels, height, width).

    Attributes:
        all_special_ids: the ids of special tokens; the k-th patch, counted from 1, has the id k.
    """

    all_special_ids: Sequence[int] = (0,)

    def __init__(self, model: PatchClassifier, processor: Processor | None) -> None:
        self.processor = processor
        self._size = (int(model.config.num_channels), *model.image_size)
        rows, columns = model.grid
        patches = [f"({row}, {column})" for row in range(rows) for column in range(columns)]
        self.names = [*SPECIAL[: model.special_tokens], *patches]
        """The name of every token: a patch is named by its row and its column."""

    @property
    def ids(self) -> Tensor:
        """The ids of the tokens of an image, int64 (T,)."""
        special = [name in SPECIAL for name in self.names]
        return torch.tensor([0 if own else at for at, own in enumerate(special)])

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Returns the names of the tokens of an image."""
        assert len(ids) == len(self.names)
        return self.names

    def pixels_of(self, image: Any) -> Tensor:
        """Returns the pixel values of an image, float32 (channels, height, width).

        Args:
            image: an image that the processor takes, as an array or one of PIL.

        Raises:
            InvalidInputError: the processor cannot read it, or the model takes another size.
        """
        try:
            pixels = (
                torch.as_tensor(image)
                if self.processor is None
                else self.processor(images=image, return_tensors="pt")["pixel_values"][0]
            )
        except Exception as error:  # the libraries raise anything
            raise InvalidInputError(
                f"image: expected one that the image processor reads, got {described(image)} "
                f"({type(error).__name__})"
            ) from error
        if tuple(pixels.shape) != self._size:
            raise InvalidInputError(
                f"image: expected {self._size} pixel values (channels, height, width), as the "
                f"model takes, got {tuple(pixels.shape)}; give the model's own image processor"
            )
        return pixels.float()

    def to_dict(self) -> dict[str, Any]:
        """Returns the class and the settings of the processor, as a victim's identity has them."""
        if self.processor is None:
            return {"processor": None}
        return {"processor": name_of(type(self.processor)), "settings": canonical(self.processor)}
