"""Goal functions on texts with structures: untargeted and targeted classification."""

from .structure_classification import (
    StructureGoalFunction,
    TargetedStructureClassification,
    UntargetedStructureClassification,
    goal_function,
    margin_loss,
    require_label,
)

__all__ = [
    "StructureGoalFunction",
    "TargetedStructureClassification",
    "UntargetedStructureClassification",
    "goal_function",
    "margin_loss",
    "require_label",
]
