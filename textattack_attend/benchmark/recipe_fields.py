"""The fields of a recipe: names and paths, seeds, attacks with their options, published tables."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from ..errors import MOST, quoted

LARGEST_SEED = 2**32 - 1
"""NumPy, whose generator TextAttack seeds, takes no larger one."""
LONGEST_NAME = 4096
"""The most letters of a label or a path; Linux has no longer path."""
MOST_CELLS = 10_000
"""The most cells of a table of a paper."""

T = TypeVar("T", str, int)


def _legible(name: str) -> str:
    """Returns a label or a path that tables, figures and file systems can show."""
    unprintable = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    if unprintable:
        raise ValueError(
            f"expected a text without line breaks and control characters, got {quoted(name)}"
        )
    if len(name) > LONGEST_NAME:
        raise ValueError(f"expected at most {LONGEST_NAME} letters, got {quoted(name)}")
    if not name.strip():
        raise ValueError(f"expected a text that is not empty, got {name!r}")
    return name


def _located(name: str, info: ValidationInfo) -> str:
    """Returns the absolute path of a file or folder beside the recipe, or else the name as it is.

    A recipe that comes from no file, as from a store, was located when it was read.
    """
    if info.context is None:
        return name
    path, caret, rest = name.partition("^")
    beside = os.path.abspath(os.path.join(info.context, path))
    return f"{beside if os.path.exists(beside) else path}{caret}{rest}"


def different(given: list[T]) -> list[T]:
    """Returns a list without repetitions; something listed twice would be counted twice."""
    twice = sorted(one for one, count in Counter(given).items() if count > 1)
    if twice:
        shown = [quoted(one) if isinstance(one, str) else str(one) for one in twice[:MOST]]
        raise ValueError(f"expected each one once, got {', '.join(shown)} twice")
    return given


def _of_one_size(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of a table that is no larger than one of a paper.

    Each row may have columns of its own, so that a short file could describe an endless table.
    """
    cells = len(rows) * len({column for row in rows for column in row})
    if cells > MOST_CELLS:
        raise ValueError(f"expected a table of at most {MOST_CELLS} cells, got {cells}")
    return rows


def alone_or_listed(given: Any) -> Any:
    """Returns a list of what stands alone, and any other value as it is."""
    return [given] if isinstance(given, str | int) else given


Name = Annotated[str, AfterValidator(_legible)]
Located = Annotated[Name, AfterValidator(_located)]
Whole = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, le=LARGEST_SEED)]
Checkpoints = Annotated[
    list[Located],
    Field(min_length=1),
    BeforeValidator(alone_or_listed),
    AfterValidator(different),
]


class Strict(BaseModel):
    """A model that takes no field that it does not know, and is never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedAttack(Strict):
    """An attack recipe with its options.

    Args:
        recipe: the name of the attack recipe, as ``--recipe`` takes it, or PATH^FUNCTION.
        options: the keyword arguments of the attack recipe.
        source: the victim that is attacked once, and on whose texts and structures every victim is
            scored (transfer); None to attack every victim itself (adaptive).
        on: the examples that a transfer counts: "all", or the "successes" on the source.
    """

    recipe: Located
    options: dict[str, JsonValue] = {}
    source: Name | None = None
    on: Literal["all", "successes"] = "all"

    @model_validator(mode="after")
    def _counts_what_it_has(self) -> Self:
        if self.source is None and self.on != "all":
            raise ValueError(f"on: expected a source beside it, got on: {self.on} alone")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out what older recipes lack, as a run's id is made of its recipe."""
        fields: dict[str, Any] = serialize(self)
        return fields if self.source else {name: fields[name] for name in ("recipe", "options")}

    @property
    def protocol(self) -> str:
        """The end of the attack's label in every table; empty for an adaptive attack."""
        if self.source is None:
            return ""
        return f" ({'found' if self.on == 'all' else 'successes'} on {self.source})"


def with_protocols(attacks: dict[str, NamedAttack]) -> dict[str, NamedAttack]:
    """Returns attacks with labels that name their protocol, so that no table can hide it.

    Labels that name it already stay as they are.
    """
    named = {
        label if label.endswith(attack.protocol) else f"{label}{attack.protocol}": attack
        for label, attack in attacks.items()
    }
    if len(named) < len(attacks):
        raise ValueError("expected labels that differ once they name the source, got two alike")
    return named


class Published(Strict):
    """A table of a paper, printed for comparison.

    Args:
        source: the citation of the table.
        rows: the rows of the table, each with its cells by column.
    """

    source: Name
    rows: Annotated[
        list[dict[str, str | int | float]], Field(min_length=1), AfterValidator(_of_one_size)
    ]
