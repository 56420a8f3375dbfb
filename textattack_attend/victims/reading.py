"""A reading, which holds everything that is known of a text after one clean pass."""

from __future__ import annotations

from dataclasses import dataclass

from ..attention import ForwardPass, Run
from ..data.texts import Text


@dataclass(frozen=True)
class Reading:
    """A text that the victim has read once, with the results that are known since.

    Args:
        text: the text.
        clean: the forward pass over the text with nothing masked.
        runs: the results that the evaluator keeps of each sequence of the text.
    """

    text: Text
    clean: ForwardPass
    runs: list[Run]
