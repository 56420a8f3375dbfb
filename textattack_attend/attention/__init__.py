"""Attention of a model: families, the softmax, masking, capture, and evaluation of structures."""

from .capture import AttentionCapture, ForwardPass, Loss, SequenceActivations, Visit, forward_passes
from .evaluate.engine import Engine
from .evaluate.evaluator import CheckedEvaluator
from .evaluate.protocol import Evaluator
from .evaluate.sequence_cache import SequenceCache
from .evaluate.whole_model import WholeModel
from .families import FAMILIES, family_of, register_family, shape_of
from .family import Decoder, Family
from .label_words import LabelWordClassifier
from .layer_parts import EngineParts, FusedProjection, Projections
from .masking.dense_masking import masked_where
from .masking.injection import masked_attention
from .masking.random_masking import masked_at_random
from .memory import MemoryBound, bytes_needed
from .plain import is_compiled
from .precision import autocast
from .products import faster_products
from .rows import is_multiple_choice, require_finite, run_rows
from .shapes import require_shapes
from .unwrapping import unwrapped

__all__ = [
    "FAMILIES",
    "AttentionCapture",
    "CheckedEvaluator",
    "Decoder",
    "Engine",
    "EngineParts",
    "Evaluator",
    "Family",
    "ForwardPass",
    "FusedProjection",
    "LabelWordClassifier",
    "Loss",
    "MemoryBound",
    "Projections",
    "SequenceActivations",
    "SequenceCache",
    "Visit",
    "WholeModel",
    "autocast",
    "bytes_needed",
    "family_of",
    "faster_products",
    "forward_passes",
    "is_compiled",
    "is_multiple_choice",
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
