"""A text together with the attention units that are masked while the victim reads it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from textattack.shared import AttackedText

from ..data.cells import SHOWN
from ..errors import InvalidInputError
from ..errors.printable import printable
from ..structures import Structure


def attacked_text(example: Any) -> AttackedText:
    """Makes TextAttack's text of an example, as datasets and callers give them.

    Args:
        example: a string, an `OrderedDict` of columns, or an `AttackedText`, which stays as it is.

    Raises:
        InvalidInputError: the example is something else, or a column is no string.
    """
    if isinstance(example, AttackedText):
        return example
    columns = example if isinstance(example, OrderedDict) else {"text": example}
    if not columns or not all(isinstance(column, str) for column in columns.values()):
        raise InvalidInputError(
            f"text {repr(example)[:SHOWN]}: expected a string, an OrderedDict of strings for its "
            f"columns, or an AttackedText, got {type(example).__name__}"
        )
    return AttackedText(example)


class StructuredText(AttackedText):
    """An `AttackedText` that carries a structure.

    TextAttack tells candidates apart by their text; all structures of one text would be dropped or
    share one cached answer. Here equality and hash include the structure.
    """

    structure: Structure

    @classmethod
    def of(cls, text: AttackedText, structure: Structure) -> StructuredText:
        """Returns the text under another structure; words are not parsed again."""
        new = cls.__new__(cls)
        new.__dict__.update(text.__dict__)
        new.attack_attrs = dict(text.attack_attrs)
        new.structure = structure
        return new

    def printable_text(self, *arguments: Any, **options: Any) -> str:
        """Returns the text as TextAttack prints it; no character of it acts on a terminal."""
        columns = self._text_input.items()
        shown = AttackedText(OrderedDict((printable(k), printable(v)) for k, v in columns))
        text: str = shown.printable_text(*arguments, **options)
        return text

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, StructuredText)
            and self.text == other.text
            and self.structure == other.structure
        )

    def __hash__(self) -> int:
        return hash((self.text, self.structure))

    def __repr__(self) -> str:
        return f'<StructuredText "{self.text}" {self.structure}>'
