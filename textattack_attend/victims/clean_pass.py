"""A clean pass: what a victim knows of a text after it has read it once."""

from __future__ import annotations

from dataclasses import dataclass

from ..attention import ForwardPass, SequenceCache
from ..data.texts import Text
from .encoding import EncodedText


@dataclass(frozen=True)
class CleanPass:
    """A text that the victim has read once, and what is known of it since.

    Args:
        encoded: the text as the model reads it.
        forward_pass: the forward pass over the text with nothing masked.
        caches: what the evaluator knows of each sequence of the text.
    """

    encoded: EncodedText
    forward_pass: ForwardPass
    caches: list[SequenceCache]

    @property
    def text(self) -> Text:
        """The text."""
        return self.encoded.text
