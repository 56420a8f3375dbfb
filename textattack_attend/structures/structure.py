"""The structure: the set of attention units that are masked, HackAttend's adversarial example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInputError, StructureMismatchError

Matrix = tuple[int, int]
"""A (layer, head) pair: one attention matrix."""

Cells = npt.NDArray[np.int32]
"""Sorted, unique cells of one (T, T) matrix, each as ``query * T + key``."""


class Reach(NamedTuple):
    """What a query of a layer can see.

    Args:
        before: how many keys before its own position; None for all.
        after: how many behind it; None for all.
        decoder_queries: whether the queries are a decoder's: its start token, then the tokens of
            the text but the last.
        decoder_keys: whether the keys are.
    """

    before: int | None = None
    after: int | None = None
    decoder_queries: bool = False
    decoder_keys: bool = False


class Shape(NamedTuple):
    """Where a structure lives: every unit is (layer, head, query, key).

    Args:
        layers: of the model.
        heads: of a layer.
        tokens: of the text, special ones included.
        reach: of each layer; empty if every query sees everything.
        first_is_special: whether the first token is a special one, as [CLS] or <s>.
        sequences: lengths of the sequences that the model reads apart, as the choices of a
            question; their tokens are counted through. Empty if there is but one.
    """

    layers: int
    heads: int
    tokens: int
    reach: tuple[Reach, ...] = ()
    first_is_special: bool = True
    sequences: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.layers} layers, {self.heads} heads and {self.tokens} tokens"

    @property
    def crosses(self) -> bool:
        """Whether it is of a decoder's attention to its encoder."""
        return bool(self.reach) and self.reach[0].decoder_queries and not self.reach[0].decoder_keys

    def reach_of(self, layer: int) -> Reach:
        """What a query of that layer can see."""
        return self.reach[layer] if self.reach else Reach()

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Of a dense array over it, (L, H, T, T)."""
        return self.layers, self.heads, self.tokens, self.tokens

    def visible(self, layer: int) -> npt.NDArray[np.bool_]:
        """The units that are open before anything is masked, bool (T, T), not to be written."""
        return _visible(self.reach_of(layer), self.sequences or (self.tokens,))

    @property
    def parts(self) -> list[Shape]:
        """The shape of each sequence by itself."""
        lengths = self.sequences or (self.tokens,)
        return [self._replace(tokens=tokens, sequences=()) for tokens in lengths]

    @property
    def spans(self) -> list[slice]:
        """Where the tokens of each sequence are."""
        return [
            slice(a, b) for a, b in pairwise((0, *accumulate(self.sequences or (self.tokens,))))
        ]

    @property
    def num_units(self) -> int:
        """Attention units of the whole model that are open for a text of this length."""
        return self.heads * sum(int(self.visible(layer).sum()) for layer in range(self.layers))


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
        """The structure that masks these (layer, head, query, key) rows, shape (N, 4), any order.

        Raises:
            InvalidInputError: a unit lies outside the shape, or between two sequences.
        """
        rows = np.asarray(units, dtype=np.int64).reshape(-1, 4)
        limits = np.array([shape.layers, shape.heads, shape.tokens, shape.tokens])
        if ((rows < 0) | (rows >= limits)).any():
            raise InvalidInputError(f"expected units inside {shape}, got one outside")
        query, key = np.searchsorted(np.cumsum(shape.sequences), rows[:, 2:].T, "right")
        if (query != key).any():
            raise InvalidInputError(
                "expected units inside a sequence, got one between two of them: no query of a "
                "choice sees another choice"
            )
        by_matrix: dict[Matrix, Cells] = {}
        for layer, head in np.unique(rows[:, :2], axis=0).tolist():
            own = rows[(rows[:, 0] == layer) & (rows[:, 1] == head)]
            flat = np.unique(own[:, 2] * shape.tokens + own[:, 3])
            by_matrix[layer, head] = flat.astype(np.int32)
        return cls(shape, by_matrix)

    @classmethod
    def whole(cls, shape: Shape, matrices: Iterable[Matrix]) -> Structure:
        """Every unit of these matrices, which the softmax turns into uniform attention."""
        return cls(shape, {m: _every_cell(shape, m[0]) for m in matrices})

    @classmethod
    def union(cls, shape: Shape, structures: Iterable[Structure]) -> Structure:
        """What any of the structures masks.

        Raises:
            StructureMismatchError: one is of another shape.
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
        """(head, cells) of each perturbed matrix of one layer."""
        return self._by_layer.get(layer, ())

    @cached_property
    def _by_layer(self) -> dict[int, tuple[tuple[int, Cells], ...]]:
        by_layer: dict[int, tuple[tuple[int, Cells], ...]] = {}
        for (layer, head), cells in self._cells.items():
            by_layer[layer] = (*by_layer.get(layer, ()), (head, cells))
        return by_layer

    def cells(self, layer: int, head: int) -> Cells:
        """The masked cells ``query * T + key`` of one matrix."""
        return self._cells.get((layer, head), np.empty(0, dtype=np.int32))

    def dense(self) -> npt.NDArray[np.bool_]:
        """Which units are masked, bool (L, H, T, T)."""
        return np.stack([self.dense_layer(layer) for layer in range(self.shape.layers)])

    def dense_layer(self, layer: int) -> npt.NDArray[np.bool_]:
        """Which units of a layer are masked, bool (H, T, T)."""
        masked = np.zeros((self.shape.heads, self.shape.tokens**2), np.bool_)
        for head, cells in self.cells_of_layer(layer):
            masked[head, cells] = True
        return masked.reshape(self.shape.heads, self.shape.tokens, self.shape.tokens)

    @cached_property
    def parts(self) -> list[Structure]:
        """What is masked in each sequence, as a structure of the sequence alone."""
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
        """The same units in these matrices, none elsewhere."""
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

    def _split(self, cells: Cells) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        query, key = np.divmod(cells.astype(np.int64), self.shape.tokens)
        return query, key


@lru_cache(maxsize=32)
def _visible(reach: Reach, lengths: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    visible: npt.NDArray[np.bool_] = sequence == sequence[:, None]
    position = np.arange(len(sequence))
    ahead = position - position[:, None]  # of the query is the key
    if reach.before is not None:
        visible &= ahead >= -reach.before
    if reach.after is not None:
        visible &= ahead <= reach.after
    visible.flags.writeable = False
    return visible


@lru_cache(maxsize=32)
def _every_cell(shape: Shape, layer: int) -> Cells:
    """All open cells of a matrix, one array for all the structures that mask whole matrices."""
    cells = np.flatnonzero(shape.visible(layer)).astype(np.int32)
    cells.flags.writeable = False
    return cells
