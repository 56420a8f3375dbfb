"""What the transformations over structures have in common."""

from __future__ import annotations

from abc import abstractmethod

from textattack.transformations import Transformation

from ...structures import Budget
from ..goals import StructureGoalFunction


class StructureTransformation(Transformation):
    """Proposes structures within a budget.

    Args:
        goal_function: whose loss gradients are taken of.
        budget: which units may be masked and how many of one matrix.
    """

    is_black_box = False

    def __init__(self, goal_function: StructureGoalFunction, budget: Budget) -> None:
        self.goal_function = goal_function
        self.budget = budget

    @property
    @abstractmethod
    def needs_gradient(self) -> bool:
        """Whether it starts from the gradient at the clean text."""
