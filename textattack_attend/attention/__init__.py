"""Inside the model: families (data), injection (the one hook), capture of gradients, reuse."""

from .capture import AttentionCapture, Loss, capture_attention
from .families import FAMILIES, Family, family_of, shape_of
from .injection import masked_attention
from .reuse import CleanPass, clean_pass, logits_from

__all__ = [
    "FAMILIES",
    "AttentionCapture",
    "CleanPass",
    "Family",
    "Loss",
    "capture_attention",
    "clean_pass",
    "family_of",
    "logits_from",
    "masked_attention",
    "shape_of",
]
