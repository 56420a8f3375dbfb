"""Goal functions on texts with structures: untargeted and targeted classification."""

from .objective import margin_loss
from .structure_classification import (
    Judge,
    QueryWatcher,
    StructureGoalFunction,
    TargetedStructureClassification,
    UntargetedStructureClassification,
    goal_function,
    require_label,
)

__all__ = [
    "Judge",
    "QueryWatcher",
    "StructureGoalFunction",
    "TargetedStructureClassification",
    "UntargetedStructureClassification",
    "goal_function",
    "margin_loss",
    "require_label",
]
