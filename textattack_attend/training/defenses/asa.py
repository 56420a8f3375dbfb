"""ASA (Wu & Zhao 2023), adversarial self-attention: an adversary masks units in training.

In every layer a small network proposes the units to mask. It raises the divergence of the masked
answer from the clean one, and pays for every masked unit; the model lowers that divergence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...attention import family_of
from ...attention.forwards import Forward
from ...attention.softmax import BiasedSoftmax, far_below, softmax_modes
from ...errors import require_number
from .companion import CompanionTrainer
from .gradient_reversal import with_reversed_gradient
from .halves import IGNORED, divergence, repeated
from .options import Defense, option
from .registry import register_defense
from .stacks import require_one_stack

CLOSED = -10000.0
"""The bias of a masked unit, as in the authors' code: it also scales the adversary's gradient."""


@dataclass(frozen=True)
class ASA(Defense):
    """ASA (Wu & Zhao 2023): an adversary masks the units that change the answer most.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "asa"

    temperature: float = option(
        0.5, "The temperature, whose square the adversary pays for each masked unit."
    )

    def __post_init__(self) -> None:
        require_number("temperature", self.temperature, "[0, inf)")


class Adversary(nn.Module):
    """Proposes the units of one layer to leave open, the same for all heads.

    Args:
        size: the size of the hidden states.
        deviation: the standard deviation of the initial weights.
    """

    def __init__(self, size: int, deviation: float) -> None:
        super().__init__()
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        for layer in (self.query, self.key):
            nn.init.normal_(layer.weight, 0.0, deviation)
            nn.init.zeros_(layer.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Returns 1 for open units and 0 for masked ones, (B, T, T), from states (B, T, D).

        The gradient is that of a sigmoid, with the sign reversed.
        """
        keys = self.key(hidden).transpose(-1, -2)
        scores = self.query(hidden) @ keys / math.sqrt(hidden.shape[-1])
        soft = scores.sigmoid()
        hard = (scores > 0).to(soft.dtype)
        return with_reversed_gradient((hard - soft).detach() + soft)


class ASATrainer(CompanionTrainer[ASA]):
    """Trains on each text, and on the divergence of its answer under the adversary's masks.

    The authors' code adds noise and subtracts it again; so the adversary draws nothing here either.
    It counts the units of padding as open; here they have no part.
    """

    def made_companion(self, model: PreTrainedModel) -> nn.Module:
        """Returns the adversaries, one for each layer.

        Raises:
            UnsupportedModelError: the model has an encoder and a decoder.
        """
        require_one_stack("asa", model)
        family = family_of(model)
        size = int(model.config.hidden_size)
        deviation = float(getattr(model.config, "initializer_range", 0.02))
        layers = len(family.attention_modules(model))
        return nn.ModuleList([Adversary(size, deviation) for _ in range(layers)])

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains model and adversaries on a batch, and returns the loss with the divergence."""
        twice = repeated(self._prepare_inputs(inputs))
        labels = twice["labels"].clone()
        labels[len(labels) // 2 :] = IGNORED  # the masked texts have no part in the task's loss
        twice["labels"] = labels
        real = twice["attention_mask"].flatten(0, -2).bool()
        family = family_of(self.bare(model))
        modules = family.attention_modules(self.bare(model))
        companion: Any = self.companion
        masking = [_SecondHalf(adversary, real, self.precision) for adversary in companion]

        def term(output: Any) -> Tensor:
            open_units = torch.stack([layer.open_units for layer in masking]).sum()
            price = self.defense.temperature**2 * open_units
            # The price teaches the adversary alone; it is no loss of the model.
            return divergence(output.logits) + price - price.detach()

        with softmax_modes(modules, dict(enumerate(masking)), family.extra_keys):
            loss = self.step_with(model, twice, items, term)
        self.train_companion()
        return loss


class _SecondHalf(BiasedSoftmax):
    """Masks in the second half of a batch the units that an adversary closes in one layer.

    Attributes:
        open_units: the mean number of units of a text that the adversary left open, with its graph.
    """

    open_units: Tensor
    _hidden: Tensor

    def __init__(self, adversary: nn.Module, real: Tensor, precision: torch.dtype) -> None:
        self.adversary = adversary
        self.real = real
        self.precision = precision

    def over(self, forward: Forward) -> Forward:
        """Returns a forward that runs under this mode, and keeps the states that it reads."""
        under_this_mode = super().over(forward)

        def keep_and_run(*args: Any, **kwargs: Any) -> Any:
            tensors = (each for each in (*args, *kwargs.values()) if isinstance(each, Tensor))
            self._hidden = next(tensors)
            return under_this_mode(*args, **kwargs)

        return keep_and_run

    def bias(self, like: Tensor, mask: Tensor | None, keys: int) -> Tensor:
        """Returns a bias of zero for the first half, and of the adversary's for the second."""
        half = len(like) // 2
        is_open = self.adversary(self._hidden[half:].detach().to(self.precision))
        visible = self._visible(mask, len(like))[half:]
        self.open_units = (is_open * visible).sum() / half
        closed = (CLOSED * (1 - is_open)).to(like.dtype)[:, None]
        return torch.cat([torch.zeros_like(closed), closed])

    def _visible(self, mask: Tensor | None, rows: int) -> Tensor:
        """Returns the units that the model itself leaves open, bool (2B, T, T)."""
        real = self.real[:, :, None] & self.real[:, None, :]
        if mask is None:
            return real
        seen = (mask > far_below(mask.dtype)).any(1)
        return real & seen.expand(rows, *real.shape[1:])


register_defense(ASA, ASATrainer)
