"""Inside the model: families (data), the softmax, injection, capture of gradients, the engine."""

from .capture import AttentionCapture, ForwardPass, Loss, ReadSequence, forward_passes
from .dense_masking import masked_where
from .engine import Engine, Run
from .families import FAMILIES, family_of, register_family, shape_of
from .family import Decoder, EngineParts, Family, Projections
from .injection import masked_attention
from .label_words import LabelWordClassifier
from .precision import autocast
from .random_masking import masked_at_random
from .rows import chooses, run_rows
from .whole_model import WholeModel

__all__ = [
    "FAMILIES",
    "AttentionCapture",
    "Decoder",
    "Engine",
    "EngineParts",
    "Family",
    "ForwardPass",
    "LabelWordClassifier",
    "Loss",
    "Projections",
    "ReadSequence",
    "Run",
    "WholeModel",
    "autocast",
    "chooses",
    "family_of",
    "forward_passes",
    "masked_at_random",
    "masked_attention",
    "masked_where",
    "register_family",
    "run_rows",
    "shape_of",
]
