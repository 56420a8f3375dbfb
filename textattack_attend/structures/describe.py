"""A structure in words: layer, head, and the token pairs that no longer see each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..errors.printable import in_one_line
from .shape import Shape
from .structure import Structure

MAX_MATRICES = 12
MAX_PAIRS = 4
START = "<start>"


def describe(structure: Structure, tokens: Sequence[str]) -> list[str]:
    """Describes a structure in one line a matrix, ``L2 H10: a -> emotional``.

    An arrow means that the query no longer attends to the key. Layers and heads count from 0, as
    everywhere in the package. A token that occurs more than once carries its position: ``the[4]``.
    A decoder reads a start token first, shown as ``<start>``. Long structures are cut, and a last
    line says so.
    """
    lines = [
        f"L{layer} H{head}: {_pairs(structure, layer, head, tokens)}"
        for layer, head in structure.matrices[:MAX_MATRICES]
    ]
    hidden = len(structure.matrices) - len(lines)
    return [*lines, f"... and {hidden} more matrices"] if hidden else lines


def summarize(structure: Structure) -> str:
    """Says in one line how much is masked."""
    total = structure.shape.layers * structure.shape.heads
    share = len(structure) / structure.shape.num_units
    units = f"{len(structure)} attention unit{'' if len(structure) == 1 else 's'}"
    return (
        f"masked {units} in {len(structure.matrices)} of {total} "
        f"matrices ({share:.2%} of all units)"
    )


def names_in_layer(
    shape: Shape, layer: int, tokens: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """Returns the names of the queries and of the keys of a layer, as `describe` shows them."""
    names = numbered(tokens)
    reach = shape.reach_of(layer)
    queries, keys = (
        [START, *names[:-1]] if of_decoder else names
        for of_decoder in (reach.decoder_queries, reach.decoder_keys)
    )
    return queries, keys


def _pairs(structure: Structure, layer: int, head: int, tokens: Sequence[str]) -> str:
    cells = structure.cells(layer, head)
    queries, keys = names_in_layer(structure.shape, layer, tokens)
    pairs = [divmod(int(cell), structure.shape.tokens) for cell in cells[:MAX_PAIRS]]
    shown = ", ".join(f"{queries[query]} -> {keys[key]}" for query, key in pairs)
    hidden = len(cells) - len(pairs)
    return f"{shown}, ... and {hidden} more" if hidden else shown


def numbered(tokens: Sequence[str]) -> list[str]:
    """Returns the names of tokens; one that occurs more than once carries its position."""
    plain = [in_one_line(token.lstrip("Ġ▁") or token) for token in tokens]
    counts = Counter(plain)
    return [f"{t}[{i}]" if counts[t] > 1 else t for i, t in enumerate(plain)]
