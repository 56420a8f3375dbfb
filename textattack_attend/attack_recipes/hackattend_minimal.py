"""HackAttend-Minimal, which masks as few units of the whole model as flip the prediction."""

from __future__ import annotations

from textattack.attack_recipes import AttackRecipe
from textattack.models.wrappers import ModelWrapper

from ..attacks.attack import StructureAttack
from ..attacks.goals import goal_function, margin_loss
from ..attacks.search import FewestUnitsSearch
from ..attacks.transformations import WholeModelReselection
from .registry import attack


@attack("hackattend-minimal")
class HackAttendMinimal(AttackRecipe):
    """Searches for the fewest attention units of the whole model whose masking flips a prediction.

    Every unit of a success is needed: if any one is opened, the prediction is right again. So the
    units read as an explanation: these links carry the decision.

    It extends Liong et al. (2024). Unveiling Vulnerability of Self-Attention. LREC-COLING 2024.

    https://arxiv.org/abs/2402.16470
    """

    @staticmethod
    def build(
        model_wrapper: ModelWrapper,
        *,
        rounds: int = 60,
        decay: float = 0.5,
        spare_first_token: bool = True,
        target_class: int | None = None,
        precision: str | None = None,
    ) -> StructureAttack:
        """Builds HackAttend-Minimal.

        Args:
            model_wrapper: TextAttack's `HuggingFaceModelWrapper`, or an `AttentionModelWrapper`.
            rounds: the most rounds in which fewer units are chosen anew.
            decay: the share of earlier rounds in the average effect of a unit, in [0, 1).
            spare_first_token: whether never to mask the row and column of [CLS] or <s>.
            target_class: the class to reach; None for any wrong class.
            precision: the precision of the search, "float32", "bfloat16" or "float16"; None for
                the wrapper's. A success is confirmed in the model's own precision.

        Raises:
            UnsupportedModelError: the victim cannot be attacked.
            InvalidInputError: an option is outside its range.
        """
        goal = goal_function(model_wrapper, target_class, precision, margin_loss)
        transformation = WholeModelReselection(spare_first_token, decay)
        return StructureAttack(goal, transformation, FewestUnitsSearch(rounds))
