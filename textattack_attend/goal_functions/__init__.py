"""Goal functions on texts with structures: untargeted and targeted classification."""

from .structure_classification import (
    StructureGoalFunction,
    TargetedStructureClassification,
    UntargetedStructureClassification,
)

__all__ = [
    "StructureGoalFunction",
    "TargetedStructureClassification",
    "UntargetedStructureClassification",
]
