"""Adversarial training with HackAttend structures (ours), which attacks in every step.

All matrices are masked at once, as by HackAttend+: in each, those units whose masking raises the
loss most, to first order, within the attack's budget. The model then learns under that mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, TrainingArguments

from ...attention import family_of, masked_where
from ...attention.recording import Recording, differentiate
from ...attention.softmax import far_below, softmax_modes
from ...errors import (
    InvalidInputError,
    require_one_of,
    require_share,
    require_whole_number,
    require_yes_or_no,
)
from ...rankings.masking_effect import damped, effect_of_masking
from ...rankings.selection import highest
from ...structures.budget import units_within
from .defense_trainer import DefenseTrainer
from .options import CLEAN, Defense, option
from .randomness import Randomness
from .registry import register_defense
from .stacks import require_one_stack

FIRST_TOKENS = ("spared", "attackable", "drawn")


@dataclass(frozen=True)
class HackAttendAT(Defense):
    """Adversarial training with HackAttend structures (ours).

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "hackattend-at"

    alpha: float = option(0.01, "The share of the attackable units of a matrix that is masked.")
    steps: int = option(1, "The number of gradient passes in which units are chosen anew.")
    clean: bool = option(True, CLEAN)
    largest_alpha: float = option(
        0.0, "The largest share; each text draws its own from alpha on, evenly on a log scale."
    )
    first_token: str = option(
        "spared",
        "The row and column of [CLS] are spared, attackable, or drawn to be one of the two.",
    )

    def __post_init__(self) -> None:
        require_share("alpha", self.alpha, "[0, 1)")
        require_share("largest_alpha", self.largest_alpha, "[0, 1)")
        if self.largest_alpha and not 0 < self.alpha <= self.largest_alpha:
            raise InvalidInputError(
                f"largest_alpha: expected 0, or at least alpha, {self.alpha}, which must then be "
                f"above 0, got {self.largest_alpha}"
            )
        require_one_of("first_token", self.first_token, FIRST_TOKENS)
        require_whole_number("steps", self.steps)
        require_yes_or_no("clean", self.clean)


class HackAttendATTrainer(DefenseTrainer[HackAttendAT]):
    """Finds structures by a few gradient passes, and then trains one step under them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        require_one_stack("hackattend-at", self.bare(self.model_wrapped))

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch and on the attacked batch, and returns the mean loss."""
        if self.defense.alpha == 0:
            return self.plain_step(model, inputs, items)
        inputs = self._prepare_inputs(inputs)

        def attack(randomness: Randomness) -> AbstractContextManager[None]:
            return masked_where(self.bare(model), self._attack(model, inputs, randomness))

        randomness = Randomness(self.args.device)
        return self.attacked_step(model, inputs, items, attack, self.defense.clean, randomness)

    def _attack(
        self, model: nn.Module, inputs: dict[str, Any], randomness: Randomness
    ) -> list[Tensor]:
        """Returns the mask of every layer, bool (B, H, T, T), true where a unit is masked."""
        attackable = self._attackable(inputs)
        alphas = self._alphas(len(attackable))
        seen = visible(self.bare(model), attackable.shape[-1])
        masks: list[Tensor] = []
        effects: list[Tensor] = []
        for _ in range(self.defense.steps):
            randomness.repeat()
            found = self._effects(model, inputs, masks)
            earlier: list[Tensor | None] = [*effects] or [None] * len(found)
            effects = [damped(*both) for both in zip(earlier, found, strict=True)]
            masks = [
                selected(effect, attackable & own.to(effect.device), alphas)
                for effect, own in zip(effects, seen, strict=True)
            ]
        return masks

    def _effects(
        self, model: nn.Module, inputs: dict[str, Any], masks: Sequence[Tensor]
    ) -> list[Tensor]:
        """Computes the effect of masking each unit on the loss, to first order, under masks."""
        bare = self.bare(model)
        modules = family_of(bare).attention_modules(bare)
        layers = [Recording() for _ in modules]
        record = softmax_modes(modules, dict(enumerate(layers)))
        autocast: Any = self.compute_loss_context_manager
        with record, masked_where(bare, masks), autocast(), kept_hidden_states(bare, self.args):
            loss = model(**inputs).loss
        effects: dict[int, Tensor] = {}

        def judge(number: int, gradient: Tensor) -> None:
            scores = layers[number].scores
            effects[number] = effect_of_masking(
                scores.float(),
                layers[number].probabilities.float(),
                gradient.float(),
                masks[number] if masks else torch.zeros_like(gradient, dtype=torch.bool),
                scores <= far_below(scores.dtype),
            )

        differentiate(loss, layers, judge)
        return [effects[number] for number in range(len(layers))]

    def _alphas(self, rows: int) -> list[float]:
        """Returns the share of the units of each row that is masked."""
        low, high = self.defense.alpha, self.defense.largest_alpha
        if not high:
            return [low] * rows
        drawn: list[float] = torch.rand(rows).tolist()
        return [low * (high / low) ** share for share in drawn]

    def _attackable(self, inputs: dict[str, Any]) -> Tensor:
        """Returns the attackable units, bool (B, 1, T, T), which may spare a special first token.

        Padding is never attackable.
        """
        tokenizer: Any = self.processing_class
        real: Tensor = inputs["attention_mask"].flatten(0, -2).bool().clone()
        first = inputs["input_ids"].flatten(0, -2)[:, 0]
        special = torch.tensor(tokenizer.all_special_ids, device=first.device)
        spared = torch.isin(first, special)
        if self.defense.first_token == "drawn":
            spared &= (torch.rand(len(real)) < 0.5).to(spared.device)
        if self.defense.first_token != "attackable":
            real[:, 0] &= ~spared
        return real[:, None, :, None] & real[:, None, None, :]


@contextmanager
def kept_hidden_states(model: PreTrainedModel, arguments: TrainingArguments) -> Iterator[None]:
    """Keeps hidden states inside the context: what was recorded is not recorded a second time.

    Args:
        model: the model.
        arguments: those of the trainer, which may let hidden states be computed anew.
    """
    if not model.is_gradient_checkpointing:
        yield
        return
    model.gradient_checkpointing_disable()
    try:
        yield
    finally:
        model.gradient_checkpointing_enable(arguments.gradient_checkpointing_kwargs)


def visible(model: PreTrainedModel, tokens: int) -> list[Tensor]:
    """Returns which keys each query can see in every layer, bool (T, T) each."""
    family = family_of(model)
    layers = len(family.attention_modules(model))
    at = torch.arange(tokens)
    behind = at[None] - at[:, None]  # how far a key is behind its query
    everything = torch.ones(tokens, tokens, dtype=torch.bool)
    found = []
    for reach in family.reach_of(model) or [None] * layers:
        own = everything
        if reach is not None and reach.after is not None:
            own = own & (behind <= reach.after)
        if reach is not None and reach.before is not None:
            own = own & (-behind <= reach.before)
        found.append(own)
    return found


def selected(effects: Tensor, attackable: Tensor, alphas: Sequence[float]) -> Tensor:
    """Chooses in every matrix the attackable units of the highest effects, bool (B, H, T, T).

    Args:
        effects: the effect of masking each unit, float32 (B, H, T, T).
        attackable: which units may be masked, bool (B, 1, T, T).
        alphas: the share of the attackable units of a matrix of each row that is masked; 1 unit at
            least.
    """
    available = attackable.flatten(1).sum(-1).tolist()
    counts = [
        min(units, units_within(alpha, units))
        for alpha, units in zip(alphas, available, strict=True)
    ]
    candidates = effects.masked_fill(~attackable, torch.nan).flatten(2)
    chosen = highest(candidates, torch.tensor(counts, device=effects.device)[:, None, None])
    return chosen.view_as(effects)


register_defense(HackAttendAT, HackAttendATTrainer)
