"""Model wrappers, under TextAttack's own name for them."""

from .attention_model_wrapper import AttentionModelWrapper

__all__ = ["AttentionModelWrapper"]
