"""Goal functions on texts with structures: untargeted and targeted classification."""

from .labels import label_of
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
    "label_of",
    "margin_loss",
    "require_label",
]
