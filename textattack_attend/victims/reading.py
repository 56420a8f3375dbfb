"""A reading: what a victim knows of a text after it has read it once."""

from __future__ import annotations

from dataclasses import dataclass

from ..attention import ForwardPass, Run
from ..data.texts import Text


@dataclass(frozen=True)
class Reading:
    """A text that the victim has read once, and what is known of it since.

    Args:
        text: the text.
        clean: the forward pass over the text with nothing masked.
        runs: what the evaluator knows of each sequence of the text.
    """

    text: Text
    clean: ForwardPass
    runs: list[Run]
