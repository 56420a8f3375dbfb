"""Classification goals judged on (text, structure) instead of text alone."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from textattack.goal_function_results import GoalFunctionResult
from textattack.goal_functions import (
    ClassificationGoalFunction,
    GoalFunction,
    TargetedClassification,
    UntargetedClassification,
)
from textattack.models.wrappers import ModelWrapper
from textattack.shared import AttackedText, validators
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...attention import Loss, is_multiple_choice
from ...data.texts import Text
from ...errors import require_whole_number
from ...models.wrappers import AttentionModelWrapper
from ...structures import Structure
from ...victims.encoding import EncodedText
from ...victims.victim import Victim
from ..structured_text import StructuredText
from .labels import require_label
from .objective import Objective
from .result import StructureGoalFunctionResult

Judge = Callable[[], tuple[list[GoalFunctionResult], bool]]
"""Judges the texts of a query; the results, and whether the query budget is spent."""
QueryWatcher = Callable[[GoalFunction, Sequence[Any], Judge], Any]
"""Answers a query to a goal function in its place: takes it, the texts, and what judges them."""


class StructureGoalFunction(ClassificationGoalFunction):
    """Judges what a victim answers to texts under structures, and counts the queries.

    Args:
        model_wrapper: the victim's wrapper.
        precision: the precision of the search, see `Victim`; None for the wrapper's own.
        objective: the function whose gradient is taken.

    Attributes:
        num_queries: evaluated (text, structure) pairs of the current example, the clean one and
            importance probes included.
        watcher: answers in place of `get_results`, if there is one.
    """

    watcher: QueryWatcher | None = None

    def __init__(
        self,
        model_wrapper: ModelWrapper,
        precision: str | None = None,
        objective: Objective = cross_entropy,
        **options: Any,
    ) -> None:
        options.setdefault("use_cache", False)  # nothing is evaluated twice as it is
        super().__init__(AttentionModelWrapper.of(model_wrapper, precision), **options)
        self.objective = objective

    def _goal_function_result_type(self) -> type[GoalFunctionResult]:
        return StructureGoalFunctionResult

    @property
    def victim(self) -> Victim:
        """The victim behind the wrapper."""
        victim: Victim = self.model.victim
        return victim

    def for_example(self, text: Text, label: int) -> Self:
        """Returns the same goal with a count of its own, for one example.

        Raises:
            InvalidInputError: the label is not one of the model's classes or of the choices.
        """
        self.require_labels(text, label)
        own = copy.copy(self)
        own.ground_truth_output = label
        own.num_queries = 0
        return own

    def require_labels(self, text: Text, label: int) -> None:
        """Raises InvalidInputError for a label outside the model's classes or the choices."""
        require_label(label, self.victim.num_classes(text))

    def init_attack_example(
        self, attacked_text: AttackedText, ground_truth_output: int, logits: Tensor | None = None
    ) -> tuple[GoalFunctionResult, bool]:
        """Judges the clean text of an example, and begins to count its queries.

        Args:
            attacked_text: the text.
            ground_truth_output: the class of the text.
            logits: the logits (1, C) of the text; by default the victim is asked.
        """
        self.initial_attacked_text = attacked_text
        self.ground_truth_output = ground_truth_output
        self.num_queries = 0
        result, over = self.get_result(attacked_text, check_skip=True, logits=logits)
        return result, over

    def get_results(
        self,
        attacked_text_list: Sequence[AttackedText],
        check_skip: bool = False,
        logits: Tensor | None = None,
    ) -> tuple[list[GoalFunctionResult], bool]:
        """Judges texts, as many as the query budget allows, and counts them as queries.

        Args:
            attacked_text_list: B texts.
            check_skip: whether a text that reaches the goal is to be skipped.
            logits: the logits (B, C) of the texts; by default the victim is asked.

        Returns:
            The results, and whether the query budget is spent.
        """
        judge = partial(self._results, attacked_text_list, check_skip, logits)
        if self.watcher is None:
            return judge()
        results, over = self.watcher(self, attacked_text_list, judge)
        return results, over

    def _results(
        self, texts: Sequence[AttackedText], check_skip: bool, logits: Tensor | None
    ) -> tuple[list[GoalFunctionResult], bool]:
        left = min(self.query_budget - self.num_queries, len(texts))
        texts = texts[: int(left)]
        self.num_queries += len(texts)
        outputs = self._call_model(texts) if logits is None else _probabilities(logits)
        results = [
            self._judged(text, output, check_skip)
            for text, output in zip(texts, outputs, strict=False)
        ]
        return results, self.num_queries == self.query_budget

    def _judged(
        self, text: AttackedText, output: Tensor, check_skip: bool = False
    ) -> GoalFunctionResult:
        """Returns the result of a text from its probabilities (C,)."""
        return self._goal_function_result_type()(
            text,
            output,
            self._get_displayed_output(output),
            self._get_goal_status(output, text, check_skip=check_skip),
            self._get_score(output, text),
            self.num_queries,
            self.ground_truth_output,
        )

    @abstractmethod
    def loss(self, logits: Tensor) -> Tensor:
        """Computes, from logits (1, C), the scalar that the attack raises."""

    def loss_by(self, objective: Objective, toward: int | None) -> Loss:
        """Returns the scalar function of logits (1, C) that an objective makes of them.

        Args:
            objective: the objective.
            toward: the class whose objective is lowered; None to raise that of the label.
        """
        label = self.ground_truth_output if toward is None else toward
        sign = 1 if toward is None else -1
        return lambda logits: sign * objective(logits, _index(label, logits))

    @abstractmethod
    def margin(self, result: GoalFunctionResult) -> float:
        """Returns the distance of a result from the goal in logits, negative for a success."""

    def judged_again(self, text: StructuredText, encoded: EncodedText) -> GoalFunctionResult:
        """Returns the result of a text under its structure by a forward pass that reuses nothing.

        The pass is the referee's, not the attack's, so it is not counted as a query.
        """
        alone = self.victim.logits_alone(encoded, text.structure)
        return self._judged(text, _probabilities(alone[None])[0])

    def _structure_of(self, text: AttackedText) -> Structure:
        if isinstance(text, StructuredText):
            return text.structure
        return self.victim.empty_structure(text.tokenizer_input)

    def _call_model_uncached(self, attacked_text_list: Sequence[AttackedText]) -> Tensor:
        if not attacked_text_list:
            return torch.empty(0)
        texts = [text.tokenizer_input for text in attacked_text_list]
        structures = list(map(self._structure_of, attacked_text_list))
        return _probabilities(self.victim.logits(texts, structures))


def _probabilities(logits: Tensor) -> Tensor:
    """Computes the softmax, float64 (B, C).

    In single precision a confident model's probabilities would tie at 1. TextAttack gets
    probabilities in any case, because it would take logits that happen to sum to 1 for them.
    """
    return logits.double().softmax(-1)


class UntargetedStructureClassification(StructureGoalFunction, UntargetedClassification):
    """The goal of any wrong class."""

    def loss(self, logits: Tensor) -> Tensor:
        """Computes the objective at the true class."""
        return self.objective(logits, _index(self.ground_truth_output, logits))

    def margin(self, result: GoalFunctionResult) -> float:
        """Returns the lead of the true class over the best other one."""
        return _lead(result, self.ground_truth_output)


class TargetedStructureClassification(StructureGoalFunction, TargetedClassification):
    """The goal of one given class.

    Args:
        model_wrapper: the victim's wrapper.
        target_class: the class that the victim is to predict.

    Raises:
        InvalidInputError: the target is not one of the model's classes.
    """

    def __init__(self, model_wrapper: ModelWrapper, target_class: int, **options: Any) -> None:
        require_whole_number("target_class", target_class, at_least=0)
        super().__init__(model_wrapper, target_class=target_class, **options)
        if not is_multiple_choice(self.victim.model):  # how many choices there are, a text tells
            require_label(target_class, self.victim.num_labels, "target_class")

    def require_labels(self, text: Text, label: int) -> None:
        """Raises InvalidInputError for a label or a target outside the classes or the choices."""
        super().require_labels(text, label)
        require_label(self.target_class, self.victim.num_classes(text), "target_class")

    def loss(self, logits: Tensor) -> Tensor:
        """Computes minus the objective at the target class."""
        return -self.objective(logits, _index(self.target_class, logits))

    def margin(self, result: GoalFunctionResult) -> float:
        """Returns the lead of the best other class over the target."""
        return -_lead(result, self.target_class)


def goal_function(
    model_wrapper: ModelWrapper,
    target_class: int | None = None,
    precision: str | None = None,
    objective: Objective = cross_entropy,
) -> StructureGoalFunction:
    """Makes the goal function for a target class, or for any wrong class."""
    if target_class is None:
        return UntargetedStructureClassification(model_wrapper, precision, objective)
    return TargetedStructureClassification(
        model_wrapper, target_class, precision=precision, objective=objective
    )


def _lead(result: GoalFunctionResult, label: int) -> float:
    """Returns the lead of one class's logit over the best of the others."""
    log_probabilities = np.log(np.maximum(result.raw_output, np.finfo(np.float64).tiny))
    return float(log_probabilities[label] - np.delete(log_probabilities, label).max())


def _index(label: int, logits: Tensor) -> Tensor:
    return torch.tensor([label], device=logits.device)


# TextAttack warns at goal functions that its table of compatible models does not know.
for _ours, _stock in (
    (UntargetedStructureClassification, UntargetedClassification),
    (TargetedStructureClassification, TargetedClassification),
):
    validators.MODELS_BY_GOAL_FUNCTION[_ours] = [
        *validators.MODELS_BY_GOAL_FUNCTION[_stock],
        r"^transformers\.models\.\w+\.modeling_\w*\.\w*(ForMultipleChoice|ForCausalLM|"
        r"LMHeadModel|ForConditionalGeneration|ForImageClassification(WithTeacher)?)$",
    ]
