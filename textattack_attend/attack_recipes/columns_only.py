"""A constraint that lets an attack on words change words of some columns only."""

from __future__ import annotations

from collections.abc import Sequence

from textattack.constraints import PreTransformationConstraint
from textattack.shared import AttackedText

from ..errors import InvalidInputError, described


class ColumnsOnly(PreTransformationConstraint):
    """Allows changes in the columns of these names, as in the context of a question.

    TextAttack's own constraint names the columns that stay, and allows every change in a text that
    has other columns.

    Args:
        columns: the names of columns.

    Raises:
        InvalidInputError: the columns are no list of names; or, for a text, it lacks one of them.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        is_list = isinstance(columns, list | tuple) and len(columns) > 0
        if not is_list or not all(isinstance(name, str) for name in columns):
            raise InvalidInputError(
                f"columns: expected a list of names of columns, as [context], got "
                f"{described(columns)}"
            )
        self.columns = list(columns)

    def _get_modifiable_indices(self, current_text: AttackedText) -> set[int]:
        labels: list[str] = current_text.column_labels
        missing = [name for name in self.columns if name not in labels]
        if missing:
            raise InvalidInputError(
                f"columns: expected columns out of {', '.join(labels)}, got {', '.join(missing)}"
            )
        allowed: set[int] = set()
        first = 0
        for name, words in zip(labels, current_text.words_per_input, strict=True):
            if name in self.columns:
                allowed |= set(range(first, first + len(words)))
            first += len(words)
        return allowed

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["columns"]
