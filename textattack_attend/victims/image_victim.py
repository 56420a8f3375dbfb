"""A victim that reads images: its tokens are patches, and texts name the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import BatchEncoding, PreTrainedModel

from ..attention import CheckedEvaluator, MemoryBound, family_of, unwrapped
from ..attention.patches import IMAGE_FAMILIES, PatchClassifier
from ..data.texts import Text
from ..errors import UnsupportedModelError
from .encoding import EncodedText
from .image_inputs import ImageInputs
from .patch_tokens import PatchTokens, Processor
from .requirements import require_classes, require_computable
from .victim import Victim


class ImageVictim(Victim):
    """A classifier of images with its image processor, which answers under structures.

    The class token is spared. In a DeiT that was distilled the token of the distillation, which
    comes next, is attacked as the patches are.

    Args:
        model: a ...ForImageClassification model of ViT, DeiT or BEiT.
        processor: the model's image processor; None for images that are pixel values already.
        images: the images by name; see `ImageInputs`.
        precision: the precision of the search, see `Victim`.
        max_memory: the GiB that an attack may take beside the model, see `Victim`.

    Raises:
        UnsupportedModelError: the model is no classifier of images of a supported family.
        InvalidInputError: an image cannot be read, the precision is unknown, or the memory is no
            positive number.
    """

    inputs: ImageInputs

    def __init__(
        self,
        model: PreTrainedModel,
        processor: Processor | None,
        images: Mapping[str, Any],
        precision: str = "float32",
        max_memory: float | None = None,
    ) -> None:
        # An image processor stands here where `Victim` has a tokenizer.
        self.model: Any = _classifier_of(model)
        self.tokenizer: Any = PatchTokens(self.model, processor)
        self.inputs = ImageInputs(self.model, self.tokenizer, images)
        self.max_tokens = self.inputs.max_tokens
        self.precision = precision
        self.prompt = None
        self.choice_encoding = None
        self.cross_attention = False
        self.memory = MemoryBound(self.model, max_memory)
        self.evaluator = CheckedEvaluator(self.model, precision)

    def _encoded(self, texts: Sequence[Text | EncodedText]) -> BatchEncoding:
        """Returns what the model reads of images."""
        return self.inputs.encode(texts)


def _classifier_of(model: PreTrainedModel) -> Any:
    inside = unwrapped(model)
    require_computable(inside)
    kind, name = inside.config.model_type, type(inside).__name__
    if kind not in IMAGE_FAMILIES or "ForImageClassification" not in name:
        raise UnsupportedModelError(
            f"expected a ...ForImageClassification model of {', '.join(IMAGE_FAMILIES)}, got a "
            f"{name}"
        )
    require_classes(inside)
    classifier: Any = PatchClassifier(inside)
    family_of(classifier)  # refuses what cannot be masked
    _require_gradients(inside)
    return classifier


def _require_gradients(model: Any) -> None:
    """Refuses a model that keeps something it computed under ``inference_mode``.

    BEiT computes the index of its position bias once. After this pass it has one that gradients can
    be taken through, whatever mode the passes behind it run in.
    """
    config = model.config
    image = torch.zeros(1, config.num_channels, *PatchClassifier(model).image_size)
    model.eval()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            model(pixel_values=image.to(model.device, model.dtype))
    except RuntimeError as error:
        if "nference tensors" not in str(error):
            raise
        raise UnsupportedModelError(
            f"expected a model that gradients can be taken through, got a {type(model).__name__} "
            "that ran under torch.inference_mode() before and keeps what it computed there: load "
            "it again, and use torch.no_grad()"
        ) from error
