"""The wrapper of a model that classifies images, whose patches are its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedModel

from ...attention import unwrapped
from ...victims.image_victim import ImageVictim
from ...victims.patch_tokens import Processor
from .attention_model_wrapper import AttentionModelWrapper
from .requirements import require_model


class ImageModelWrapper(AttentionModelWrapper):
    """A wrapper over an `ImageVictim`, which attacks on attention take as that of a text model.

    A text stands for each image, see `texts`; attacks on words have nothing to change in it.

    Args:
        model: a ...ForImageClassification model of ViT, DeiT or BEiT.
        processor: the model's image processor; None for images that are pixel values already,
            tensors (channels, height, width).
        images: the images by name, each as the processor takes it.
        precision: the precision of the search, see `Victim`.
        max_memory: the GiB that an attack may take beside the model, see `Victim`.
    """

    victim: ImageVictim

    def __init__(
        self,
        model: PreTrainedModel,
        processor: Processor | None,
        images: Mapping[str, Any],
        precision: str = "float32",
        max_memory: float | None = None,
    ) -> None:
        require_model(model)
        # TextAttack's own wrapper takes no model without a tokenizer.
        self.model = unwrapped(model)
        self.victim = ImageVictim(model, processor, images, precision, max_memory)
        self.tokenizer = self.victim.tokenizer
        self._images = images

    @property
    def texts(self) -> dict[str, str]:
        """The text that stands for each image, by the name of the image."""
        return dict(self.victim.inputs.texts)

    def with_precision(self, precision: str) -> ImageModelWrapper:
        """Returns a wrapper over the same model whose search has another precision."""
        memory = self.victim.memory.gibibytes
        return ImageModelWrapper(
            self.model, self.tokenizer.processor, self._images, precision, memory
        )
