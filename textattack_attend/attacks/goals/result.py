"""The result of a goal function on a text, as TextAttack prints it."""

from __future__ import annotations

from textattack.goal_function_results import ClassificationGoalFunctionResult
from textattack.shared.utils import color_text

from ...errors.printable import in_one_line


class StructureGoalFunctionResult(ClassificationGoalFunctionResult):
    """A judged text; the name of its class, which comes from data, is printed in one line."""

    def get_colored_output(self, color_method: str | None = None) -> str:
        """Returns the class and its probability, as ``Positive (50%)``, in TextAttack's colour."""
        plain = in_one_line(super().get_colored_output())
        colored: str = color_text(plain, self.get_text_color_input(), color_method)
        return colored
