"""Inside the model: families (data), the softmax, injection, capture of gradients, the engine."""

from .capture import AttentionCapture, ForwardPass, Loss, ReadSequence, Visit, forward_passes
from .dense_masking import masked_where
from .engine import Engine, Run
from .evaluator import Evaluator
from .families import FAMILIES, family_of, register_family, shape_of
from .family import Decoder, EngineParts, Family, Projections
from .injection import masked_attention
from .label_words import LabelWordClassifier
from .memory import MemoryBound, bytes_needed
from .plain import is_compiled
from .precision import autocast
from .random_masking import masked_at_random
from .rows import chooses, require_finite, run_rows
from .shapes import require_shapes
from .unwrapping import unwrapped
from .whole_model import WholeModel

__all__ = [
    "FAMILIES",
    "AttentionCapture",
    "Decoder",
    "Engine",
    "EngineParts",
    "Evaluator",
    "Family",
    "ForwardPass",
    "LabelWordClassifier",
    "Loss",
    "MemoryBound",
    "Projections",
    "ReadSequence",
    "Run",
    "Visit",
    "WholeModel",
    "autocast",
    "bytes_needed",
    "chooses",
    "family_of",
    "forward_passes",
    "is_compiled",
    "masked_at_random",
    "masked_attention",
    "masked_where",
    "register_family",
    "require_finite",
    "require_shapes",
    "run_rows",
    "shape_of",
    "unwrapped",
]
