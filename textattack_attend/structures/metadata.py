"""The metadata of a structure file: texts that name the shape, the text and the victim."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..data.texts import Text
from ..errors import InvalidInputError, described
from ..files.strict_json import exact_json
from ..identity import Identity
from .codec import USUAL_VISIBILITY, shape_of, visibility
from .shape import Shape

FORMAT = "textattack_attend.structure"
VERSION = "2"
NAMES_OF_THE_VICTIM = {"1": "model", VERSION: "victim"}
"""The field that names the victim, by version of the format."""
NEEDED = {"format", "version", "layers", "heads", "tokens", "text"}
OPTIONAL = set(USUAL_VISIBILITY)
NUMBER = re.compile("[1-9][0-9]{0,8}")


def written(shape: Shape, text: Text, victim: Identity) -> dict[str, str]:
    """Returns the metadata of a structure."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "layers": str(shape.layers),
        "heads": str(shape.heads),
        "tokens": str(shape.tokens),
        **{name: json.dumps(value) for name, value in visibility(shape).items()},
        "text": json.dumps(text),
        "victim": json.dumps(victim.to_dict()),
    }


def require_fields(metadata: Mapping[str, str]) -> None:
    """Refuses metadata of another format or version, or with other fields.

    Raises:
        InvalidInputError: the line names what was expected.
    """
    version = metadata.get("version", "")
    if metadata.get("format") != FORMAT or version not in NAMES_OF_THE_VICTIM:
        got = (metadata.get("format"), metadata.get("version"))
        raise InvalidInputError(
            f"expected a {FORMAT} file of version {' or '.join(NAMES_OF_THE_VICTIM)}, got "
            f"{described(got)}; read it with the version of textattack_attend that wrote it"
        )
    needed = NEEDED | {NAMES_OF_THE_VICTIM[version]}
    if missing := sorted(needed - set(metadata)):
        raise InvalidInputError(
            f"expected the fields of version {version}, got no {', '.join(missing)}"
        )
    if unknown := sorted(set(metadata) - needed - OPTIONAL):
        raise InvalidInputError(
            f"expected the fields of version {version}, got {described(unknown)}, too"
        )


def shape_in(metadata: Mapping[str, str]) -> Shape:
    """Reads the shape.

    Raises:
        InvalidInputError: a field is no number or no JSON, or the shape is none.
    """
    layers, heads, tokens = (_number(metadata, name) for name in ("layers", "heads", "tokens"))
    given = [name for name in USUAL_VISIBILITY if name in metadata]
    return shape_of(layers, heads, tokens, {name: _json(metadata, name) for name in given})


def text_in(metadata: Mapping[str, str]) -> Text:
    """Reads the text.

    Raises:
        InvalidInputError: the field is no JSON, or neither a text nor a list of texts.
    """
    return require_text_or_texts(_json(metadata, "text"))


def require_text_or_texts(text: Any) -> Text:
    """Returns a text, or the texts of a list as a tuple.

    Raises:
        InvalidInputError: the value is of another type, or an empty list.
    """
    if isinstance(text, str):
        return text
    if isinstance(text, list | tuple) and text and all(isinstance(part, str) for part in text):
        return tuple(text)
    raise InvalidInputError(f"text: expected a text or a list of texts, got {described(text)}")


def victim_in(metadata: Mapping[str, str]) -> Identity | None:
    """Reads the identity of the victim; None for a file of version 1.

    Raises:
        InvalidInputError: the field is no JSON, or no identity.
    """
    if metadata["version"] != VERSION:
        return None
    fields = _json(metadata, "victim")
    try:
        return Identity.from_dict(fields)
    except ValueError as error:
        raise InvalidInputError(f"victim: {error}") from error


def _number(metadata: Mapping[str, str], name: str) -> int:
    """Reads a number as it is written here; Python's `int` takes much else, as ``1_0``."""
    if not NUMBER.fullmatch(metadata[name]):
        raise InvalidInputError(
            f"{name}: expected a whole number of at least 1, got {described(metadata[name])}"
        )
    return int(metadata[name])


def _json(metadata: Mapping[str, str], name: str) -> Any:
    return exact_json(name, metadata[name])
