"""The shape of a structure, and what every query can see in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInputError, described, require_whole_number, require_yes_or_no

LARGEST = {"layers": 10_000, "heads": 10_000, "tokens": 46_340}
"""The largest shape: a cell fits in 32 bits, and the number of a unit in 64."""


class Reach(NamedTuple):
    """The keys that a query of a layer can see.

    Args:
        before: the number of keys before its own position; None for all.
        after: the number of keys behind its own position; None for all.
        decoder_queries: whether the queries are a decoder's: its start token, then the tokens of
            the text but the last.
        decoder_keys: whether the keys are the decoder's.
    """

    before: int | None = None
    after: int | None = None
    decoder_queries: bool = False
    decoder_keys: bool = False


@dataclass(frozen=True)
class Shape:
    """The shape of a structure, each of whose units is (layer, head, query, key).

    Args:
        layers: the number of layers of the model.
        heads: the number of heads of a layer.
        tokens: the number of tokens of the text, special ones included.
        reach: the reach of the queries of each layer; empty if every query sees everything.
        first_is_special: whether the first token is a special one, as [CLS] or <s>.
        sequences: the lengths of the sequences that the model reads apart, as the choices of a
            question; their tokens are counted through. Empty if there is but one.

    Raises:
        InvalidInputError: a number is not positive or too large, or the parts do not fit together.
    """

    layers: int
    heads: int
    tokens: int
    reach: tuple[Reach, ...] = ()
    first_is_special: bool = True
    sequences: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, most in LARGEST.items():
            number = getattr(self, name)
            require_whole_number(name, number)
            if number > most:
                raise InvalidInputError(f"{name}: expected at most {most}, got {described(number)}")
        require_yes_or_no("first_is_special", self.first_is_special)
        self._require_reach()
        self._require_sequences()

    def _require_reach(self) -> None:
        if len(self.reach) not in (0, self.layers):
            raise InvalidInputError(
                f"reach: expected one for each of the {self.layers} layers, got {len(self.reach)}"
            )
        for one in self.reach:
            for name, distance in (("before", one.before), ("after", one.after)):
                if distance is not None:
                    require_whole_number(f"reach, {name}", distance, at_least=0)
            for decoders in (one.decoder_queries, one.decoder_keys):
                require_yes_or_no("reach, decoder", decoders)

    def _require_sequences(self) -> None:
        for length in self.sequences:
            require_whole_number("sequences", length)
        if self.sequences and sum(self.sequences) != self.tokens:
            raise InvalidInputError(
                f"sequences: expected lengths that add up to the {self.tokens} tokens, got "
                f"{described(self.sequences)}"
            )

    def __str__(self) -> str:
        return f"{self.layers} layers, {self.heads} heads and {self.tokens} tokens"

    @property
    def crosses(self) -> bool:
        """True if the attention is that of a decoder to its encoder."""
        return bool(self.reach) and self.reach[0].decoder_queries and not self.reach[0].decoder_keys

    def reach_of(self, layer: int) -> Reach:
        """Returns the keys that a query of a layer can see."""
        return self.reach[layer] if self.reach else Reach()

    @property
    def size(self) -> tuple[int, int, int, int]:
        """The size of a dense array over the shape, (L, H, T, T)."""
        return self.layers, self.heads, self.tokens, self.tokens

    def visible(self, layer: int) -> npt.NDArray[np.bool_]:
        """Returns the units that are open before anything is masked, read-only, bool (T, T)."""
        return _visible(self.reach_of(layer), self.sequences or (self.tokens,))

    def sees(self, units: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Returns whether the query of each unit sees its key before anything is masked, bool (N,).

        Args:
            units: units inside the shape, integers (N, 4).
        """
        layer, _, query, key = units.T
        seen = np.ones(len(units), np.bool_)
        if self.sequences:
            ends = np.cumsum(self.sequences)
            seen &= np.searchsorted(ends, query, "right") == np.searchsorted(ends, key, "right")
        if self.reach:
            before, after = np.array([_distances(one, self.tokens) for one in self.reach]).T
            ahead = key.astype(np.int64) - query.astype(np.int64)
            seen &= (ahead >= -before[layer]) & (ahead <= after[layer])
        return seen

    @property
    def parts(self) -> list[Shape]:
        """The shape of each sequence by itself."""
        lengths = self.sequences or (self.tokens,)
        return [replace(self, tokens=tokens, sequences=()) for tokens in lengths]

    @property
    def spans(self) -> list[slice]:
        """The positions of the tokens of each sequence."""
        return [
            slice(a, b) for a, b in pairwise((0, *accumulate(self.sequences or (self.tokens,))))
        ]

    @property
    def num_units(self) -> int:
        """Attention units of the whole model that are open for a text of this length."""
        layers = Counter(self.reach) or {Reach(): self.layers}
        lengths = self.sequences or (self.tokens,)
        return self.heads * sum(
            count * sum(_num_open(reach, length) for length in lengths)
            for reach, count in layers.items()
        )


def _distances(reach: Reach, tokens: int) -> tuple[int, int]:
    """Returns how far a query sees before and behind itself in a text, as numbers."""
    before, after = (tokens if one is None else min(one, tokens) for one in reach[:2])
    return before, after


def _num_open(reach: Reach, tokens: int) -> int:
    """Counts the units of a matrix whose query sees the key, without a matrix."""
    before, after = _distances(reach, tokens)
    position = np.arange(tokens, dtype=np.int64)
    first, last = np.maximum(position - before, 0), np.minimum(position + after, tokens - 1)
    return int((last - first + 1).sum())


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
