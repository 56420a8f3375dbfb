"""Options of the defenses: checked values, and the command line's help. Light to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..errors import InvalidInputError

GRANULARITIES = ("unit", "token")


def option(default: Any, help: str) -> Any:
    """A field with a line of help."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Defense:
    """How a model is trained: here, as usual."""

    name: ClassVar[str] = "none"
    trainer: ClassVar[str] = "defense_trainer.DefenseTrainer"


@dataclass(frozen=True)
class SAttend(Defense):
    """S-Attend (Liong et al. 2024, section 7): attention masked by chance in training.

    Raises:
        InvalidInputError: an option is outside its range.
    """

    name: ClassVar[str] = "s-attend"
    trainer: ClassVar[str] = "s_attend.SAttendTrainer"

    alpha: float = option(0.2, "Chance of a unit, or a token, to be masked, in [0, 1).")
    granularity: str = option(
        "unit", "What is drawn: unit (the paper), or token, for all layers (its released code)."
    )
    growth: float = option(0.0, "Share of the steps over which alpha grows from 0.")
    layers: tuple[int, ...] = option((), "Which are masked; all by default.")
    heads: tuple[int, ...] = option((), "Which are masked; all by default.")

    def __post_init__(self) -> None:
        require_range("alpha", self.alpha, 0, 1)
        require_range("growth", self.growth, 0, 1)
        require_one_of("granularity", self.granularity, GRANULARITIES)


DEFENSES: dict[str, type[Defense]] = {defense.name: defense for defense in (Defense, SAttend)}


def defense_of(name: str, **options: Any) -> Defense:
    """The defense of a name.

    Args:
        name: one of `DEFENSES`.
        options: of its fields; the others keep their defaults.

    Raises:
        InvalidInputError: there is none of that name, it has no such option, or a value is outside
            its range.
    """
    if name not in DEFENSES:
        raise InvalidInputError(f"defense: expected one of {', '.join(DEFENSES)}, got {name!r}")
    defense = DEFENSES[name]
    for given in options:
        if given not in defense.__dataclass_fields__:
            having = [n for n, d in DEFENSES.items() if given in d.__dataclass_fields__]
            raise InvalidInputError(
                f"{given}: {name!r} has no such option; it belongs to {', '.join(having)}"
            )
    return defense(**options)


def require_range(name: str, value: float, low: float, high: float) -> None:
    """Raises InvalidInputError for a value outside [low, high)."""
    if not low <= value < high:
        raise InvalidInputError(f"{name}: expected a number in [{low}, {high}), got {value}")


def require_one_of(name: str, value: str, known: Sequence[str]) -> None:
    """Raises InvalidInputError for another value."""
    if value not in known:
        raise InvalidInputError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
