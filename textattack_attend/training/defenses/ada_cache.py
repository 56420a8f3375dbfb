"""The cache of adversarial data augmentation, from which an interrupted run goes on.

A cache gets a line for every row as soon as it was attacked, so that an interrupted run goes on
where it was:

- line 1: ``{"schema": 2, "victim": ..., "settings": ..., "attack": ..., "rows": ...}``, the
  identities of what the rest belongs to; names and places of files do not count;
- then ``{"row": n, "parts": [...], "masked": [...]}``, the adversarial example of training row n as
  `ExtraRow` describes it, each structure as the codec writes it; parts are null where the attack
  failed or the victim was wrong already. Of a failed attack, ``"failed"`` has the parts and the
  structures of its last text.

A cache of version 1 is read, too, and rewritten as one of version 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInputError, SavingError, described
from ...files import text_of, write_whole
from ...structures import Shape, Structure
from ...structures.codec import from_fields, to_fields

SCHEMA = 2
"""The version of the cache; version 0 named its victim by the path."""
PROVING = 1
"""The first version that proves what was attacked."""


class CacheError(InvalidInputError):
    """The cache belongs to another run, or to another version of the package."""


def append(cache: Path, entry: dict[str, Any]) -> None:
    """Adds a line to the cache; it is closed after each, so that the next run finds the line."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with cache.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry)}\n")
    except OSError as error:
        raise SavingError(
            f"{cache}: expected a file to which attacked rows can be added, got an error "
            f"({error}); free space, and the same command, without --overwrite, goes on from the "
            "last row"
        ) from error


def read(cache: Path, header: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Reads the cache, if there is one, and drops its last line if that was cut off."""
    text = text_of(cache) if cache.exists() else ""
    lines = text.split("\n")[:-1]
    if not lines:
        cache.unlink(missing_ok=True)
        return {}
    try:
        found, *entries = map(json.loads, lines)
        _require_same(cache, found, header)
        known = dict(_in_this_version(entries))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, CacheError):
            raise
        raise InvalidInputError(
            f"{cache}: expected what an earlier run attacked ({error}); delete it to begin anew"
        ) from error
    if found["schema"] != SCHEMA or not text.endswith("\n"):
        whole = [header, *known.values()]
        write_whole(cache, "".join(f"{json.dumps(line)}\n" for line in whole).encode())
    return known


def _in_this_version(entries: Iterable[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the rows of a cache by their number, as this version writes them."""
    for entry in entries:
        if {"parts", "masked"} <= set(entry):
            masked = [to_fields(_structure_in(noted)) for noted in entry["masked"]]
            yield int(entry["row"]), {**entry, "masked": masked}


def _structure_in(entry: Any) -> Structure:
    """Makes the structure of what the cache notes of a sequence.

    Version 1 of the cache has the layers, the heads, the tokens and a list of flat indices into the
    (L, H, T, T) of these.
    """
    if not isinstance(entry, list):
        return from_fields(entry)
    layers, heads, tokens, flat = entry
    shape = Shape(layers, heads, tokens)
    units = np.unravel_index(np.array(flat, np.int64), shape.size)
    return Structure.from_units(shape, np.stack(units, -1))


def _require_same(cache: Path, found: Any, header: dict[str, Any]) -> None:
    if not isinstance(found, dict) or not {"victim", "rows"} <= set(found):
        raise CacheError(
            f"{cache}: expected a first line that says what an earlier run attacked; delete it to "
            "begin anew"
        )
    if found.get("schema", 0) not in range(PROVING, SCHEMA + 1):
        raise CacheError(
            f"{cache}: expected a cache of version {PROVING} to {SCHEMA}, got version "
            f"{described(found.get('schema', 0))}, which cannot prove what was attacked here; "
            "delete it, or name another"
        )
    if found | {"schema": SCHEMA} != header:
        differing = ", ".join(_differing(found, header))
        raise CacheError(
            f"{cache}: expected the cache of this run, got one of another {differing}; delete it, "
            "or name another"
        )


def _differing(found: dict[str, Any], header: dict[str, Any]) -> Iterator[str]:
    """Yields the names of the fields that differ, and of the victim's parts that differ."""
    for name in sorted(set(found) | set(header)):
        one, other = found.get(name), header.get(name)
        if name == "victim" and isinstance(one, dict) and isinstance(other, dict):
            yield from (f"victim ({part})" for part in other if one.get(part) != other[part])
        elif one != other:
            yield name
