"""Inside the model: families (data), injection (the one hook), capture (gradients, scores)."""

from .capture import AttentionCapture, Loss, capture_attention
from .families import FAMILIES, Family, family_of, shape_of
from .injection import masked_attention

__all__ = [
    "FAMILIES",
    "AttentionCapture",
    "Family",
    "Loss",
    "capture_attention",
    "family_of",
    "masked_attention",
    "shape_of",
]
