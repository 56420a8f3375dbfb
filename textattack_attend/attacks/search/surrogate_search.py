"""A search that tries the structure which an attack finds on another model of the same shape."""

from __future__ import annotations

from collections.abc import Callable

from ...structures import Structure
from ..structured_text import StructuredText
from .stepwise_search import Asking, SearchedExample, SearchOutcome, StepwiseSearch, ask

FoundOn = Callable[[StructuredText, int], Structure | None]
"""Returns the structure that flips a text's class on another model, or None if none was found."""


class SurrogateSearch(StepwiseSearch):
    """Asks about one structure, which was found on a surrogate; its queries there are not counted.

    Args:
        found: attacks a text on the surrogate.
    """

    def __init__(self, found: FoundOn) -> None:
        self._found = found

    def steps(self, example: SearchedExample) -> Asking[SearchOutcome]:
        """Returns the result of the surrogate's structure; the initial one if there is none."""
        initial = example.initial
        text: StructuredText = initial.attacked_text
        structure = self._found(text, initial.ground_truth_output)
        results = []
        if structure is not None and structure.shape == text.structure.shape:
            results = yield from ask(text, [structure])
        last = results[-1] if results else initial
        return SearchOutcome(last, len(results), example.num_gradient_passes)
