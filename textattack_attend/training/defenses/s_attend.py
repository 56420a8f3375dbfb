"""S-Attend (Liong et al. 2024, section 7), which masks random attention in every training step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...attention import masked_at_random
from .defense_trainer import DefenseTrainer
from .options import SAttend


class SAttendTrainer(DefenseTrainer[SAttend]):
    """Masks other random units, or tokens, in every step, but none in evaluation.

    The context spans the backward pass, in which layers with gradient checkpoints run again; torch
    then repeats their draws.
    """

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch with some of its attention masked, and returns the loss."""
        alpha = self.alpha
        if alpha == 0:
            return self.plain_step(model, inputs, items)
        options = self.defense
        tokens = self._drawn_tokens(inputs, alpha) if options.granularity == "token" else None
        with masked_at_random(
            self.bare(model),
            alpha,
            tokens=tokens,
            layers=options.layers or None,
            heads=options.heads or None,
        ):
            return self.plain_step(model, inputs, items)

    @property
    def alpha(self) -> float:
        """The probability of masking in the present step."""
        growth = self.defense.growth
        return self.defense.alpha * (min(1.0, self.progress / growth) if growth else 1.0)

    def _drawn_tokens(self, inputs: dict[str, Any], alpha: float) -> Tensor:
        """Draws the tokens to mask, bool (B, T), a row for each choice, without special tokens."""
        ids: Tensor = inputs["input_ids"].flatten(0, -2).to(self.args.device)
        tokenizer: Any = self.processing_class
        special = torch.tensor(tokenizer.all_special_ids, device=ids.device)
        return (torch.rand(ids.shape, device=ids.device) < alpha) & ~torch.isin(ids, special)
