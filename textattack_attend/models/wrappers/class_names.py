"""The names of the classes that a wrapper's answers have."""

from __future__ import annotations

from collections.abc import Sequence

from textattack.models.wrappers import ModelWrapper

from ...victims.class_names import class_names


def class_names_of(wrapper: ModelWrapper, given: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns the names of the classes of a wrapper's model; see `class_names`.

    Args:
        wrapper: a wrapper of this package, or any other of TextAttack's class.
        given: the names that the user gives, in the model's order.

    Raises:
        InvalidInputError: given names contradict the model's, or are not one for each class.
    """
    victim = getattr(wrapper, "victim", None)
    return class_names(getattr(wrapper if victim is None else victim, "model", None), given)
