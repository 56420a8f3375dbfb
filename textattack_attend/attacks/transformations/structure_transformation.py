"""The base class of the transformations over structures."""

from __future__ import annotations

from abc import abstractmethod

from textattack.transformations import Transformation

from ...structures import Budget
from ..goals import StructureGoalFunction


class StructureTransformation(Transformation):
    """Proposes structures within a budget.

    Args:
        goal_function: the goal function, whose loss is differentiated.
        budget: the units that may be masked, and their number in a matrix.
    """

    is_black_box = False

    def __init__(self, goal_function: StructureGoalFunction, budget: Budget) -> None:
        self.goal_function = goal_function
        self.budget = budget

    @property
    @abstractmethod
    def needs_gradient(self) -> bool:
        """True if the transformation starts from the gradient at the clean text."""
