"""Results of an attack over structures.

The classes carry TextAttack's own names: its loggers and metrics tell results apart by them.
"""

from __future__ import annotations

from collections.abc import Sequence

from textattack import attack_results as stock
from textattack.goal_function_results import GoalFunctionResult
from textattack.shared.utils import color_text

from ..data.texts import Text
from ..structures import Structure, describe, summarize


class StructureAttackResult(stock.AttackResult):
    """A result whose perturbation is a structure.

    Args:
        original_result: the clean text, judged.
        perturbed_result: the text under the final structure, judged.
        tokens: the tokens that the model reads of the text, special ones included.
        candidate_queries: the number of structures that were tested up to the first success, which
            the paper prints.
        gradient_passes: the number of backward passes, which are not in ``num_queries``; the
            forward pass of each is.
    """

    def __init__(
        self,
        original_result: GoalFunctionResult,
        perturbed_result: GoalFunctionResult,
        tokens: Sequence[str],
        candidate_queries: int = 0,
        gradient_passes: int = 0,
    ) -> None:
        stock.AttackResult.__init__(self, original_result, perturbed_result)
        self.tokens = list(tokens)
        self.candidate_queries = candidate_queries
        self.gradient_passes = gradient_passes

    @property
    def structure(self) -> Structure:
        """The adversarial structure of a success, or the last structure tested of a failure."""
        structure: Structure = self.perturbed_result.attacked_text.structure
        return structure

    @property
    def text(self) -> Text:
        """The attacked text, as the tokenizer takes it."""
        text: Text = self.original_result.attacked_text.tokenizer_input
        return text

    def describe(self, color_method: str | None = None) -> list[str]:
        """Describes the masked units in one line a matrix: ``L2 H10: a -> emotional``."""
        color = self.perturbed_result.get_text_color_perturbed()
        lines = [line.partition(": ") for line in describe(self.structure, self.tokens)]
        return [
            f"{matrix}: {color_text(pairs, color, color_method)}" if pairs else matrix
            for matrix, _, pairs in lines
        ]

    def diff_color(self, color_method: str | None = None) -> tuple[str, str]:
        """Returns the text, and its masked units in one line, for TextAttack's csv logger."""
        return self.original_text(color_method), "; ".join(self.describe(color_method))


class SuccessfulAttackResult(StructureAttackResult, stock.SuccessfulAttackResult):
    """A structure that reaches the goal."""

    def str_lines(self, color_method: str | None = None) -> list[str]:
        """Returns the prediction before and after, the text, and the masked units."""
        masked = "\n".join([f"{summarize(self.structure)}:", *self.describe(color_method)])
        return [
            self.goal_function_result_str(color_method),
            self.original_text(color_method),
            masked,
        ]


class FailedAttackResult(StructureAttackResult, stock.FailedAttackResult):
    """No structure within the budget was found; the last one tested is kept.

    Attributes:
        unconfirmed: true if the search claimed a success that a fresh forward pass did not confirm.
    """

    unconfirmed = False


class SkippedAttackResult(StructureAttackResult, stock.SkippedAttackResult):
    """The clean text reaches the goal already: misclassified, or of the target class."""
