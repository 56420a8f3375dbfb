"""Checks what a store holds before anything is computed from it: a stranger may have written it.

SQLite keeps the types of a table only while it writes, and what stands in a column of JSON at no
time. So every value is checked here, once, where it leaves the file; the tables, the figures and
the report rely on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_type_hints

from ..errors import StoreError, described
from ..structures import decode
from .row import OUTCOMES, Row

LARGEST = 2**53
"""The largest number of a column; sums of whole numbers up to it are exact."""
SLACK = 1e-6
"""The distance by which a probability in single precision may lie outside of [0, 1]."""
ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
LONGEST_NAME = 255
"""The most characters of the name of a machine, or of a date."""
MOST_MATRICES = 2**16
"""The most attention matrices of a model; that with the most today has about 19,000."""
DEEPEST = 50
"""The most levels of what is kept as JSON."""
RANGES: dict[str, tuple[float, float]] = {
    "label": (-(2**63), 2**63 - 1),
    "confidence_before": (-SLACK, 1 + SLACK),
    "confidence_after": (-SLACK, 1 + SLACK),
    "similarity": (-1 - SLACK, 1 + SLACK),
}
"""The numbers that columns may hold, where it is not from 0 to `LARGEST`."""
IDS = ("id", "cell", "run")
NAMES = ("begun", "ended", "host", "since", "device")


def check_fields(kind: type[Any], found: Sequence[Mapping[str, Any]], path: str) -> None:
    """Checks the fields of a dataclass in every row that a store holds.

    Args:
        kind: `Row`, `Run`, `Session`, `Entry` or `Writer`.
        found: the rows, by the names of their columns.
        path: the path of the store, which errors name.

    Raises:
        StoreError: a value is of another type, or outside of what it can be.
    """
    for name, hint in get_type_hints(kind).items():
        values = [row[name] for row in found]
        problem = _problem(name, hint, values)
        if problem:
            raise changed(path, f"{name}: {problem}")


def check_rows(found: Sequence[Mapping[str, Any]], path: str) -> None:
    """Checks rows of examples: their values by themselves, and their masked units and tokens.

    Raises:
        StoreError: a value cannot be what became of an example.
    """
    check_fields(Row, found, path)
    for row in found:
        try:
            if row["masked"] is not None:
                _require_masked(row)
        except (TypeError, ValueError, RecursionError) as error:
            raise changed(
                path, f"the masked units and tokens of example {row['position']}: {error}"
            ) from error


def checked_key(cell: str, text: Any, path: str) -> dict[str, Any]:
    """Returns what the rows of a cell depend on, by name.

    Args:
        cell: the id of the cell.
        text: the key as JSON.
        path: the path of the store, which errors name.

    Raises:
        StoreError: the key is no object in JSON, or one of too many levels.
    """
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not _is_shallow(found):
        raise changed(
            path,
            f"expected the cell {cell} to say what its rows depend on, got {str(text)[:60]!r}",
        )
    return found


def changed(path: str, problem: str) -> StoreError:
    """Returns the error for a store that this package did not write as it is."""
    return StoreError(
        f"{path}: {problem}; the store was changed by hand, or is of another version: name another"
    )


def _problem(name: str, hint: Any, values: Sequence[Any]) -> str:
    """Returns what is wrong with the values of a column; an empty text if nothing is."""
    kinds = get_args(hint) or (hint,)
    known: set[type] = set(kinds) | ({int} if float in kinds else set())
    for wrong in set(map(type, values)) - known:
        value = next(value for value in values if type(value) is wrong)
        return f"expected {_listed(kinds)}, got {described(value)}"
    given = set(values) - {None}
    if str in kinds:
        return _problem_of_texts(name, given)
    low, high = RANGES.get(name, (0, LARGEST))
    outside = [value for value in given if not low <= value <= high]
    return f"expected a number from {low} to {high}, got {outside[0]}" if outside else ""


def _problem_of_texts(name: str, values: Iterable[str]) -> str:
    for value in values:
        if name == "outcome" and value not in OUTCOMES:
            return f"expected outcomes out of {', '.join(OUTCOMES)}, got {described(value)}"
        if name in IDS and not ID.fullmatch(value):
            return f"expected an id of 16 hexadecimal digits, got {described(value)}"
        if name in NAMES and not (value.isprintable() and len(value) <= LONGEST_NAME):
            return f"expected at most {LONGEST_NAME} printable characters, got {described(value)}"
    return ""


def _listed(kinds: Sequence[type]) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", type(None): "nothing"}
    return " or ".join(names[kind] for kind in kinds)


def _require_masked(row: Mapping[str, Any]) -> None:
    """Checks the masked units of a success, and the tokens of its text, which figures show."""
    structure = decode(row["masked"])
    if structure.shape.layers * structure.shape.heads > MOST_MATRICES:
        raise ValueError(f"expected at most {MOST_MATRICES} matrices, got {structure.shape}")
    matrices = len(structure.matrices)
    if not matrices:
        raise ValueError("expected masked units, got none")
    if row["matrices"] not in (None, matrices):
        raise ValueError(f"expected {matrices} matrices, got {row['matrices']}")
    tokens = json.loads(row["tokens"])
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ValueError(f"expected a list of tokens, got {described(row['tokens'])}")


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False
