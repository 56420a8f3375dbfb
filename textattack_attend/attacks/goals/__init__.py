"""Goal functions on texts with structures: untargeted and targeted classification."""

from .labels import label_of, require_label
from .objective import Objective, margin_loss
from .structure_classification import (
    Judge,
    QueryWatcher,
    StructureGoalFunction,
    TargetedStructureClassification,
    UntargetedStructureClassification,
    goal_function,
)

__all__ = [
    "Judge",
    "Objective",
    "QueryWatcher",
    "StructureGoalFunction",
    "TargetedStructureClassification",
    "UntargetedStructureClassification",
    "goal_function",
    "label_of",
    "margin_loss",
    "require_label",
]
