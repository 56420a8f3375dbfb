"""The codec of structures: JSON that describes itself, so that nothing else is needed to decode it.

A structure is an object with these fields:

- ``version``: 2; left out where every token sees every token and the first one is special, as the
  fields of version 1 say all about such a structure;
- ``shape``: the layers, the heads and the tokens;
- ``matrices``: for every perturbed matrix its layer, its head and its cells, each
  ``query * tokens + key``, as differences from the cell before, the first from 0;
- ``reach``, ``first_is_special`` and ``sequences``: see `Shape`; left out where they are its
  defaults.

Version 1 has ``shape`` and ``matrices`` alone, whatever the reach of its layers and its sequences
were. It is decoded as a structure whose tokens all see each other; the units are the same.

A store holds this JSON of a success, the report's script reads it there, and so does a training of
the rows that it masks. A structure file holds the fields of the shape as its metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from ..errors import InvalidInputError, described
from ..files.strict_json import exact_json
from .shape import Reach, Shape
from .structure import Cells, Matrix, Structure

VERSION = 2
FIRST_VERSION = 1
USUAL_VISIBILITY: dict[str, Any] = {"reach": [], "first_is_special": True, "sequences": []}
"""The fields of a shape in which every token sees every token and the first one is special."""
FIELDS = {"shape", "matrices"}
OPTIONAL = {"version", *USUAL_VISIBILITY}


def encode(structure: Structure) -> str:
    """Writes a structure as JSON."""
    return json.dumps(to_fields(structure), separators=(",", ":"))


def decode(text: str) -> Structure:
    """Reads what `encode` wrote, here or in an older version.

    Raises:
        InvalidInputError: the text is something else, or a unit is outside of the shape, or one
            that its query does not see.
    """
    return from_fields(exact_json("masked units", text))


def to_fields(structure: Structure) -> dict[str, Any]:
    """Returns the fields of a structure, with values that JSON has."""
    shape = structure.shape
    fields: dict[str, Any] = {
        "shape": [shape.layers, shape.heads, shape.tokens],
        "matrices": [
            [layer, head, np.diff(structure.cells(layer, head), prepend=0).tolist()]
            for layer, head in structure.matrices
        ],
    }
    unusual = {n: v for n, v in visibility(shape).items() if v != USUAL_VISIBILITY[n]}
    return {"version": VERSION, **fields, **unusual} if unusual else fields


def from_fields(fields: Any) -> Structure:
    """Makes the structure of the fields that `to_fields` returned, here or in an older version.

    Raises:
        InvalidInputError: the fields are others, or a unit is outside of the shape, or one that
            its query does not see.
    """
    if not isinstance(fields, dict) or not set(fields) - OPTIONAL == FIELDS:
        raise InvalidInputError(
            f"expected masked units with shape and matrices, got {described(fields)}"
        )
    _require_version(fields)
    layers, heads, tokens = _list("shape", fields["shape"], 3)
    shape = shape_of(layers, heads, tokens, fields)
    structure = Structure(shape, _matrices(shape, _list("matrices", fields["matrices"])))
    if shape.reach or shape.sequences:
        Structure.from_units(shape, structure.units)  # refuses a unit that its query does not see
    return structure


def visibility(shape: Shape) -> dict[str, Any]:
    """Returns what the queries of a shape can see, as values that JSON has."""
    return {
        "reach": list(map(list, shape.reach)),
        "first_is_special": shape.first_is_special,
        "sequences": list(shape.sequences),
    }


def shape_of(layers: Any, heads: Any, tokens: Any, visible: Mapping[str, Any]) -> Shape:
    """Makes a shape of its numbers and the fields that `visibility` returned, if they are there.

    Raises:
        InvalidInputError: a value is of another type, or the shape is none.
    """
    reach = _list("reach", visible.get("reach", []))
    if not all(isinstance(one, list) and len(one) in (2, 4) for one in reach):
        raise InvalidInputError(
            f"reach: expected lists of 2 or 4 values, one a layer, got {described(reach)}"
        )
    return Shape(
        layers,
        heads,
        tokens,
        tuple(Reach(*one) for one in reach),
        visible.get("first_is_special", True),
        tuple(_list("sequences", visible.get("sequences", []))),
    )


def _require_version(fields: Mapping[str, Any]) -> None:
    version = fields.get("version", FIRST_VERSION)
    if type(version) is not int or version not in (FIRST_VERSION, VERSION):
        raise InvalidInputError(
            f"expected masked units of version {VERSION} or older, got {described(version)}; "
            "update textattack_attend"
        )
    if version == FIRST_VERSION and set(fields) != FIELDS:
        raise InvalidInputError(
            f"expected the fields of version {version}, got {described(sorted(fields))}"
        )


def _matrices(shape: Shape, entries: list[Any]) -> dict[Matrix, Cells]:
    """Reads the cells of every matrix, all at once, as there may be hundreds of matrices."""
    matrices = [_list("matrix", entry, 3) for entry in entries]
    for layer, head, _ in matrices:
        if not (_is_below(layer, shape.layers) and _is_below(head, shape.heads)):
            raise InvalidInputError(
                f"expected a matrix of the shape, got {described([layer, head])}"
            )
    named: list[Matrix] = [(layer, head) for layer, head, _ in matrices]
    if len(set(named)) != len(named):
        raise InvalidInputError("expected the units of each matrix once, got them twice")
    if not named:
        return {}
    return dict(zip(named, _cells(shape, [steps for *_, steps in matrices]), strict=True))


def _cells(shape: Shape, by_matrix: list[Any]) -> list[Cells]:
    """Adds up the differences between the cells of each matrix."""
    lengths = [len(_list("cells", steps)) for steps in by_matrix]
    flat = list(chain.from_iterable(by_matrix))
    if not all(lengths) or set(map(type, flat)) != {int}:
        raise InvalidInputError(f"expected steps from unit to unit, got {described(by_matrix)}")
    units = shape.tokens**2
    if max(flat) >= units:
        raise InvalidInputError(f"expected units below {units}, got {described(max(flat))}")
    starts = np.cumsum([0, *lengths[:-1]])
    least = np.ones(len(flat), np.int64)
    least[starts] = 0
    if min(flat) < 0 or ((steps := np.array(flat, np.int64)) < least).any():
        raise InvalidInputError(f"expected steps from unit to unit, got {described(by_matrix)}")
    sums = np.cumsum(steps)
    cells = sums - np.repeat(sums[starts] - steps[starts], lengths)
    if cells.max() >= units:
        raise InvalidInputError(f"expected units below {units}, got {cells.max()}")
    whole = cells.astype(np.int32)
    # np.split does the same, and takes twenty times as long for hundreds of short parts.
    return [whole[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def _list(name: str, value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or len(value) != (length or len(value)):
        raise InvalidInputError(f"{name}: expected a list, got {described(value)}")
    return value


def _is_below(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value < most
