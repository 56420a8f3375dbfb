"""The attacks by name: each file of this package registers the recipes that it defines.

TextAttack's command line, the recipes of the benchmark and ADA take these names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..registry import Registry

R = TypeVar("R", bound=type[Any])
ATTACKS: Registry[type[Any]] = Registry("attack", __package__)


def attack(name: str) -> Callable[[R], R]:
    """Registers a class whose static method ``build`` makes an attack on a model's wrapper.

    Args:
        name: the name, as ``textattack attack --recipe`` takes it.
    """

    def registered(recipe: R) -> R:
        ATTACKS.register(name, recipe)
        return recipe

    return registered
