"""Goal functions on texts with structures: untargeted and targeted classification."""

from .objective import lead_of_the_others
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
    "lead_of_the_others",
    "require_label",
]
