"""The structure: the set of attention units that are masked, HackAttend's adversarial example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInputError, StructureMismatchError
from .shape import Shape

Matrix = tuple[int, int]
"""A (layer, head) pair: one attention matrix."""

Cells = npt.NDArray[np.int32]
"""Sorted, unique cells of one (T, T) matrix, each as ``query * T + key``."""


class Structure:
    """A sparse, immutable set of masked attention units over (L, H, T, T).

    Memory is proportional to the masked units. Structures are values: equal if they mask the same
    units of the same shape, hashable, and combined with ``|``.

    Args:
        shape: layers, heads and tokens.
        cells: for each perturbed (layer, head), its masked cells ``query * T + key``, int32,
            sorted and unique. Use `from_units` when that is not known.
    """

    def __init__(self, shape: Shape, cells: Mapping[Matrix, Cells] | None = None) -> None:
        self.shape = shape
        self._cells = {m: c for m, c in sorted((cells or {}).items()) if len(c)}

    @classmethod
    def from_units(cls, shape: Shape, units: npt.ArrayLike) -> Structure:
        """Makes the structure that masks these (layer, head, query, key) rows, (N, 4), any order.

        Raises:
            InvalidInputError: the units are no integers of this shape, or one lies outside the
                shape, or where its query does not see its key.
        """
        rows = _integers(units)
        low, high = rows.min(axis=0, initial=0), rows.max(axis=0, initial=0)
        # Python's own numbers, as NumPy compares int64 with uint64 by rounding them.
        if min(low.tolist()) < 0 or any(
            a >= b for a, b in zip(high.tolist(), shape.size, strict=True)
        ):
            raise InvalidInputError(f"expected units inside {shape}, got one outside")
        seen = shape.sees(rows)
        if not seen.all():
            raise InvalidInputError(
                "expected units whose query sees the key, got one where it does not, (layer, head, "
                f"query, key) = {tuple(rows[seen.argmin()].tolist())}: {_closed(shape)}"
            )
        return cls(shape, _by_matrix(shape, rows))

    @classmethod
    def whole(cls, shape: Shape, matrices: Iterable[Matrix]) -> Structure:
        """Makes the structure that masks whole matrices, whose attention becomes uniform."""
        return cls(shape, {m: _every_cell(shape, m[0]) for m in matrices})

    @classmethod
    def union(cls, shape: Shape, structures: Iterable[Structure]) -> Structure:
        """Returns the structure that masks what any of the structures masks.

        Raises:
            StructureMismatchError: a structure has another shape.
        """
        joined: dict[Matrix, Cells] = {}
        for structure in structures:
            if structure.shape != shape:
                raise StructureMismatchError(
                    f"cannot join structures of shapes {shape} and {structure.shape}"
                )
            for matrix, cells in structure._cells.items():
                mine = joined.get(matrix)
                joined[matrix] = cells if mine is None else np.union1d(mine, cells).astype(np.int32)
        return cls(shape, joined)

    @property
    def matrices(self) -> list[Matrix]:
        """The perturbed (layer, head) pairs, in order."""
        return list(self._cells)

    @cached_property
    def layers(self) -> frozenset[int]:
        """The layers with at least one masked unit."""
        return frozenset(self._by_layer)

    @property
    def units(self) -> npt.NDArray[np.int64]:
        """The masked units as (layer, head, query, key) rows, shape (N, 4), sorted."""
        rows = [
            np.column_stack([np.full(len(c), layer), np.full(len(c), head), *self._split(c)])
            for (layer, head), c in self._cells.items()
        ]
        return np.concatenate(rows) if rows else np.empty((0, 4), dtype=np.int64)

    @property
    def hamming_distance(self) -> float:
        """Masked units, averaged over the perturbed matrices (paper, section 4.1); 0 if empty."""
        return len(self) / len(self._cells) if self._cells else 0.0

    def cells_of_layer(self, layer: int) -> tuple[tuple[int, Cells], ...]:
        """Returns the (head, cells) of each perturbed matrix of one layer."""
        return self._by_layer.get(layer, ())

    @cached_property
    def _by_layer(self) -> dict[int, tuple[tuple[int, Cells], ...]]:
        by_layer: dict[int, tuple[tuple[int, Cells], ...]] = {}
        for (layer, head), cells in self._cells.items():
            by_layer[layer] = (*by_layer.get(layer, ()), (head, cells))
        return by_layer

    def cells(self, layer: int, head: int) -> Cells:
        """Returns the masked cells ``query * T + key`` of one matrix."""
        return self._cells.get((layer, head), np.empty(0, dtype=np.int32))

    def dense(self) -> npt.NDArray[np.bool_]:
        """Returns which units are masked, bool (L, H, T, T)."""
        return np.stack([self.dense_layer(layer) for layer in range(self.shape.layers)])

    def dense_layer(self, layer: int) -> npt.NDArray[np.bool_]:
        """Returns which units of a layer are masked, bool (H, T, T)."""
        masked = np.zeros((self.shape.heads, self.shape.tokens**2), np.bool_)
        for head, cells in self.cells_of_layer(layer):
            masked[head, cells] = True
        return masked.reshape(self.shape.heads, self.shape.tokens, self.shape.tokens)

    @cached_property
    def parts(self) -> list[Structure]:
        """Returns what is masked in each sequence, as a structure of the sequence alone."""
        if not self.shape.sequences:
            return [self]
        parts: list[dict[Matrix, Cells]] = [{} for _ in self.shape.sequences]
        for matrix, cells in self._cells.items():
            query, key = self._split(cells)
            for own, span in zip(parts, self.shape.spans, strict=True):
                inside = (query >= span.start) & (query < span.stop)
                flat = (query[inside] - span.start) * (span.stop - span.start) + key[inside]
                own[matrix] = (flat - span.start).astype(np.int32)
        return [Structure(s, own) for s, own in zip(self.shape.parts, parts, strict=True)]

    def only(self, matrices: Iterable[Matrix]) -> Structure:
        """Returns the structure with the units of these matrices only."""
        return Structure(self.shape, {matrix: self.cells(*matrix) for matrix in matrices})

    def __or__(self, other: Structure) -> Structure:
        return Structure.union(self.shape, (self, other))

    def __len__(self) -> int:
        return sum(len(cells) for cells in self._cells.values())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        return (
            self.shape == other.shape
            and self._cells.keys() == other._cells.keys()
            and all(np.array_equal(c, other._cells[m]) for m, c in self._cells.items())
        )

    @cached_property
    def _hash(self) -> int:
        return hash((self.shape, *((m, len(c), c[:64].tobytes()) for m, c in self._cells.items())))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Structure], tuple[Shape, dict[Matrix, Cells]]]:
        return Structure, (self.shape, self._cells)  # a cached hash is no good in another process

    def __repr__(self) -> str:
        return f"Structure({len(self)} units in {len(self._cells)} matrices of {self.shape})"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows."""
        from .html import html_of  # it describes structures, and so imports this module

        return html_of(self)

    def _split(self, cells: Cells) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        query, key = np.divmod(cells.astype(np.int64), self.shape.tokens)
        return query, key


def _integers(units: npt.ArrayLike) -> npt.NDArray[Any]:
    """Returns units as an array of integers (N, 4), of whatever width they are.

    Raises:
        InvalidInputError: they are of another type or shape; nothing is rounded or rearranged.
    """
    try:
        rows = np.asarray(units)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"expected units as integers of shape (N, 4), got what is no array ({error})"
        ) from error
    if rows.shape in ((0,), (0, 4)):
        return np.empty((0, 4), np.int64)
    if rows.dtype.kind not in "iu" or rows.ndim != 2 or rows.shape[1] != 4:
        raise InvalidInputError(
            f"expected units as integers of shape (N, 4), got {rows.dtype} of shape {rows.shape}"
        )
    return rows


def _by_matrix(shape: Shape, rows: npt.NDArray[Any]) -> dict[Matrix, Cells]:
    """Returns the sorted cells of each matrix in which there are units."""
    numbers = np.zeros(len(rows), np.int64)
    for column, size in zip(rows.T, shape.size, strict=True):
        numbers *= size
        numbers += column.astype(np.int64)
    numbers.sort()  # np.unique, which hashes numbers, takes 10 times as long
    numbers = numbers[np.diff(numbers, prepend=-1) > 0]
    matrices, cells = np.divmod(numbers, shape.tokens**2)
    starts = np.flatnonzero(np.diff(matrices, prepend=-1))
    own = np.split(cells.astype(np.int32), starts[1:])
    named = [divmod(number, shape.heads) for number in matrices[starts].tolist()]
    return dict(zip(named, own, strict=False))  # without a unit there is one array, without a name


def _closed(shape: Shape) -> str:
    if shape.sequences:
        return "no query of a choice sees another choice"
    return "the layer sees a part of the text"


@lru_cache(maxsize=32)
def _every_cell(shape: Shape, layer: int) -> Cells:
    """Returns all open cells of a matrix, as one array that structures share."""
    cells = np.flatnonzero(shape.visible(layer)).astype(np.int32)
    cells.flags.writeable = False
    return cells
