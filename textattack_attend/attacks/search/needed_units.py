"""Makes a success smaller: drops units that are not needed, and tries to do with fewer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ...structures import Structure
from .found_units import FoundUnits
from .stepwise_search import Asking, succeeded

PREFIXES = 6
"""The number of group sizes in which units are tried to be dropped together."""
SMALL = 4
"""The most units of a success for which fewer are searched for unit by unit."""
POOL = 128
"""The number of units that this search adds."""
WIDTH = 16
"""The number of structures that go on to the next unit."""


def drop_needless(found: FoundUnits) -> Asking[None]:
    """Drops units from the best success until opening any single one makes it fail.

    Of the units that can be opened alone, those whose opening leaves the prediction farthest from
    the label are dropped together, as many as can be.

    Raises:
        BudgetSpent: the query budget ended before every unit was shown to be needed.
    """
    while len(found.structure) > 1:
        whole = found.structure
        results = yield from found.judge([_without(whole, [n]) for n in range(len(whole))])
        margins = {n: found.example.margin(r) for n, r in enumerate(results) if succeeded(r)}
        order = sorted(margins, key=lambda n: margins[n])
        if not order:
            break
        sizes = {round(size) for size in np.geomspace(1, len(order), PREFIXES)} - {1}
        together = [order[:size] for size in sorted(sizes) if size < len(whole)]
        yield from found.judge([_without(whole, some) for some in together])


def try_smaller(found: FoundUnits) -> Asking[None]:
    """Searches for a success with fewer units than a small one, unit by unit (beam search).

    Each of the best structures of some units gets each unit of a pool, and of all these the best
    ones go on. Those are best that bring the prediction closest to the goal.

    Raises:
        BudgetSpent: the query budget ended before the search did.
    """
    if not 1 < len(found.structure) <= SMALL:
        return
    found.proposal = replace(found.proposal, units=POOL)
    (proposal,) = found.example.propose(found.proposal)
    shape = proposal.structure.shape
    pool = [Structure.from_units(shape, unit[None]) for unit in proposal.structure.units]
    kept = [Structure(shape)]
    for size in range(1, len(found.structure)):
        larger = dict.fromkeys(some | unit for some in kept for unit in pool)
        results = yield from found.judge([some for some in larger if len(some) == size])
        if len(found.structure) == size:
            break
        best = sorted(results, key=found.example.margin)[:WIDTH]
        kept = [result.attacked_text.structure for result in best]


def _without(structure: Structure, numbers: Collection[int]) -> Structure:
    """Returns a structure without some of its units, by their numbers in `Structure.units`."""
    return Structure.from_units(structure.shape, np.delete(structure.units, [*numbers], axis=0))
