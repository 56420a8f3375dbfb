"""A reading, which holds everything that is known of a text after one clean pass."""

from __future__ import annotations

from dataclasses import dataclass

from ..attention import ForwardPass, SequenceCache
from ..data.texts import Text
from .encoding import EncodedText


@dataclass(frozen=True)
class Reading:
    """A text that the victim has read once, with the results that are known since.

    Args:
        encoded: the text as the model reads it.
        clean: the forward pass over the text with nothing masked.
        caches: the results that the evaluator keeps of each sequence of the text.
    """

    encoded: EncodedText
    clean: ForwardPass
    caches: list[SequenceCache]

    @property
    def text(self) -> Text:
        """The text."""
        return self.encoded.text
