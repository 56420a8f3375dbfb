"""The attack over structures."""

from __future__ import annotations

import logging
from collections import OrderedDict

from textattack import Attack
from textattack.datasets import Dataset
from textattack.goal_function_results import GoalFunctionResult, GoalFunctionResultStatus
from textattack.search_methods import SearchMethod
from textattack.shared import AttackedText

from .attack_results import (
    FailedAttackResult,
    SkippedAttackResult,
    StructureAttackResult,
    SuccessfulAttackResult,
)
from .errors import InvalidInputError
from .goal_functions import StructureGoalFunction
from .shared import StructuredText
from .transformations import AttentionUnitMasking

logger = logging.getLogger(__name__)


class StructureAttack(Attack):
    """A TextAttack `Attack` whose candidates differ by their structure, not by their text.

    A search's claim of success is not believed: the structure is checked against the budget and
    judged again by a forward pass of its own.

    Args:
        goal_function: the goal, on the victim.
        transformation: proposes masks within the budget.
        search_method: combines them.
    """

    def __init__(
        self,
        goal_function: StructureGoalFunction,
        transformation: AttentionUnitMasking,
        search_method: SearchMethod,
    ) -> None:
        super().__init__(goal_function, [], transformation, search_method)

    def attack(
        self, example: str | OrderedDict[str, str] | AttackedText, ground_truth_output: int
    ) -> StructureAttackResult:
        """Attack one text.

        Args:
            example: a text, its columns, or an `AttackedText`.
            ground_truth_output: its class.

        Raises:
            InvalidInputError: an empty text, or a label outside the model's classes.
        """
        text = example if isinstance(example, AttackedText) else AttackedText(example)
        victim = self.goal_function.victim
        structured = StructuredText.of(text, victim.empty_structure(text.tokenizer_input))
        tokens = victim.tokens(text.tokenizer_input)
        try:
            initial, _ = self.goal_function.init_attack_example(structured, ground_truth_output)
            if initial.goal_status == GoalFunctionResultStatus.SKIPPED:
                return SkippedAttackResult(initial, initial, tokens)
            final = self.search_method(initial)
        finally:
            self.clear_cache()
        if final.goal_status == GoalFunctionResultStatus.SUCCEEDED and self._confirmed(final):
            return SuccessfulAttackResult(initial, final, tokens)
        return FailedAttackResult(initial, final, tokens)

    def check_dataset(self, dataset: Dataset, positions: range) -> None:
        """Refuse a dataset with an example that cannot be attacked, before anything is run.

        Raises:
            InvalidInputError: an empty text or a label outside the model's classes, with its place.
        """
        for position in positions:
            columns, label = dataset[position]
            try:
                self.goal_function.require_label(label)
                self.goal_function.victim.empty_structure(AttackedText(columns).tokenizer_input)
            except InvalidInputError as error:
                raise InvalidInputError(f"example {position} of the dataset: {error}") from error

    def filter_transformations(
        self,
        transformed_texts: list[StructuredText],
        current_text: StructuredText,
        original_text: StructuredText | None = None,
    ) -> list[StructuredText]:
        """Drop candidates that changed nothing; the order stays that of the transformation."""
        return [text for text in transformed_texts if text != current_text]

    def _confirmed(self, result: GoalFunctionResult) -> bool:
        text: StructuredText = result.attacked_text
        if not self.transformation.budget.allows(text.structure):
            raise AssertionError(f"the search left its budget: {text.structure}")
        confirmed: bool = self.goal_function.is_reached_by(text)
        if not confirmed:
            logger.warning("a success did not survive a fresh forward pass; counted as failed")
        return confirmed
