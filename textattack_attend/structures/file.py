"""The structure file: a safetensors file (no pickle) that holds a structure and what it fits.

Content, format version 2:

- tensor ``units``, int32 (N, 4): the masked (layer, head, query, key), counted from 0;
- metadata, all strings: ``format`` ("textattack_attend.structure"), ``version`` ("2"), ``layers``,
  ``heads``, ``tokens`` (the shape), ``reach`` (JSON: for each layer, how many keys before and after
  it a query sees, null for all, and whether its queries and its keys are a decoder's, false if that
  is missing; [] if all see everything, as without it), ``first_is_special`` (JSON, true if it is
  missing), ``sequences`` (JSON, [] if it is missing), ``text`` (JSON: a string, or a list for a
  text of several parts), ``victim`` (JSON: the identity of the victim, see `Identity`).

Files of version 1 are read, too. In place of ``victim`` they have ``model``, a digest of a sample
of the weights, which proves nothing: such a structure has no victim.

A file is checked whole before anything is used: there is no other tensor and no other field, every
unit occurs once, lies inside the shape and is one whose query sees its key, the lengths of the
sequences add up to the tokens. At most 16 million units and 1 MiB of metadata are read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from ..data.texts import Text
from ..errors import InvalidInputError, described
from ..errors.printable import in_one_line
from ..files import write_whole
from ..files.reading import require_regular
from ..files.strict_json import exact_json
from ..identity import Identity
from .metadata import require_fields, require_text_or_texts, shape_in, text_in, victim_in, written
from .structure import Structure

MOST_UNITS = 2**24
LONGEST_HEADER = 2**20
"""The most bytes of the header, which holds the metadata; JSON takes many times that in memory."""
BYTES_OF_A_UNIT = 16


@dataclass(frozen=True)
class SavedStructure:
    """A structure with the text that it was found for and the identity of its victim.

    Args:
        structure: the structure.
        text: the text that it was found for.
        victim: the victim that it was found on; None for a file of version 1, which does not
            prove it.
    """

    structure: Structure
    text: Text
    victim: Identity | None


def save(saved: SavedStructure, path: str | os.PathLike[str]) -> None:
    """Writes a structure file; an existing file is replaced only once the new one is complete.

    Raises:
        InvalidInputError: the file cannot be written, the structure has no victim, or `load` would
            refuse it.
    """
    try:
        content = _content(saved)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    write_whole(path, content)


def _content(saved: SavedStructure) -> bytes:
    if saved.victim is None:
        raise InvalidInputError(
            "expected a structure with the identity of its victim, got none; save it with "
            "Victim.save_structure"
        )
    shape, units = saved.structure.shape, saved.structure.units
    _require_number(len(units))
    Structure.from_units(shape, units)
    victim = Identity.from_dict(saved.victim.to_dict())
    metadata = written(shape, require_text_or_texts(saved.text), victim)
    content = to_bytes({"units": units.astype(np.int32)}, metadata)
    _require_header(int.from_bytes(content[:8], "little"))
    return content


def load(path: str | os.PathLike[str]) -> SavedStructure:
    """Reads a structure file.

    Raises:
        InvalidInputError: the file is missing, damaged, too large, or of another format or version.
    """
    if os.path.exists(path):
        require_regular(Path(path))
    try:
        metadata, units = _read(path)
        shape = shape_in(metadata)
        structure = Structure.from_units(shape, units)
        if len(structure) < len(units):
            raise InvalidInputError(
                f"units: expected every unit once, got {len(units)} rows of {len(structure)} units"
            )
        return SavedStructure(structure, text_in(metadata), victim_in(metadata))
    except OSError as error:
        reason = error.strerror or error
        raise InvalidInputError(f"{path}: cannot be read ({reason}); is it a file?") from error
    except (SafetensorError, ValueError) as error:
        raise InvalidInputError(
            f"{path}: expected a file as Victim.save_structure writes it, got another: "
            f"{in_one_line(str(error))}"
        ) from error


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, str], npt.NDArray[np.int32]]:
    """Returns the metadata and the units; no more is read than a whole file of its header has."""
    with open(path, "rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        _require_header(length)
        header = file.read(length)
        metadata, count = _described(header)
        content = start + header + file.read(BYTES_OF_A_UNIT * count + 1)
    units: npt.NDArray[np.int32] = from_bytes(content)["units"]
    return metadata, units


def _described(header: bytes) -> tuple[dict[str, str], int]:
    """Returns the metadata and the number of units that a header describes.

    Raises:
        InvalidInputError: there is another tensor, the units are of another type or shape, or a
            field of the metadata is no text.
    """
    fields = exact_json("header", header.decode())
    names = list(fields) if isinstance(fields, dict) else fields
    if not isinstance(fields, dict) or set(fields) != {"__metadata__", "units"}:
        raise InvalidInputError(f"expected metadata and the tensor units, got {described(names)}")
    metadata, units = fields["__metadata__"], fields["units"]
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise InvalidInputError("expected metadata that are texts, got others")
    require_fields(metadata)
    return metadata, _count(units)


def _count(units: Any) -> int:
    """Returns the number of units from their description in the header."""
    kind, shape = (units.get(n) for n in ("dtype", "shape")) if isinstance(units, dict) else ("", 0)
    if kind != "I32" or not isinstance(shape, list) or len(shape) != 2 or shape[1] != 4:
        raise InvalidInputError(
            f"units: expected a tensor I32 of shape [N, 4], got {described(kind)} of "
            f"{described(shape)}"
        )
    _require_number(shape[0])
    return int(shape[0])


def _require_number(count: Any) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_UNITS:
        raise InvalidInputError(f"units: expected at most {MOST_UNITS}, got {described(count)}")


def _require_header(length: int) -> None:
    if length > LONGEST_HEADER:
        raise InvalidInputError(
            f"expected metadata of at most {LONGEST_HEADER} bytes, got {length}; is it a "
            "structure file, or is its text too long?"
        )
