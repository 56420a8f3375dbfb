"""The transformation of HackAttend+, which chooses the masked units of all matrices anew."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ...attention import AttentionCapture
from ...errors import require_share, require_whole_number
from ...rankings.candidates import highest_cells
from ...rankings.masking_effect import masking_effect
from ...structures import Budget, Cells, Matrix, Structure
from ..goals import StructureGoalFunction
from ..structured_text import StructuredText
from .structure_transformation import StructureTransformation

logger = logging.getLogger(__name__)

Effects = dict[int, npt.NDArray[np.float32]]
"""The effect of masking each attackable unit of a layer, (H, n), ordered as by `Budget.cells`."""
AVERAGE, ROUNDS, GAINS = "reselection_average", "reselection_rounds", "reselection_gains"
"""Names of `attack_attrs`.

The first is the average effect, as `Effects`; it moves on to the next candidate, as a long text
has no room for two. The others are the rounds so far, and by matrix the sum of the average effects
of its masked units.
"""


class Reselection(StructureTransformation):
    """Makes one candidate, which masks the units of greatest first-order effect in every matrix.

    The effect is taken at the structure of the current text, of masked units as of open ones, and
    averaged with the effects in earlier rounds: where all matrices change at once, the gradient at
    one state alone would overshoot. The average travels with the text, which can be transformed
    only once.

    Args:
        goal_function: the goal function, whose loss is differentiated.
        budget: the units that may be masked, and their number in a matrix.
        decay: the share of the earlier average in the new one, in [0, 1).
        growth: the rounds over which the number of units grows to the budget; 1 for all at once.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    def __init__(
        self,
        goal_function: StructureGoalFunction,
        budget: Budget,
        decay: float = 0.5,
        growth: int = 1,
    ) -> None:
        require_share("decay", decay, "[0, 1)")
        require_whole_number("growth", growth)
        super().__init__(goal_function, budget)
        self.decay = decay
        self.growth = growth

    @property
    def needs_gradient(self) -> bool:
        """True, as every candidate depends on the gradient."""
        return True

    @property
    def deterministic(self) -> bool:
        """False, as a candidate depends on earlier rounds, not on the current text alone."""
        return False

    def _get_transformations(
        self, current_text: StructuredText, indices_to_modify: Iterable[int]
    ) -> list[StructuredText]:
        """Returns the one candidate; word indices have no meaning here."""
        structure = current_text.structure
        rounds = current_text.attack_attrs.get(ROUNDS, 0) + 1
        before: Effects | None = current_text.attack_attrs.pop(AVERAGE, None)
        averages, latest = self._selection(structure, rounds), self._selection(structure, rounds)

        is_flat = True

        def visit(layer: int, capture: AttentionCapture) -> None:
            nonlocal is_flat
            cells = self.budget.cells(structure.shape, layer)
            effect = masking_effect(capture, structure, layer, cells)
            is_flat &= not effect.any()
            average = effect.copy() if before is None else before.pop(layer)
            average *= self.decay
            average += (1 - self.decay) * effect
            averages.add(layer, average)
            # Where the average stands still, the latest effect may go on; a long text has no room
            # for both where it does not.
            if averages.stands_still:
                latest.add(layer, effect)
            else:
                latest.effects.clear()

        self.goal_function.each_layer(current_text, visit, gradients=True)
        if is_flat:
            logger.warning("the gradient is zero everywhere; no unit seems better than another")
        chosen = latest if averages.stands_still else averages
        candidate = StructuredText.of(current_text, Structure(structure.shape, chosen.masked))
        candidate.attack_attrs |= {AVERAGE: chosen.effects, ROUNDS: rounds, GAINS: chosen.gains}
        return [candidate]

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
