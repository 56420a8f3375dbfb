"""A model that was trained with a defense, as its card says."""

from __future__ import annotations

from typing import Any

from ...checkpoints.card import Card
from .attention_model_wrapper import AttentionModelWrapper


class DefendedModelWrapper(AttentionModelWrapper):
    """An `AttentionModelWrapper` that knows how its model was trained; TextAttack says it, too.

    Args:
        card: of the model.
        arguments: of `AttentionModelWrapper`.
    """

    def __init__(self, card: Card, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.card = card

    @property
    def defense(self) -> str:
        """The method and its settings, as ``s-attend (alpha=0.2, granularity=unit)``."""
        settings = ", ".join(f"{name}={value}" for name, value in self.card.options.items())
        return f"{self.card.defense} ({settings})" if settings else self.card.defense

    def with_precision(self, precision: str) -> DefendedModelWrapper:
        """The same model, searched in another precision."""
        return DefendedModelWrapper(
            self.card, self.model, self.tokenizer, **self.options(precision)
        )
