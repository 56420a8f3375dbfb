"""The transformation of HackAttend+, which chooses the masked units of all matrices anew."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from ...attention import AttentionCapture
from ...data.texts import Text
from ...errors import require_share, require_whole_number
from ...rankings.candidates import highest_cells
from ...rankings.masking_effect import DECAY, damped, masking_effect
from ...structures import Budget, Cells, Matrix, Structure
from .structure_transformation import EachLayer, Effects, Proposal, StructureTransformation

logger = logging.getLogger(__name__)


class Reselection(StructureTransformation):
    """Makes one candidate, which masks the units of greatest first-order effect in every matrix.

    The effect is taken at the structure of the current text, of masked units as of open ones, and
    averaged with what it was in earlier rounds: where all matrices change at once, the gradient at
    one state alone would overshoot. The average travels with the proposal.

    Args:
        budget: the units that may be masked, and their number in a matrix.
        decay: share of the earlier average in the new one, in [0, 1).
        growth: rounds over which the number of units grows to the budget; 1 for all at once.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    def __init__(
        self,
        budget: Budget,
        decay: float = DECAY,
        growth: int = 1,
    ) -> None:
        require_share("decay", decay, "[0, 1)")
        require_whole_number("growth", growth)
        super().__init__(budget)
        self.decay = decay
        self.growth = growth

    @property
    def needs_gradient(self) -> bool:
        """True, as every candidate depends on the gradient."""
        return True

    def propose(self, text: Text, before: Proposal, each_layer: EachLayer) -> list[Proposal]:
        """Proposes one structure, or none where the one before would be chosen again."""
        structure, rounds = before.structure, before.rounds + 1
        averages, latest = self._selection(structure, rounds), self._selection(structure, rounds)

        is_flat = True

        def visit(layer: int, capture: AttentionCapture) -> None:
            nonlocal is_flat
            cells = self.budget.cells(structure.shape, layer)
            effect = masking_effect(capture, structure, layer, cells)
            is_flat &= not effect.any()
            earlier = before.effects.pop(layer, None)
            average = damped(earlier, effect, self.decay)
            averages.add(layer, average)
            # Where the average stands still, the latest effect may go on; a long text has no room
            # for both where it does not.
            if averages.stands_still:
                latest.add(layer, effect)
            else:
                latest.effects.clear()

        each_layer(visit)
        if is_flat:
            logger.warning("the gradient is zero everywhere; no unit seems better than another")
        chosen = latest if averages.stands_still else averages
        found = Structure(structure.shape, chosen.masked)
        if found == structure:
            return []
        return [Proposal(found, rounds, chosen.effects, chosen.gains)]

    def _selection(self, structure: Structure, rounds: int) -> _Selection:
        return _Selection(structure, self.budget, min(1, rounds / self.growth))

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["budget", "decay", "growth"]


class _Selection:
    """The units that have the greatest effect, chosen layer by layer.

    Args:
        current: the structure that is masked so far.
        budget: the units that may be masked, and their number in a matrix.
        share: the share of the budget that is taken, in (0, 1].

    Attributes:
        effects: the effects by which the units were chosen.
        masked: the chosen cells of every matrix.
        gains: the sum of their effects.
        stands_still: true if the choice is the current one in every layer so far.
    """

    def __init__(self, current: Structure, budget: Budget, share: float) -> None:
        self.effects: Effects = {}
        self.masked: dict[Matrix, Cells] = {}
        self.gains: dict[Matrix, float] = {}
        self.stands_still = True
        self._current = current
        self._budget = budget
        self._share = share

    def add(self, layer: int, effect: npt.NDArray[np.float32]) -> None:
        """Chooses the units of a layer by the effect (H, n) of its attackable units."""
        shape = self._current.shape
        self.effects[layer] = effect
        cells = self._budget.cells(shape, layer)
        chosen = highest_cells(effect, shape, self._budget, layer, self._share)
        for head, (own, of_head) in enumerate(zip(chosen, effect, strict=True)):
            self.masked[layer, head] = own
            self.gains[layer, head] = float(of_head[np.searchsorted(cells, own)].sum())
            self.stands_still &= np.array_equal(own, self._current.cells(layer, head))
