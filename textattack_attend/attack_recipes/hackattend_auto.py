"""HackAttend-Auto, an ensemble of all attacks on attention, as AutoAttack is one for images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from textattack.attack_recipes import AttackRecipe
from textattack.models.wrappers import ModelWrapper
from torch.nn.functional import cross_entropy

from ..attacks.attack import StructureAttack
from ..attacks.goals import StructureGoalFunction, goal_function, margin_loss
from ..attacks.results import SuccessfulAttackResult
from ..attacks.search import (
    EnsembleSearch,
    GreedyMatrixSearch,
    Member,
    ReselectionSearch,
    SurrogateSearch,
)
from ..attacks.search.surrogate_search import FoundOn
from ..attacks.structured_text import StructuredText
from ..attacks.transformations import AttentionUnitMasking, RandomStartReselection, Reselection
from ..attention import shape_of
from ..errors import InvalidInputError
from ..models.wrappers import wrapper_for
from ..structures import Budget, Structure
from .registry import attack

RESTARTS = 2
"""The number of runs of HackAttend+ that start from random structures."""


@attack("hackattend-auto")
class HackAttendAuto(AttackRecipe):
    """Runs a fixed ensemble of attacks on attention; an example counts as broken if one breaks it.

    Its members, in order: HackAttend+ on the margin, and on the cross-entropy; HackAttend+ toward
    each other class, if there are more than two; HackAttend+ from random structures; HackAttend
    with units ranked by their first-order effect, and as published; and structures that HackAttend+
    finds on surrogates. So its success rate is at least that of each member.

    Croce, F., & Hein, M. (2020). Reliable evaluation of adversarial robustness with an ensemble of
    diverse parameter-free attacks. ICML 2020.

    https://arxiv.org/abs/2003.01690
    """

    @staticmethod
    def build(
        model_wrapper: ModelWrapper,
        *,
        mask_fraction: float = 0.01,
        spare_first_token: bool = True,
        choice_budget: str = "per_matrix",
        surrogates: Sequence[str] = (),
        precision: str | None = None,
    ) -> StructureAttack:
        """Builds the ensemble; nothing but the budget can be set, so that numbers are comparable.

        Args:
            model_wrapper: TextAttack's `HuggingFaceModelWrapper`, or an `AttentionModelWrapper`.
            mask_fraction: the share of a matrix's attackable units that may be masked (alpha).
            spare_first_token: whether never to mask the row and column of [CLS] or <s>.
            choice_budget: the budget for multiple choice: "per_matrix" counts the units of each
                choice's matrix by itself, "released" as the released code does; see `Budget`.
            surrogates: other models of the same shape, by folder or by name on the hub. What
                HackAttend+ finds on one is tried; what it asks there is not counted.
            precision: the precision of the search, "float32", "bfloat16" or "float16"; None for
                the wrapper's. A success is confirmed in the model's own precision.

        Raises:
            UnsupportedModelError: the victim, or a surrogate, cannot be attacked.
            InvalidInputError: an option is outside its range, or a surrogate has another number of
                layers or heads than the victim.
        """
        goal = goal_function(model_wrapper, None, precision, margin_loss)
        budget = Budget(mask_fraction, spare_first_token, choice_budget)
        members = [*_on_the_victim(budget), *_on_surrogates(budget, goal, surrogates)]
        return StructureAttack(goal, members[0].transformation, EnsembleSearch(members))


def _on_the_victim(budget: Budget) -> Iterator[Member]:
    """Yields the members that search on the victim itself."""
    plus = Member(Reselection(budget), ReselectionSearch(), margin_loss)
    yield plus
    yield replace(plus, objective=cross_entropy)
    yield replace(plus, toward_each=True)
    for seed in range(RESTARTS):
        yield replace(plus, transformation=RandomStartReselection(budget, seed))
    for ranking in ("first_order", "probability_gradient"):
        yield Member(AttentionUnitMasking(budget, ranking), GreedyMatrixSearch(), cross_entropy)


def _on_surrogates(
    budget: Budget, goal: StructureGoalFunction, names: Sequence[str]
) -> Iterator[Member]:
    """Yields a member for each surrogate, which tries what is found there."""
    for name in names:
        surrogate = wrapper_for(name, **goal.model.options(goal.victim.precision))
        own, expected = (shape_of(v.model, 1) for v in (surrogate.victim, goal.victim))
        if own.size != expected.size:
            raise InvalidInputError(
                f"surrogates: expected models of the victim's {expected.layers} layers and "
                f"{expected.heads} heads, got {name}, which has {own.layers} and {own.heads}"
            )
        found_on = goal_function(surrogate, objective=margin_loss)
        search = StructureAttack(found_on, Reselection(budget), ReselectionSearch())
        yield Member(Reselection(budget), SurrogateSearch(_found_by(search)), margin_loss)


def _found_by(search: StructureAttack) -> FoundOn:
    """Returns a function that attacks a text, and returns the structure of a success."""

    def found(text: StructuredText, label: int) -> Structure | None:
        result = search.attack(text, label)
        return result.structure if isinstance(result, SuccessfulAttackResult) else None

    return found
