"""The wrapper of a model that was trained here, with a defense or without one."""

from __future__ import annotations

from typing import Any

from ...checkpoints.card import Card
from .attention_model_wrapper import AttentionModelWrapper


class DefendedModelWrapper(AttentionModelWrapper):
    """An `AttentionModelWrapper` whose model has a card, which says how it was trained.

    Args:
        card: the card of the model.
        arguments: positional arguments of `AttentionModelWrapper`.
        options: keyword arguments of `AttentionModelWrapper`.
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
        """Returns a wrapper over the same model whose search has another precision."""
        return DefendedModelWrapper(
            self.card, self.model, self.tokenizer, **self.options(precision)
        )
