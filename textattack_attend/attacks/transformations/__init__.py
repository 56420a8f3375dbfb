"""Transformations over structures."""

from .attention_unit_masking import AttentionUnitMasking
from .reselection import Reselection
from .structure_transformation import Proposal, StructureTransformation
from .whole_model_reselection import WholeModelReselection

__all__ = [
    "AttentionUnitMasking",
    "Proposal",
    "Reselection",
    "StructureTransformation",
    "WholeModelReselection",
]
