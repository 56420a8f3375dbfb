"""The structure file: a safetensors file (no pickle) that holds a structure and what it fits.

Content, format version 1:

- tensor ``units``, int32 (N, 4): the masked (layer, head, query, key), counted from 0;
- metadata, all strings: ``format`` ("textattack_attend.structure"), ``version`` ("1"), ``layers``,
  ``heads``, ``tokens`` (the shape), ``reach`` (JSON: for each layer, how many keys before and after
  it a query sees, null for all, and whether its queries and its keys are a decoder's, false if that
  is missing; [] if all see everything, as without it), ``first_is_special`` (JSON, true if it is
  missing), ``sequences`` (JSON, [] if it is missing), ``text`` (JSON: a string, or a list for a
  text of several parts), ``model`` (the fingerprint of the model's weights).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ..errors import InvalidInputError
from ..files import write_whole
from ..texts import Text
from .structure import Reach, Shape, Structure

FORMAT = "textattack_attend.structure"
VERSION = "1"


@dataclass(frozen=True)
class SavedStructure:
    """A structure with the text it was found for and the fingerprint of its model."""

    structure: Structure
    text: Text
    model: str


def save(saved: SavedStructure, path: str | os.PathLike[str]) -> None:
    """Write a structure file; an existing file is replaced only once the new one is complete.

    Raises:
        InvalidInputError: it cannot be written.
    """
    shape = saved.structure.shape
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "layers": str(shape.layers),
        "heads": str(shape.heads),
        "tokens": str(shape.tokens),
        "reach": json.dumps(shape.reach),
        "first_is_special": json.dumps(shape.first_is_special),
        "sequences": json.dumps(shape.sequences),
        "text": json.dumps(saved.text, ensure_ascii=False),
        "model": saved.model,
    }
    units = {"units": saved.structure.units.astype(np.int32)}
    write_whole(path, to_bytes(units, metadata))


def load(path: str | os.PathLike[str]) -> SavedStructure:
    """Read a structure file.

    Raises:
        InvalidInputError: the file is missing, damaged, or of another format or version.
    """
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            found = (metadata.get("format"), metadata.get("version"))
            if found != (FORMAT, VERSION):
                raise InvalidInputError(
                    f"{path}: expected a {FORMAT} file of version {VERSION}, got {found}"
                )
            structure = Structure.from_units(_shape(metadata), file.get_tensor("units"))
            text = json.loads(metadata["text"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{path}: not a readable structure file ({error})") from error
    text = text if isinstance(text, str) else tuple(text)
    return SavedStructure(structure, text, metadata["model"])


def _shape(metadata: dict[str, str]) -> Shape:
    reach = tuple(Reach(*one) for one in json.loads(metadata.get("reach", "[]")))
    layers, heads, tokens = (int(metadata[key]) for key in ("layers", "heads", "tokens"))
    first_is_special = bool(json.loads(metadata.get("first_is_special", "true")))
    sequences = tuple(int(length) for length in json.loads(metadata.get("sequences", "[]")))
    return Shape(layers, heads, tokens, reach, first_is_special, sequences)
