"""Transformations over structures."""

from .attention_unit_masking import AttentionUnitMasking
from .random_start_reselection import RandomStartReselection
from .reselection import Reselection
from .structure_transformation import Proposal, StructureTransformation
from .whole_model_reselection import WholeModelReselection

__all__ = [
    "AttentionUnitMasking",
    "Proposal",
    "RandomStartReselection",
    "Reselection",
    "StructureTransformation",
    "WholeModelReselection",
]
