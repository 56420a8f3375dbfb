"""The search of HackAttend-Minimal, for the fewest units whose masking reaches the goal."""

from __future__ import annotations

import logging
from dataclasses import replace

from ...errors import require_whole_number
from .found_units import FoundUnits
from .needed_units import drop_needless, try_smaller
from .stepwise_search import Asking, BudgetSpent, SearchedExample, SearchOutcome, StepwiseSearch

logger = logging.getLogger(__name__)

AT_FIRST = 8
"""The number of units in the first rounds, which is doubled until they reach the goal."""
TRIES = 5
"""The rounds in which units are chosen anew before their number is doubled."""
BEYOND = 16
"""The number of units to shrink from, in times of those of the first success."""
SHRINKING = 0.85
"""The share of the units that is left after a round."""
PATIENCE = 4
"""The rounds below the fewest units so far that may fail one after another."""


class FewestUnitsSearch(StepwiseSearch):
    """Finds many units that reach the goal together, and makes them fewer.

    1. The number of units is doubled until those of greatest effect reach the goal.
    2. From far more units than these, the number is shrunk round by round, and the units are
       chosen anew where the others are masked. There the search sees which units matter together,
       which it cannot see where nothing is masked.
    3. Units are dropped until opening any single one makes the success fail.
    4. In the place of a few units, still fewer are searched for, unit by unit.

    Args:
        rounds: the most rounds of the second step.

    Raises:
        InvalidInputError: the number of rounds is no whole number from 0 on.
    """

    def __init__(self, rounds: int = 60) -> None:
        require_whole_number("rounds", rounds, at_least=0)
        self.rounds = rounds

    def steps(self, example: SearchedExample) -> Asking[SearchOutcome]:
        """Finds few units that reach the goal, or returns the last structure tested."""
        found = FoundUnits(example)
        try:
            yield from _find(found)
            if found.best is not None:
                yield from _shrink(found, self.rounds)
                yield from drop_needless(found)
                yield from try_smaller(found)
        except BudgetSpent:
            if found.best is not None:
                logger.warning(
                    "the query budget ended before the search did: %d units reach the goal, but "
                    "fewer may do",
                    len(found.structure),
                )
        result = found.last if found.best is None else found.best
        return SearchOutcome(result, found.tested, example.num_gradient_passes)

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["rounds"]


def _find(found: FoundUnits) -> Asking[None]:
    """Doubles the number of units until they reach the goal, or all that may be are masked."""
    units = AT_FIRST
    while True:
        found.proposal = replace(found.proposal, units=units)
        for _ in range(TRIES):
            before = found.proposal.structure
            if (yield from found.next_round()):
                return
            if found.proposal.structure == before:
                break
        if len(found.proposal.structure) < units:
            return
        units *= 2


def _shrink(found: FoundUnits, rounds: int) -> Asking[None]:
    """Chooses ever fewer units, until a few rounds in a row find nothing better."""
    units, failed = BEYOND * len(found.structure), 0
    for _ in range(rounds):
        fewest = len(found.structure)
        found.proposal = replace(found.proposal, units=units)
        is_success = yield from found.next_round()
        if is_success or units >= fewest:
            failed = 0
            units = int(SHRINKING * min(units, len(found.proposal.structure)))
        else:
            failed += 1
        if units < 1 or failed == PATIENCE:
            break
