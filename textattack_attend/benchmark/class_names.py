"""The names of classes beside their numbers in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from ..data.class_names import LONGEST
from ..errors import described
from ..errors.printable import in_one_line
from .reading import changed
from .recipe import Recipe

LABELS = ["victim", "attack", "checkpoint", "seed"]
NAMES = {"label": "label_name", "before": "before_name", "after": "after_name"}
"""The columns of classes, and those of their names."""


class _Keyed(Protocol):
    @property
    def key(self) -> dict[str, Any]: ...


def named_rows(
    rows: pd.DataFrame, recipe: Recipe, cells: Mapping[tuple[str, str, str, int], _Keyed], path: str
) -> pd.DataFrame:
    """Returns rows with the name of a class behind each number of one.

    The columns ``label_name``, ``before_name`` and ``after_name`` are texts: the name that the
    recipe gives, or else that of the victim or the data, which the cell has; or the number, if
    nobody names the class. They are empty where there is no class.

    Args:
        rows: rows with the labels of their recipe.
        recipe: the recipe.
        cells: the cells of the rows, by their labels.
        path: the path of the store, which errors name.

    Raises:
        StoreError: a cell has something else in place of names.
    """
    names = {
        labels: recipe.label_names or _names_in(cell.key, path) for labels, cell in cells.items()
    }
    owners = list(rows[LABELS].itertuples(index=False, name=None))
    named = rows.copy()
    for number, name in NAMES.items():
        shown = [
            _name(names.get(owner, ()), value)
            for owner, value in zip(owners, rows[number], strict=True)
        ]
        place = list(named).index(number) + 1
        named.insert(place, name, pd.Series(shown, index=rows.index, dtype=object))
    return named


def _names_in(key: Mapping[str, Any], path: str) -> Sequence[str]:
    """Returns the names that a cell has, which a stranger may have written."""
    names = key.get("labels", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise changed(path, f"labels: expected the names of classes, got {described(names)}")
    return [in_one_line(name)[:LONGEST] for name in names]


def _name(names: Sequence[str], value: Any) -> str | None:
    if pd.isna(value):
        return None
    number = int(value)
    return names[number] if 0 <= number < len(names) else str(number)
