"""Inside the model: families (data), the softmax, injection, capture of gradients, the engine."""

from .agreement import agrees, fastest_evaluator, say_that_it_is_slow
from .capture import AttentionCapture, ForwardPass, Loss, ReadSequence, forward_passes
from .dense_masking import masked_where
from .engine import Engine, Run
from .families import FAMILIES, family_of, register_family, shape_of
from .family import Decoder, EngineParts, Family, Projections
from .injection import masked_attention
from .label_words import LabelWordClassifier
from .marks import Mark, mark_of
from .plain import is_compiled
from .precision import autocast
from .random_masking import masked_at_random
from .rows import chooses, run_rows
from .unwrapping import unwrapped
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
    "Mark",
    "Projections",
    "ReadSequence",
    "Run",
    "WholeModel",
    "agrees",
    "autocast",
    "chooses",
    "family_of",
    "fastest_evaluator",
    "forward_passes",
    "is_compiled",
    "mark_of",
    "masked_at_random",
    "masked_attention",
    "masked_where",
    "register_family",
    "run_rows",
    "say_that_it_is_slow",
    "shape_of",
    "unwrapped",
]
