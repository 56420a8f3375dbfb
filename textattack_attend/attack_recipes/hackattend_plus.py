"""HackAttend+, which masks all matrices at once, within the budget of HackAttend."""

from __future__ import annotations

from textattack.attack_recipes import AttackRecipe
from textattack.models.wrappers import ModelWrapper

from ..attacks.attack import StructureAttack
from ..attacks.goals import goal_function, margin_loss
from ..attacks.search import ReselectionSearch
from ..attacks.transformations import Reselection
from ..structures import Budget
from .registry import attack


@attack("hackattend-plus")
class HackAttendPlus(AttackRecipe):
    """HackAttend with all attention matrices masked at once and chosen anew, round by round.

    It extends Liong et al. (2024). Unveiling Vulnerability of Self-Attention. LREC-COLING 2024.

    https://arxiv.org/abs/2402.16470
    """

    @staticmethod
    def build(
        model_wrapper: ModelWrapper,
        *,
        mask_fraction: float = 0.01,
        rounds: int = 15,
        decay: float = 0.5,
        growth: int = 1,
        prune: bool = True,
        spare_first_token: bool = True,
        choice_budget: str = "per_matrix",
        target_class: int | None = None,
        precision: str | None = None,
    ) -> StructureAttack:
        """Builds HackAttend+.

        Args:
            model_wrapper: TextAttack's `HuggingFaceModelWrapper`, or an `AttentionModelWrapper`.
            mask_fraction: the share of a matrix's attackable units that may be masked (alpha).
            rounds: the most rounds, in each of which the units are chosen anew.
            decay: the share of earlier rounds in the average effect of a unit, in [0, 1).
            growth: the rounds over which the masked units grow to the budget; 1 for all at once.
            prune: whether to drop matrices from a success while the prediction stays wrong.
            spare_first_token: whether never to mask the row and column of [CLS] or <s>.
            choice_budget: the budget for multiple choice: "per_matrix" counts the units of each
                choice's matrix by itself, "released" as the released code does; see `Budget`.
            target_class: the class to reach; None for any wrong class.
            precision: the precision of the search, "float32", "bfloat16" or "float16"; None for
                the wrapper's. A success is confirmed in the model's own precision.

        Raises:
            UnsupportedModelError: the victim cannot be attacked.
            InvalidInputError: an option is outside its range.
        """
        goal = goal_function(model_wrapper, target_class, precision, margin_loss)
        budget = Budget(mask_fraction, spare_first_token, choice_budget)
        transformation = Reselection(budget, decay, growth)
        return StructureAttack(goal, transformation, ReselectionSearch(rounds, prune))
