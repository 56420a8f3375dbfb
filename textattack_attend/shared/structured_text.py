"""A text together with the attention units that are masked while the victim reads it."""

from __future__ import annotations

from textattack.shared import AttackedText

from ..structures import Structure


class StructuredText(AttackedText):
    """An `AttackedText` that carries a structure.

    TextAttack tells candidates apart by their text; all structures of one text would be dropped or
    share one cached answer. Here equality and hash include the structure.
    """

    structure: Structure

    @classmethod
    def of(cls, text: AttackedText, structure: Structure) -> StructuredText:
        """The same text under another structure; words are not parsed again."""
        new = cls.__new__(cls)
        new.__dict__.update(text.__dict__)
        new.attack_attrs = dict(text.attack_attrs)
        new.structure = structure
        return new

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
