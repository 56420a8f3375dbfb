"""Attacks by name: TextAttack's recipes, ours among them, and functions in files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from textattack import Attack, attack_args
from textattack.models.wrappers import ModelWrapper
from textattack.shared.utils import ARGS_SPLIT_TOKEN, load_module_from_file

from ..errors import MOST, InvalidInputError, described, did_you_mean, quoted
from ..errors.printable import in_one_line
from ..process.containment import contained


def attack_builder(name: str) -> Callable[..., Attack]:
    """Returns the function that builds an attack on a `ModelWrapper`; its keywords are options.

    Args:
        name: the name of a recipe, as ``textattack attack --recipe`` takes it, or PATH^NAME of a
            function in a Python file, as ``--attack-from-file`` does.

    Raises:
        InvalidInputError: there is no attack of that name.
    """
    if is_in_file(name):
        return _from_file(*split(name))
    recipes: dict[str, str] = attack_args.ATTACK_RECIPE_NAMES
    if name not in recipes:
        raise InvalidInputError(
            f"recipe: expected one of {', '.join(sorted(recipes))}, or PATH^NAME of a function in "
            f"a file, got {quoted(name)}{did_you_mean(name, recipes)}"
        )
    module, _, recipe = recipes[name].rpartition(".")
    build: Callable[..., Attack] = getattr(import_module(module), recipe).build
    return build


def require_attack(name: str, **options: Any) -> None:
    """Checks what can be known of an attack without a model.

    Raises:
        InvalidInputError: there is no attack of that name, or it has no such option.
    """
    require_options(name, parameters_of(attack_builder(name)), options)


def build_attack(name: str, wrapper: ModelWrapper, **options: Any) -> Attack:
    """Builds the attack of a name on a model.

    Raises:
        InvalidInputError: there is no attack of that name, or it has no such option.
    """
    build = attack_builder(name)
    require_options(name, parameters_of(build), options)
    try:
        with contained():
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


def parameters_of(build: Callable[..., Attack]) -> list[Parameter]:
    """Returns the parameters of what builds an attack; the first is the model's wrapper."""
    return list(signature(build).parameters.values())


def require_options(name: str, every: Sequence[Parameter], options: Iterable[str]) -> None:
    """Refuses options that an attack does not have, all at once.

    Args:
        name: the name of the attack, which errors begin with.
        every: the parameters of what builds the attack; the first is the model's wrapper.
        options: the names of the options that are given.

    Raises:
        InvalidInputError: the attack lacks an option that is given, or needs one that is not.
    """
    parameters = every[1:]
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [p.name for p in parameters if p.kind is not Parameter.VAR_POSITIONAL]
    unknown = [option for option in options if option not in known]
    if unknown:
        mistakes = [f"{quoted(option)}{did_you_mean(option, known)}" for option in unknown[:MOST]]
        raise InvalidInputError(
            f"{name}: expected options that it has ({', '.join(known) or 'none'}), got "
            f"{', '.join(mistakes)}"
        )
    missing = [p.name for p in parameters if p.default is Parameter.empty and p.name not in options]
    if missing:
        raise InvalidInputError(f"{name}: expected the options {', '.join(missing)}, got none")


def is_in_file(name: str) -> bool:
    """Returns whether an attack is a function in a Python file, so its use executes the file."""
    return bool(split(name)[1])


def split(name: str) -> tuple[str, str]:
    """Returns the path and the function of an attack in a file; no function if it is in none."""
    path, _, function = name.partition(ARGS_SPLIT_TOKEN)
    return path, function


def require_python_file(path: str, function: str) -> None:
    """Refuses a path at which no Python file is.

    Raises:
        InvalidInputError: there is no file, or one that does not end in .py.
    """
    if not Path(path).is_file():
        raise InvalidInputError(f"{path}: expected a Python file with the function {function!r}")
    if Path(path).suffix != ".py":
        raise InvalidInputError(
            f"{path}: expected a Python file with the function {function!r}, which ends in .py"
        )


def not_importable(path: str | Path, error: Exception) -> InvalidInputError:
    """Returns the error of a file that Python cannot import."""
    return InvalidInputError(
        f"{path}: expected a Python file that can be imported, got {type(error).__name__}: "
        f"{in_one_line(str(error))}"
    )


def no_such_function(path: str, function: str) -> InvalidInputError:
    """Returns the error of a file that lacks a function."""
    return InvalidInputError(f"{path}: expected a function {function!r}, got none of that name")


def no_builder(path: str, function: str, found: Any) -> InvalidInputError:
    """Returns the error of a name that stands for something that builds no attack."""
    return InvalidInputError(
        f"{path}: expected {function!r} to be a function of a model's wrapper, got "
        f"{described(found)}"
    )


def _from_file(path: str, function: str) -> Callable[..., Attack]:
    require_python_file(path, function)
    try:
        with contained():
            module = load_module_from_file(path)
            found = hasattr(module, function)
    except Exception as error:  # it is the user's own code
        raise not_importable(path, error) from error
    if not found:
        raise no_such_function(path, function)
    build: Callable[..., Attack] = getattr(module, function)
    if not callable(build) or not signature(build).parameters:
        raise no_builder(path, function, build)
    return build
