"""Model wrappers, under TextAttack's own name for them."""

from .attention_model_wrapper import AttentionModelWrapper
from .multiple_choice import multiple_choice_wrapper, scores_choices

__all__ = ["AttentionModelWrapper", "multiple_choice_wrapper", "scores_choices"]
