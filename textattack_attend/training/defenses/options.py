"""What the options of all defenses are: checked values, and the command line's help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from ...data.published import Row
from ...structures import Structure

CLEAN = "Train on the clean text, too; without, a new head may not learn at all."


def option(default: Any, help: str) -> Any:
    """A field with a line of help."""
    return field(default=default, metadata={"help": help})


class ExtraRow(NamedTuple):
    """A row that a defense adds to the training set.

    Args:
        parts: of the text.
        label: its class.
        masked: the structure of each sequence that the model reads apart; empty if nothing is
            masked.
    """

    parts: tuple[str, ...]
    label: int
    masked: tuple[Structure, ...] = ()


@dataclass(frozen=True)
class Defense:
    """The options of a training method; these are of training as usual."""

    name: ClassVar[str] = "none"

    def extra_rows(
        self, rows: Sequence[Row], cache: Path, trust_remote_code: bool = False
    ) -> list[ExtraRow]:
        """What to train on beside the rows of the training set.

        Args:
            rows: of the training set.
            cache: file for what takes long to find.
            trust_remote_code: whether to run the code that a victim brings along.
        """
        return []
