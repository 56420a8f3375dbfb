"""Reads JSON strictly: refuses fields that are named twice, and reports mistakes in one line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, described


def json_in_file(text: str, path: Path, first_line: int) -> Any:
    """Parses JSON that a user wrote, and accepts NaN and Infinity, because Python writes them.

    Args:
        text: the text of the file from the first line on.
        path: the path of the file, which messages name.
        first_line: the number of the first line, counted from 1.

    Raises:
        InvalidInputError: the text is no JSON, or an object names a field twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique_fields)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise InvalidInputError(
            f"{path}: line {line}: expected JSON, got an error at column {error.colno} "
            f"({error.msg}); is the file complete?"
        ) from error
    except RecursionError as error:
        raise InvalidInputError(
            f"{path}: line {first_line}: expected JSON of a few levels, got one too deep to read"
        ) from error
    except ValueError as error:  # a field that is named twice, or a number of thousands of digits
        raise InvalidInputError(
            f"{path}: line {first_line}: expected JSON that can be read, got an error ({error})"
        ) from error


def exact_json(name: str, text: str) -> Any:
    """Parses JSON as its standard defines it, and refuses NaN and fields that are named twice.

    Args:
        name: the place of the text, which a message names.
        text: the text to parse.

    Raises:
        InvalidInputError: the text is no such JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique_fields, parse_constant=_refuse)
    except RecursionError as error:
        raise InvalidInputError(
            f"{name}: expected JSON of a few levels, got one too deep to read"
        ) from error
    except ValueError as error:
        raise InvalidInputError(f"{name}: expected JSON, got an error ({error})") from error


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes the dictionary of a JSON object.

    Raises:
        ValueError: a name is given twice.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the field {described(twice)} is named twice")
    return fields


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
