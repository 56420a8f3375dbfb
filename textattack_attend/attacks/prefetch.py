"""Attacks examples ahead of the calls that ask for their results."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from typing import Any, TypeAlias

from textattack.shared import AttackedText

from .results import StructureAttackResult
from .structured_text import attacked_text

Text: TypeAlias = "str | OrderedDict[str, str] | AttackedText"
Example: TypeAlias = "tuple[Text, int]"
"""A text, its columns or an `AttackedText`, and its class."""
END = object()
"""Marks the end of the examples; None may be an example, by mistake."""


class Waiting:
    """Examples that are taken one by one, the next of which can be looked at."""

    def __init__(self, examples: Iterable[Example]) -> None:
        self._rest = iter(examples)
        self._next: Any = next(self._rest, END)

    def __bool__(self) -> bool:
        return self._next is not END

    def first(self) -> Example:
        """Returns the next example without taking it."""
        assert self._next is not END
        example: Example = self._next
        return example

    def take(self) -> None:
        """Takes the next example."""
        self._next = next(self._rest, END)


class Prefetcher:
    """Examples that are about to be attacked one after another, and their results."""

    def __init__(
        self,
        examples: Iterable[Example],
        attack_many: Callable[[Iterable[Example]], Iterator[StructureAttackResult]],
    ) -> None:
        mine, theirs = tee(examples)
        self._waiting = Waiting(mine)
        self._results = attack_many(theirs)

    def expects(self, text: Text, label: int | str | None) -> bool:
        """Returns whether this is the next example."""
        if not self._waiting:
            return False
        next_text, next_label = self._waiting.first()
        return bool(_inputs(text) == _inputs(next_text) and label == next_label)

    def take(self) -> StructureAttackResult:
        """Returns the result of the next example, and goes on to the one after it."""
        self._waiting.take()
        return next(self._results)


def _inputs(text: Text) -> Any:
    return attacked_text(text).tokenizer_input
