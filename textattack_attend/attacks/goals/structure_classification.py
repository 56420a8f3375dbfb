"""Classification goals judged on (text, structure) instead of text alone."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
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

from ...attention import ForwardPass, Visit, chooses
from ...data.texts import Text
from ...errors import InvalidInputError, described, require_whole_number
from ...models.wrappers import AttentionModelWrapper
from ...structures import Structure
from ...victims.victim import Reading, Victim
from ..structured_text import StructuredText
from .result import StructureGoalFunctionResult

Objective = Callable[[Tensor, Tensor], Tensor]
"""A function from logits (1, C) and a class (1,) to a scalar, higher the less likely the class."""


def lead_of_the_others(logits: Tensor, label: Tensor) -> Tensor:
    """Computes the lead of the best other logit over that of the class, a scalar."""
    own = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, label[:, None], True)
    return logits.masked_fill(own, -torch.inf).amax() - logits[own].sum()


class StructureGoalFunction(ClassificationGoalFunction):
    """A goal that is judged under structures; it counts queries and gradient passes.

    Args:
        model_wrapper: the victim's wrapper.
        precision: the precision of the search, see `Victim`; None for the wrapper's own.
        objective: the function whose gradient is taken.

    Attributes:
        num_queries: the number of evaluated (text, structure) pairs of the current example, the
            clean one and importance probes included.
        num_gradient_passes: the number of backward passes over the current example.
    """

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
        self.num_gradient_passes = 0
        self._reading: Reading | None = None
        self._answers: dict[Structure, Tensor] = {}
        self._passes: dict[Structure, ForwardPass] = {}

    def _goal_function_result_type(self) -> type[GoalFunctionResult]:
        return StructureGoalFunctionResult

    @property
    def victim(self) -> Victim:
        """The victim behind the wrapper."""
        victim: Victim = self.model.victim
        return victim

    def for_example(self, text: Text, label: int) -> Self:
        """Returns a copy of the goal for one example, with counts and answers of its own.

        Raises:
            InvalidInputError: the label is not one of the model's classes or of the choices.
        """
        self.require_labels(text, label)
        own = copy.copy(self)
        own.ground_truth_output = label
        own.num_queries = own.num_gradient_passes = 0
        own._answers, own._passes = {}, {}
        return own

    def begin(self, text: StructuredText, reading: Reading) -> None:
        """Takes the reading of the clean text, from which all queries of the example start.

        Its logits are those of the text alone: the reading shares a batch with other texts.
        """
        self._reading = reading
        self._passes = {text.structure: reading.clean}
        self.tell(text.structure, self.victim.logits_alone(text.tokenizer_input))

    @property
    def reading(self) -> Reading:
        """The clean reading of the example."""
        assert self._reading is not None, "no example was begun"
        return self._reading

    def require_labels(self, text: Text, label: int) -> None:
        """Raises InvalidInputError for a label outside the model's classes or the choices."""
        require_label(label, self.victim.num_classes(text))

    def knows(self, structure: Structure) -> bool:
        """Returns whether the logits under a structure are known."""
        return structure in self._answers

    def tell(self, structure: Structure, logits: Tensor) -> None:
        """Takes logits (C,) that were computed together with those of other examples."""
        self._answers[structure] = logits

    def keep(self, structure: Structure, forward_pass: ForwardPass) -> None:
        """Takes a forward pass under a structure, until it is captured or another one comes."""
        self.tell(structure, forward_pass.logits.float().cpu())
        self._passes = {structure: forward_pass}

    def each_layer(self, text: StructuredText, visit: Visit, *, gradients: bool) -> None:
        """Shows the attention of a text under its structure, layer by layer.

        A gradient pass is counted; the attention alone comes with the query.

        Args:
            text: the text.
            visit: a function that takes the number and the capture of a layer, see
                `ForwardPass.each_layer`.
            gradients: whether the captures have the gradient of the goal.
        """
        self.num_gradient_passes += gradients
        known = self._passes.pop(text.structure, None)
        if known is None:
            (known,) = self.victim.forward_passes(
                [text.tokenizer_input], [text.structure], [self.loss if gradients else None]
            )
        known.each_layer(visit)

    @abstractmethod
    def loss(self, logits: Tensor) -> Tensor:
        """Computes, from logits (1, C), the scalar that the attack raises."""

    @abstractmethod
    def margin(self, result: GoalFunctionResult) -> float:
        """Returns the distance of a result from the goal in logits, negative for a success."""

    def judged_again(self, text: StructuredText) -> GoalFunctionResult:
        """Returns the result of a text under its structure by a forward pass that reuses nothing.

        The pass is the referee's, not the attack's, so it is not counted as a query.
        """
        alone = self.victim.logits_alone(text.tokenizer_input, text.structure)
        output = _probabilities(alone[None])[0]
        return self._goal_function_result_type()(
            text,
            output,
            self._get_displayed_output(output),
            self._get_goal_status(output, text),
            self._get_score(output, text),
            self.num_queries,
            self.ground_truth_output,
        )

    def _structure_of(self, text: AttackedText) -> Structure:
        if isinstance(text, StructuredText):
            return text.structure
        return self.victim.empty_structure(text.tokenizer_input)

    def _call_model_uncached(self, attacked_text_list: Sequence[AttackedText]) -> Tensor:
        if not attacked_text_list:
            return torch.empty(0)
        if self._reading is None:  # outside an attack, as in TextAttack's interactive mode
            texts = [text.tokenizer_input for text in attacked_text_list]
            structures = list(map(self._structure_of, attacked_text_list))
            return _probabilities(self.victim.logits(texts, structures))
        structures = [text.structure for text in attacked_text_list]
        missing = [structure for structure in structures if not self.knows(structure)]
        if missing:
            logits = self.victim.logits_from([(self._reading, s) for s in missing])
            self._answers.update(zip(missing, logits, strict=True))
        return _probabilities(torch.stack([self._answers[structure] for structure in structures]))


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
        if not chooses(self.victim.model):  # how many choices there are, a text tells
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


def require_label(label: Any, classes: int, what: str = "label") -> None:
    """Refuses a label that is no class.

    Args:
        label: the class, counted from 0.
        classes: the number of classes.
        what: the name of the label in the message.

    Raises:
        InvalidInputError: the label is no whole number, or outside the classes.
    """
    if not isinstance(label, int | np.integer) or isinstance(label, bool):
        raise InvalidInputError(
            f"{what}: expected the number of a class, 0 to {classes - 1}, got {described(label)}; "
            "give that number as an int"
        )
    if not 0 <= label < classes:
        raise InvalidInputError(
            f"{what} {label!r}: expected one of the model's {classes} classes, "
            f"0 to {classes - 1}; check the dataset's label order"
        )


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
        r"LMHeadModel|ForConditionalGeneration)$",
    ]
