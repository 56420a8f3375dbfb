"""Model wrappers for TextAttack, in a package of the same name as TextAttack's own."""

from .attention_model_wrapper import AttentionModelWrapper
from .checkpoint import checkpoint_named, wrapper_for
from .class_names import class_names_of
from .defended_model_wrapper import DefendedModelWrapper
from .image_model_wrapper import ImageModelWrapper
from .smoothed_model_wrapper import SmoothedModelWrapper

__all__ = [
    "AttentionModelWrapper",
    "DefendedModelWrapper",
    "ImageModelWrapper",
    "SmoothedModelWrapper",
    "checkpoint_named",
    "class_names_of",
    "wrapper_for",
]
