"""Classification goals judged on (text, structure) instead of text alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from textattack.goal_function_results import GoalFunctionResult
from textattack.goal_functions import (
    ClassificationGoalFunction,
    TargetedClassification,
    UntargetedClassification,
)
from textattack.models.wrappers import ModelWrapper
from textattack.shared import AttackedText, validators
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..attention import AttentionCapture, CleanPass
from ..errors import InvalidInputError
from ..models.wrappers import AttentionModelWrapper
from ..shared import StructuredText
from ..victim import Victim


class StructureGoalFunction(ClassificationGoalFunction):
    """What both goals share: queries with structures, gradients, and their counts.

    Attributes:
        num_queries: evaluated (text, structure) pairs of the current example, the clean one and
            importance probes included.
        num_gradient_passes: forward and backward passes over the current example, apart.
    """

    def __init__(self, model_wrapper: ModelWrapper, **options: Any) -> None:
        super().__init__(AttentionModelWrapper.of(model_wrapper), **options)
        self.num_gradient_passes = 0
        self._clean: CleanPass | None = None

    @property
    def victim(self) -> Victim:
        """The victim behind the wrapper."""
        victim: Victim = self.model.victim
        return victim

    def init_attack_example(
        self, attacked_text: StructuredText, ground_truth_output: int
    ) -> tuple[GoalFunctionResult, bool]:
        """Reset the counts and judge the clean text.

        Raises:
            InvalidInputError: the label is not one of the model's classes.
        """
        self.require_label(ground_truth_output)
        self.num_gradient_passes = 0
        self._clean = self.victim.clean_pass(attacked_text.tokenizer_input)
        result: tuple[GoalFunctionResult, bool] = super().init_attack_example(
            attacked_text, ground_truth_output
        )
        return result

    def require_label(self, label: int, what: str = "label") -> None:
        """Raises InvalidInputError for a label outside the model's classes."""
        classes = self.victim.num_labels
        if not isinstance(label, int) or not 0 <= label < classes:
            raise InvalidInputError(
                f"{what} {label!r}: expected one of the model's {classes} classes, "
                f"0 to {classes - 1}; check the dataset's label order"
            )

    def capture(self, text: StructuredText, *, gradients: bool) -> AttentionCapture:
        """The attention of the clean text, with the gradient of the goal if asked.

        A gradient pass is counted; the attention alone comes with the clean query.
        """
        self.num_gradient_passes += gradients
        return self.victim.capture(text.tokenizer_input, self.loss if gradients else None)

    @abstractmethod
    def loss(self, logits: Tensor) -> Tensor:
        """What the attack wants to grow, from logits (1, C) to a scalar."""

    def is_reached_by(self, text: StructuredText) -> bool:
        """Judge again with a forward pass that reuses nothing; the referee's, so not counted."""
        logits = self.victim.logits([text.tokenizer_input], [text.structure])
        return bool(self._is_goal_complete(_probabilities(logits)[0], text))

    def clear_cache(self) -> None:
        """Forget the current example."""
        super().clear_cache()
        self._clean = None

    def _call_model_uncached(self, attacked_text_list: Sequence[AttackedText]) -> Tensor:
        if not attacked_text_list:
            return torch.empty(0)
        texts = [text.tokenizer_input for text in attacked_text_list]
        if self._clean is None:  # outside an attack, as in TextAttack's interactive mode
            return _probabilities(self.victim.logits(texts))
        structures = [text.structure for text in attacked_text_list]
        return _probabilities(
            self.victim.logits_from(self._clean, texts[0], structures, self.batch_size)
        )


def _probabilities(logits: Tensor) -> Tensor:
    """Softmax, float64 (B, C).

    In double precision, as a confident model's probabilities tie at 1 in single precision; and
    always, as TextAttack takes logits that happen to sum to 1 for probabilities.
    """
    return logits.double().softmax(-1)


class UntargetedStructureClassification(StructureGoalFunction, UntargetedClassification):
    """Any wrong class."""

    def loss(self, logits: Tensor) -> Tensor:
        """Cross-entropy at the true class."""
        return cross_entropy(logits, _index(self.ground_truth_output, logits))


class TargetedStructureClassification(StructureGoalFunction, TargetedClassification):
    """One given class.

    Args:
        model_wrapper: the victim's wrapper.
        target_class: the class that the victim shall predict.

    Raises:
        InvalidInputError: the target is not one of the model's classes.
    """

    def __init__(self, model_wrapper: ModelWrapper, target_class: int, **options: Any) -> None:
        super().__init__(model_wrapper, target_class=target_class, **options)
        self.require_label(target_class, what="target_class")

    def loss(self, logits: Tensor) -> Tensor:
        """Minus the cross-entropy at the target class."""
        return -cross_entropy(logits, _index(self.target_class, logits))


def _index(label: int, logits: Tensor) -> Tensor:
    return torch.tensor([label], device=logits.device)


# TextAttack warns at goal functions that its table of compatible models does not know.
for _ours, _stock in (
    (UntargetedStructureClassification, UntargetedClassification),
    (TargetedStructureClassification, TargetedClassification),
):
    validators.MODELS_BY_GOAL_FUNCTION[_ours] = validators.MODELS_BY_GOAL_FUNCTION[_stock]
