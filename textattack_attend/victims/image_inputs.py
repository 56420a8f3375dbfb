"""The inputs of a model of images, each named by a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import BatchEncoding

from ..attention.patches import PatchClassifier
from ..data.texts import Text
from ..errors import InvalidInputError, did_you_mean, quoted
from ..identity.content import new_digest
from .encoding import EncodedText, Inputs
from .patch_tokens import PatchTokens

DIGITS = 12


class ImageInputs(Inputs):
    """Encodes images as the sequences of their patches.

    Attacks, results and structure files know texts. So a text stands for each image: its name, and
    a digest of its pixels, so that no result of an image is taken for that of another one.

    Args:
        model: the classifier of images.
        tokens: the tokens of an image.
        images: the images by name.

    Attributes:
        texts: the text of each image by its name.

    Raises:
        InvalidInputError: an image cannot be read, or has another size than the model takes.
    """

    def __init__(
        self, model: PatchClassifier, tokens: PatchTokens, images: Mapping[str, Any]
    ) -> None:
        self.max_tokens = len(tokens.names)
        self.texts: dict[str, str] = {}
        self._ids = tokens.ids
        self._cut = model.patches_of
        self._pixels: dict[str, Tensor] = {}
        for name, image in images.items():
            pixels = tokens.pixels_of(image)
            digest = new_digest(pixels.contiguous().numpy().data).hexdigest()[:DIGITS]
            self.texts[name] = f"{name} {digest}"
            self._pixels[self.texts[name]] = pixels

    def _sequences(self, text: Text) -> list[Text]:
        """Returns the text of an image.

        Raises:
            InvalidInputError: no image has that text.
        """
        if text not in self._pixels:
            shown = quoted(text) if isinstance(text, str) else repr(text)
            close = did_you_mean(text, self._pixels) if isinstance(text, str) else ""
            raise InvalidInputError(
                f"text {shown}: expected that of one of the {len(self._pixels)} images of the "
                f"wrapper, as wrapper.texts has them by name{close}"
            )
        return [text]

    def encoded(self, text: Text | EncodedText) -> EncodedText:
        """Encodes an image; one that is encoded already is returned as it is."""
        if isinstance(text, EncodedText):
            return text
        (name,) = self.sequences(text)
        row = {
            "input_ids": self._ids,
            "attention_mask": torch.ones_like(self._ids),
            "patches": self._cut(self._pixels[str(name)]),
        }
        return EncodedText(text, [name], [row])

    def encode(self, texts: Sequence[Text | EncodedText]) -> BatchEncoding:
        """Returns tensors of all images, (B, T) each; the numbers of patches are (B, T, D)."""
        rows = [row for text in texts for row in self.encoded(text).rows]
        return BatchEncoding({name: torch.stack([row[name] for row in rows]) for name in rows[0]})

    def require_content(self, text: EncodedText) -> None:
        """Accepts every image, because each has a patch."""
