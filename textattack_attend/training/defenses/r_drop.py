"""R-Drop (Liang et al. 2021, Algorithm 1): two dropout masks must lead to one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from ...errors import require_number
from .defense_trainer import DefenseTrainer
from .halves import divergence, repeated
from .options import Defense, option
from .registry import register_defense


@dataclass(frozen=True)
class RDrop(Defense):
    """R-Drop (Liang et al. 2021): two passes with different dropout are drawn together.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "r-drop"

    weight: float = option(1.0, "The weight of the divergence of the two answers.")

    def __post_init__(self) -> None:
        require_number("weight", self.weight, "[0, inf)")


class RDropTrainer(DefenseTrainer[RDrop]):
    """Trains on each text twice, with other dropout, and on the divergence of the two answers.

    The cross-entropies are averaged, as in the authors' code; the paper adds them (equation 2),
    which amounts to half the weight.
    """

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch that is repeated, and returns the loss with the divergence."""
        weight = self.defense.weight
        items = None if items is None else 2 * items
        return self.step_with(
            model, repeated(inputs), items, lambda output: weight * divergence(output.logits)
        )


register_defense(RDrop, RDropTrainer)
