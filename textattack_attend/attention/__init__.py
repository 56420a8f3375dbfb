"""Inside the model: families (data), injection (the one hook), capture of gradients, the engine."""

from .capture import AttentionCapture, ForwardPass, Loss, forward_passes
from .engine import Engine, Run
from .families import FAMILIES, Family, family_of, shape_of
from .injection import masked_attention

__all__ = [
    "FAMILIES",
    "AttentionCapture",
    "Engine",
    "Family",
    "ForwardPass",
    "Loss",
    "Run",
    "family_of",
    "forward_passes",
    "masked_attention",
    "shape_of",
]
