"""Attacks by name: TextAttack's recipes, ours among them, and functions in files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from textattack import Attack, attack_args
from textattack.models.wrappers import ModelWrapper
from textattack.shared.utils import ARGS_SPLIT_TOKEN, load_module_from_file

from .errors import InvalidInputError, described, did_you_mean


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
    """Checks what can be known without a model.

    Raises:
        InvalidInputError: there is no attack of that name, or it has no such option.
    """
    _require_options(name, attack_builder(name), options)


def build_attack(name: str, wrapper: ModelWrapper, **options: Any) -> Attack:
    """The attack of a name on a model.

    Raises:
        InvalidInputError: there is none, or it has no such option.
    """
    build = attack_builder(name)
    _require_options(name, build, options)
    try:
        return require_built(name, build(wrapper, **options))
    except TypeError as error:
        if not options:
            raise
        given = ", ".join(f"{option}={described(value)}" for option, value in options.items())
        raise InvalidInputError(
            f"{name}: expected options that it can take, got {given} ({error})"
        ) from error


def require_built(name: str, built: Any) -> Attack:
    """Returns the result of a function in a file, if that is an attack.

    Raises:
        InvalidInputError: the result is something else.
    """
    if not isinstance(built, Attack):
        raise InvalidInputError(
            f"{name}: expected a function that returns an Attack of TextAttack, got "
            f"{described(built)}"
        )
    return built


def _require_options(name: str, build: Callable[..., Attack], options: Iterable[str]) -> None:
    """Refuses options that an attack does not have, all at once."""
    parameters = list(signature(build).parameters.values())[1:]  # the first is the wrapper
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [p.name for p in parameters if p.kind is not Parameter.VAR_POSITIONAL]
    unknown = [option for option in options if option not in known]
    if unknown:
        mistakes = [f"{option!r}{did_you_mean(option, known)}" for option in unknown]
        raise InvalidInputError(
            f"{name}: expected options that it has ({', '.join(known) or 'none'}), got "
            f"{', '.join(mistakes)}"
        )
    missing = [p.name for p in parameters if p.default is Parameter.empty and p.name not in options]
    if missing:
        raise InvalidInputError(f"{name}: expected the options {', '.join(missing)}, got none")


def _from_file(path: str, function: str) -> Callable[..., Attack]:
    if not Path(path).is_file():
        raise InvalidInputError(f"{path}: expected a Python file with the function {function!r}")
    try:
        module = load_module_from_file(path)
    except Exception as error:  # it is the user's own code
        raise InvalidInputError(
            f"{path}: expected a Python file that can be imported, got {type(error).__name__}: "
            f"{' '.join(str(error).split())}"
        ) from error
    if not hasattr(module, function):
        raise InvalidInputError(f"{path}: expected a function {function!r}, got none of that name")
    build: Callable[..., Attack] = getattr(module, function)
    if not callable(build) or not signature(build).parameters:
        raise InvalidInputError(
            f"{path}: expected {function!r} to be a function of a model's wrapper, got "
            f"{described(build)}"
        )
    return build
