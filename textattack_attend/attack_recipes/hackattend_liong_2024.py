"""HackAttend (Unveiling Vulnerability of Self-Attention)."""

from __future__ import annotations

from textattack.attack_recipes import AttackRecipe
from textattack.models.wrappers import ModelWrapper

from ..attacks.attack import StructureAttack
from ..attacks.goals import goal_function
from ..attacks.search import GreedyMatrixSearch
from ..attacks.transformations import AttentionUnitMasking
from ..structures import Budget
from .registry import attack


@attack("hackattend")
class HackAttendLiong2024(AttackRecipe):
    """Masks the units with the highest gradients, matrix after matrix, until the class changes.

    Liong, K. J., Wu, H., & Zhao, H. (2024).

    Unveiling Vulnerability of Self-Attention. LREC-COLING 2024.

    https://arxiv.org/abs/2402.16470
    """

    @staticmethod
    def build(
        model_wrapper: ModelWrapper,
        *,
        mask_fraction: float = 0.01,
        max_layers: int = 12,
        max_heads: int = 12,
        ranking: str = "probability_gradient",
        importance: str = "probability",
        accumulate: bool = True,
        spare_first_token: bool = True,
        choice_budget: str = "per_matrix",
        target_class: int | None = None,
        seed: int | None = None,
        precision: str | None = None,
    ) -> StructureAttack:
        """Builds HackAttend at full scale.

        Args:
            model_wrapper: TextAttack's `HuggingFaceModelWrapper`, or an `AttentionModelWrapper`.
            mask_fraction: the share of a matrix's attackable units that may be masked (alpha).
            max_layers: the most layers to search; more than the model has means all.
            max_heads: the most heads of each layer to search.
            ranking: the order of a matrix's units: "probability_gradient", by which the released
                code computes the tables; "score_gradient", which the paper's text describes;
                "first_order", "attention" or "random".
            importance: the order of layers and heads, "probability" or "random".
            accumulate: whether to keep earlier masks, as the released code does. The paper's text
                is not clear; without it the attack hardly succeeds on single sentences.
            spare_first_token: whether never to mask the row and column of [CLS] or <s>, as the
                released code; the paper's text does not exclude them.
            choice_budget: the budget for multiple choice: "per_matrix" counts the units of each
                choice's matrix by itself, "released" as the released code does; see `Budget`.
            target_class: the class to reach; None for any wrong class.
            seed: the seed of random orders; None follows TextAttack's ``--random-seed``.
            precision: the precision of the search, "float32", "bfloat16" or "float16"; None for
                the wrapper's. A success is confirmed in the model's own precision.

        Raises:
            UnsupportedModelError: the victim cannot be attacked.
            InvalidInputError: an option is outside its range.
        """
        goal = goal_function(model_wrapper, target_class, precision)
        budget = Budget(mask_fraction, spare_first_token, choice_budget)
        transformation = AttentionUnitMasking(budget, ranking, seed)
        search_method = GreedyMatrixSearch(max_layers, max_heads, importance, accumulate, seed)
        return StructureAttack(goal, transformation, search_method)
