"""The attention of one head before and after an attack, and whatever can show it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from .figure import PlainFigure


class ShowsAttention(ABC):
    """Something whose attention before and after an attack can be drawn."""

    @abstractmethod
    def attention(self) -> HeadAttention:
        """Returns the attention to draw."""

    def plot(self) -> PlainFigure:
        """Draws the attention before and after, with frames around masked units."""
        from .attention_map import plot_attention  # matplotlib takes half a second

        return plot_attention(self)


@dataclass(frozen=True)
class AttentionMap:
    """The attention of one head on one text.

    Args:
        values: the attention probabilities, float (T, T), a row for every query.
        tokens: the T tokens of the text.
        title: a line that says what is shown.
        masked: the (query, key) of every masked unit.

    Raises:
        InvalidInputError: the values and the tokens are of different lengths, or a masked unit lies
            outside.
    """

    values: npt.ArrayLike
    tokens: Sequence[str]
    title: str = ""
    masked: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        size, shape = len(self.tokens), np.shape(self.values)
        if shape != (size, size):
            raise InvalidInputError(
                f"attention map {self.title!r}: expected a row and a column for each of the {size} "
                f"tokens, got values of the shape {shape}"
            )
        for unit in self.masked:
            if not all(0 <= token < size for token in unit):
                raise InvalidInputError(
                    f"attention map {self.title!r}: expected masked units of {size} tokens, "
                    f"counted from 0, got {tuple(unit)}"
                )


@dataclass(frozen=True)
class HeadAttention(ShowsAttention):
    """The attention of one head, before and after an attack.

    Args:
        before: the attention probabilities, float32 (T, T), without a structure.
        after: the attention probabilities, float32 (T, T), under the structure.
        tokens: the T tokens of the text.
        masked: the (query, key) of every masked unit.
        layer: the number of the layer, counted from 0.
        head: the number of the head, counted from 0.
        where: the victim, the attack and the text, in one line.
    """

    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]
    tokens: list[str]
    masked: list[tuple[int, int]]
    layer: int
    head: int
    where: str = ""

    def attention(self) -> HeadAttention:
        """Returns itself."""
        return self
