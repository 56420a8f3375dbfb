"""Attacks by name: TextAttack's recipes, ours among them, and functions in files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from textattack import Attack, attack_args
from textattack.models.wrappers import ModelWrapper
from textattack.shared.utils import ARGS_SPLIT_TOKEN, load_module_from_file

from .errors import InvalidInputError, did_you_mean


def attack_builder(name: str) -> Callable[..., Attack]:
    """What builds an attack on a `ModelWrapper`; options of the recipe are its keywords.

    Args:
        name: of a recipe, as ``textattack attack --recipe`` takes it, or PATH^NAME of a function
            in a Python file, as ``--attack-from-file`` does.

    Raises:
        InvalidInputError: there is none.
    """
    path, _, function = name.partition(ARGS_SPLIT_TOKEN)
    if function:
        return _from_file(path, function)
    recipes: dict[str, str] = attack_args.ATTACK_RECIPE_NAMES
    if name not in recipes:
        raise InvalidInputError(
            f"recipe: expected one of {', '.join(sorted(recipes))}, or PATH^NAME of a function in "
            f"a file, got {name!r}{did_you_mean(name, recipes)}"
        )
    module, _, recipe = recipes[name].rpartition(".")
    build: Callable[..., Attack] = getattr(import_module(module), recipe).build
    return build


def require_attack(name: str, **options: Any) -> None:
    """Check what can be known without a model.

    Raises:
        InvalidInputError: there is no attack of that name, or it has no such option.
    """
    try:
        signature(attack_builder(name)).bind(None, **options)
    except TypeError as error:
        raise _wrong_options(name, options, error) from error


def build_attack(name: str, wrapper: ModelWrapper, **options: Any) -> Attack:
    """The attack of a name on a model.

    Raises:
        InvalidInputError: there is none, or it has no such option.
    """
    build = attack_builder(name)
    try:
        return build(wrapper, **options)
    except TypeError as error:
        if not options:
            raise
        raise _wrong_options(name, options, error) from error


def _wrong_options(name: str, options: Iterable[str], error: TypeError) -> InvalidInputError:
    return InvalidInputError(
        f"{name}: expected options that it has, got {', '.join(options)} ({error})"
    )


def _from_file(path: str, function: str) -> Callable[..., Attack]:
    if not Path(path).is_file():
        raise InvalidInputError(f"{path}: expected a Python file with the function {function!r}")
    module = load_module_from_file(path)
    if not hasattr(module, function):
        raise InvalidInputError(f"{path}: expected a function {function!r}, got none of that name")
    build: Callable[..., Attack] = getattr(module, function)
    return build
