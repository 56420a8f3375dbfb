"""The defenses by name: each file of this package registers its options with their trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import InvalidInputError, did_you_mean
from ...registry import Registry
from .options import Defense

if TYPE_CHECKING:
    from .defense_trainer import DefenseTrainer


class Method(NamedTuple):
    """A training method.

    Args:
        options: the class of its options, with defaults.
        trainer: the class that trains with them.
    """

    options: type[Defense]
    trainer: type[DefenseTrainer[Any]]


DEFENSES: Registry[Method] = Registry("defense", __package__)


def register_defense(options: type[Defense], trainer: type[DefenseTrainer[Any]]) -> None:
    """Makes a training method known by the name that its options have.

    Raises:
        InvalidInputError: the name is taken.
    """
    DEFENSES.register(options.name, Method(options, trainer))


def defense_of(name: str, **options: Any) -> Defense:
    """Returns the options of a defense.

    Args:
        name: one of `DEFENSES`.
        options: the values of some fields; the others keep their defaults.

    Raises:
        InvalidInputError: there is none of that name, it has no such option, or a value is outside
            its range.
    """
    defense = DEFENSES[name].options
    own = defense.__dataclass_fields__
    for given in options:
        if given not in own:
            having = [n for n, m in DEFENSES.items() if given in m.options.__dataclass_fields__]
            belongs = f"; it belongs to {', '.join(having)}" if having else did_you_mean(given, own)
            raise InvalidInputError(f"{given}: {name!r} has no such option{belongs}")
    made = defense(**options)
    for given, value in options.items():
        # A preset cannot tell a default that was given from one that was not.
        if getattr(made, given) != value:
            raise InvalidInputError(
                f"{given}: expected {getattr(made, given)}, which the preset has, got {value}; "
                "leave out one of the two"
            )
    return made


def trainer_of(defense: Defense) -> type[DefenseTrainer[Any]]:
    """Returns the class that trains with the options of a defense."""
    return DEFENSES[defense.name].trainer
