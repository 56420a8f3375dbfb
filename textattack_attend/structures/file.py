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
from ..identity import Identity
from ..texts import Text
from .structure import Reach, Shape, Structure

FORMAT = "textattack_attend.structure"
VERSION = "2"
FIELDS = {
    "format",
    "version",
    "layers",
    "heads",
    "tokens",
    "reach",
    "first_is_special",
    "sequences",
    "text",
}
NAMES_OF_THE_VICTIM = {"1": "model", VERSION: "victim"}
"""The field that names the victim, by version of the format."""


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
        InvalidInputError: the file cannot be written, or the structure has no victim.
    """
    if saved.victim is None:
        raise InvalidInputError(
            f"{path}: expected a structure with the identity of its victim, got none; save it with "
            "Victim.save_structure"
        )
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
        "text": json.dumps(saved.text),
        "victim": json.dumps(saved.victim.to_dict()),
    }
    units = {"units": saved.structure.units.astype(np.int32)}
    write_whole(path, to_bytes(units, metadata))


def load(path: str | os.PathLike[str]) -> SavedStructure:
    """Reads a structure file.

    Raises:
        InvalidInputError: the file is missing, damaged, or of another format or version.
    """
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            version = _version(metadata, path)
            structure = Structure.from_units(_shape(metadata), file.get_tensor("units"))
            text = _text(json.loads(metadata["text"]))
            victim = metadata[NAMES_OF_THE_VICTIM[version]]
            known = Identity.from_dict(json.loads(victim)) if version == VERSION else None
            return SavedStructure(structure, text, known)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInputError):
            raise
        said = " ".join(str(error).split())
        raise InvalidInputError(f"{path}: not a readable structure file ({said})") from error


def _version(metadata: dict[str, str], path: str | os.PathLike[str]) -> str:
    """Returns the version of the format, and refuses unknown fields."""
    version = metadata.get("version", "")
    if metadata.get("format") != FORMAT or version not in NAMES_OF_THE_VICTIM:
        raise InvalidInputError(
            f"{path}: expected a {FORMAT} file of version {' or '.join(NAMES_OF_THE_VICTIM)}, got "
            f"{(metadata.get('format'), metadata.get('version'))}; read it with the version of "
            "textattack_attend that wrote it"
        )
    unknown = sorted(set(metadata) - FIELDS - {NAMES_OF_THE_VICTIM[version]})
    if unknown:
        raise InvalidInputError(
            f"{path}: expected the fields of version {version}, got {', '.join(unknown)}, too; "
            "save the structure again"
        )
    return version


def _text(saved: object) -> Text:
    if isinstance(saved, str):
        return saved
    if isinstance(saved, list) and all(isinstance(part, str) for part in saved):
        return tuple(saved)
    raise ValueError("expected a text or a list of texts")


def _shape(metadata: dict[str, str]) -> Shape:
    reach = tuple(Reach(*one) for one in json.loads(metadata.get("reach", "[]")))
    layers, heads, tokens = (int(metadata[key]) for key in ("layers", "heads", "tokens"))
    first_is_special = bool(json.loads(metadata.get("first_is_special", "true")))
    sequences = tuple(int(length) for length in json.loads(metadata.get("sequences", "[]")))
    return Shape(layers, heads, tokens, reach, first_is_special, sequences)
