"""The one way to name data, everywhere: SOURCE^FORMAT, SOURCE^COLUMN,...,LABEL, or a name alone.

- ``dev.tsv^sst2``, ``dev.json^dream``: a file, or a folder or a name on the hub, in the format of a
  published data set, see `published`;
- ``reviews.csv^text,label``, ``pairs.jsonl^premise,hypothesis,label``: the columns of a table, in
  the order in which the model reads them, with that of the label last;
- a name alone: the embedded reviews (``demo``, ``attend-demo``), or a data set of TextAttack's.

A .tsv without names of columns, whose lines are a sentence, a tab and a number, leaves no choice of
columns; it may stand alone as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInputError, did_you_mean
from .cells import class_of, named
from .labelled import Labelled, published_examples
from .published import PUBLISHED
from .separated import tab_separated
from .tables import ENDINGS, columns_of, labelled_table

FILE_ENDINGS = (*ENDINGS, ".json")
FORMS = (
    f": FILE^FORMAT with one of {', '.join(PUBLISHED)}, or FILE^COLUMN,...,LABEL for the columns "
    "of a table"
)
PLAIN = "sst2"
"""The format of a sentence, a tab and a number in each line."""


@dataclass(frozen=True)
class DataName:
    """The parts of a name of data.

    Args:
        source: the path of a file or a folder, or a name on the hub or of TextAttack's.
        layout: what follows the caret, the name of a published format or columns; empty for a name
            alone.
        is_plain: true if the content of the file told its layout.
    """

    source: str
    layout: str
    is_plain: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table, that of the label last; empty for a published format."""
        return () if self.layout in PUBLISHED else tuple(self.layout.split(","))

    def read(self, start: int = 0, count: int | None = None) -> Labelled:
        """Reads examples of a file or of the hub.

        Args:
            start: the position of the first example to read; only examples that are read are
                checked.
            count: the most examples to read; None for all.

        Raises:
            InvalidInputError: the file is missing or of another format.
        """
        if self.columns:
            *texts, label = self.columns
            return labelled_table(self.source, texts, label, start=start, count=count)
        found = published_examples(self.layout, self.source, start=start, count=count)
        return Labelled(found.rows) if self.is_plain else found


def is_data_file(path: str) -> bool:
    """Returns whether a path ends as files of examples do, in small letters or capitals."""
    return path.lower().endswith(FILE_ENDINGS)


def parsed(name: str) -> DataName:
    """Parts a name of data, and finds out the layout of a file that is named alone if it can be.

    Raises:
        InvalidInputError: what follows the caret is no layout; or nothing follows the name of a
            file whose layout its content does not tell.
    """
    source, caret, layout = name.partition("^")
    if not caret:
        return _alone(source)
    if layout not in PUBLISHED and "," not in layout:
        raise InvalidInputError(
            f"{name}: expected one of {', '.join(PUBLISHED)} behind the file, or columns with that "
            f"of the label last, as text,label{did_you_mean(layout, PUBLISHED)}{_found(source)}"
        )
    return DataName(source, layout)


def require_source(name: str) -> None:
    """Refuses, before anything slow is imported, a name of data that cannot be right.

    Raises:
        InvalidInputError: it names a file that is missing, or no layout.
    """
    source = parsed(name).source
    if is_data_file(source) and not os.path.isfile(source):
        raise InvalidInputError(f"{source}: expected a data file, got none")


def _alone(source: str) -> DataName:
    """Returns the name of data without a caret."""
    if os.path.isfile(source) and source.lower().endswith((".tsv", ".txt")):
        _, cells = next(tab_separated(Path(source)), (1, []))
        if len(cells) == 2 and class_of(cells[1]) is not None:
            return DataName(source, PLAIN, is_plain=True)
    if is_data_file(source) and not os.path.isfile(source):
        raise InvalidInputError(f"{source}: expected a data file, got none")
    if os.path.isfile(source):
        raise InvalidInputError(
            f"{source}: expected its layout behind the file{_found(source) or FORMS}"
        )
    return DataName(source, "")


def _found(source: str) -> str:
    """Returns the end of a message that shows a table's columns and how to name them."""
    if not source.lower().endswith(ENDINGS) or not os.path.isfile(source):
        return ""
    columns = columns_of(source)
    if len(columns) < 2:
        return ""
    label = "label" if "label" in columns else columns[-1]
    texts = [column for column in columns if column != label]
    example = ",".join([*texts, label])
    return (
        f"; it has the columns {named(columns)}: write those of the text and, last, that of the "
        f"label, as {source}^{example}"
    )
