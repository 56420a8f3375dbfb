"""S-Attend (Liong et al. 2024, section 7), which masks random attention in every training step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...attention import masked_at_random
from ...errors import require_one_of, require_share, require_whole_number
from .defense_trainer import DefenseTrainer
from .options import RELEASED, Presets, WithPresets, option
from .registry import register_defense

GRANULARITIES = ("unit", "token")


@dataclass(frozen=True)
class SAttend(WithPresets):
    """S-Attend (Liong et al. 2024, section 7): attention masked by chance in training.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "s-attend"
    presets: ClassVar[Presets] = {RELEASED: {"granularity": "token"}}

    alpha: float = option(0.2, "The chance that a unit, or a token, is masked, in [0, 1).")
    granularity: str = option(
        "unit",
        "Masks are drawn by unit (the paper), or by token for all layers (its released code).",
    )
    growth: float = option(0.0, "The share of the steps over which alpha grows from 0.")
    layers: tuple[int, ...] = option((), "The layers that are masked, as 0,1,2.  [default: all]")
    heads: tuple[int, ...] = option((), "The heads that are masked, as 0,1,2.  [default: all]")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share("alpha", self.alpha, "[0, 1)")
        require_share("growth", self.growth, "[0, 1)")
        require_one_of("granularity", self.granularity, GRANULARITIES)
        for name in ("layers", "heads"):
            for number in getattr(self, name):
                require_whole_number(name, number, at_least=0)


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


register_defense(SAttend, SAttendTrainer)
