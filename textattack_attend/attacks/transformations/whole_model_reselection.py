"""The transformation of HackAttend-Minimal, with one budget of units for the whole model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ...attention import AttentionCapture
from ...data.texts import Text
from ...errors import require_share
from ...rankings.masking_effect import DECAY, damped, masking_effect
from ...rankings.selection import highest
from ...structures import Budget, Matrix, Shape, Structure
from .structure_transformation import EachLayer, Effects, Proposal, StructureTransformation


class WholeModelReselection(StructureTransformation):
    """Makes one candidate, which masks the units of greatest first-order effect in the whole model.

    How many units, the proposal before says. Effects are averaged over rounds as by `Reselection`,
    from which this differs in that no matrix has a number of units of its own.

    Args:
        spare_first_token: whether the row and the column of [CLS] or <s> stay untouched.
        decay: the share of the earlier average in the new one, in [0, 1).

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    def __init__(self, spare_first_token: bool = True, decay: float = DECAY) -> None:
        require_share("decay", decay, "[0, 1)")
        super().__init__(Budget(1.0, spare_first_token))
        self.decay = decay

    @property
    def needs_gradient(self) -> bool:
        """True, as every candidate depends on the gradient."""
        return True

    def propose(self, text: Text, before: Proposal, each_layer: EachLayer) -> list[Proposal]:
        """Proposes one structure, of ``before.units`` units."""
        structure = before.structure
        averages: Effects = {}

        def visit(layer: int, capture: AttentionCapture) -> None:
            cells = self.budget.cells(structure.shape, layer)
            effect = masking_effect(capture, structure, layer, cells)
            earlier = before.effects.pop(layer, None)
            averages[layer] = damped(earlier, effect, self.decay)

        each_layer(visit)
        found = strongest(averages, structure.shape, self.budget, before.units)
        return [Proposal(found, before.rounds + 1, averages, units=before.units)]

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["budget", "decay"]


def strongest(effects: Effects, shape: Shape, budget: Budget, units: int) -> Structure:
    """Masks the units of greatest effect in the whole model.

    Of equal effects, those come first that are first by layer, head, query and key.

    Args:
        effects: the effect of each attackable unit of every layer, (H, n).
        shape: the shape of the structure.
        budget: the units that may be masked.
        units: the number of units to mask, at most as many as may be.
    """
    layers = sorted(effects)
    places = [_highest(effects[layer].ravel(), units) for layer in layers]
    values = np.concatenate(
        [effects[n].ravel()[own] for n, own in zip(layers, places, strict=True)]
    )
    chosen = np.zeros(len(values), np.bool_)
    chosen[_highest(values, units)] = True
    masked: dict[Matrix, npt.NDArray[np.int32]] = {}
    ends = np.cumsum([len(own) for own in places])
    for layer, own, mine in zip(layers, places, np.split(chosen, ends[:-1]), strict=True):
        cells = budget.cells(shape, layer)
        heads, at = np.divmod(own[mine], max(1, len(cells)))
        for head in np.unique(heads).tolist():
            masked[layer, head] = cells[at[heads == head]]
    return Structure(shape, masked)


def _highest(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Returns the sorted positions of the highest scores (n,), or all if there are fewer."""
    row = torch.from_numpy(scores)[None]
    chosen = highest(row, torch.tensor([[min(count, len(scores))]]))
    return np.flatnonzero(chosen[0].numpy())
