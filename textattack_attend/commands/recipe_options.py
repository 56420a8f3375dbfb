"""The options of the attacks on the command line: one for every keyword of a recipe's ``build``.

The recipes import TextAttack, which takes seconds. So their keywords, with types, defaults and
explanations, are read from the source, as ``--help`` and a wrong argument must not wait for it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click

import textattack_attend

RECIPES = Path(textattack_attend.__path__[0]) / "attack_recipes"
TYPES: dict[str, Any] = {"int": int, "float": float, "str": str}


class Keyword(NamedTuple):
    """A keyword of the function that builds an attack.

    Args:
        recipe: the name of the attack.
        name: the name of the keyword.
        kind: the name of its type.
        meaning: its explanation in the docstring, with its default if that is written there.
    """

    recipe: str
    name: str
    kind: str
    meaning: str


@cache
def recipe_options() -> tuple[click.Option, ...]:
    """Returns an option for every keyword of any attack of ours; one not given arrives as None."""
    by_name: dict[str, list[Keyword]] = {}
    for path in sorted(RECIPES.glob("*.py")):
        for keyword in _keywords(ast.parse(path.read_text(encoding="utf-8"))):
            by_name.setdefault(keyword.name, []).append(keyword)
    return tuple(_option(name, keywords) for name, keywords in by_name.items())


def option_of(name: str) -> str:
    """Returns the option that stands for a keyword."""
    return f"--{name.replace('_', '-')}"


def _option(name: str, keywords: list[Keyword]) -> click.Option:
    meanings: dict[str, list[str]] = {}
    for keyword in keywords:
        meanings.setdefault(keyword.meaning, []).append(keyword.recipe)
    text = " ".join(f"{', '.join(recipes)}: {meaning}" for meaning, recipes in meanings.items())
    flag, kind = option_of(name), keywords[0].kind
    if kind == "bool":
        no = option_of(f"no_{name}")
        return click.Option([f"{flag}/{no}", name], default=None, help=text)
    if kind == "Sequence[str]":
        again = f"{text} It can be given again."
        return click.Option([flag, name], multiple=True, default=None, callback=_listed, help=again)
    return click.Option([flag, name], type=TYPES[kind], default=None, help=text)


def _listed(
    context: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> list[str] | None:
    """Returns the values of an option that can be given again, or None if it was not given."""
    return list(given) or None


def _keywords(module: ast.Module) -> Iterator[Keyword]:
    """Yields the keywords of the attacks that a file registers."""
    for node in module.body:
        match node:
            case ast.ClassDef(
                decorator_list=[
                    ast.Call(func=ast.Name("attack"), args=[ast.Constant(str() as recipe)])
                ],
            ):
                for build in node.body:
                    if isinstance(build, ast.FunctionDef) and build.name == "build":
                        yield from _keywords_of(recipe, build)


def _keywords_of(recipe: str, build: ast.FunctionDef) -> Iterator[Keyword]:
    """Yields the keywords of a function, whose first argument is the wrapper of a model."""
    given, defaults = build.args.args, build.args.defaults
    positional = zip(given[len(given) - len(defaults) :], defaults, strict=True)
    by_name = zip(build.args.kwonlyargs, build.args.kw_defaults, strict=True)
    meanings = dict(_meanings(ast.get_docstring(build) or ""))
    for argument, default in (*positional, *by_name):
        kind = ast.unparse(argument.annotation or ast.Name("str")).removesuffix(" | None")
        shown = _shown(default)
        yield Keyword(recipe, argument.arg, kind, f"{meanings.get(argument.arg, '')}{shown}")


def _shown(default: ast.expr | None) -> str:
    if not isinstance(default, ast.Constant) or default.value in (None, ""):
        return ""
    return f" [{default.value!s}]"


def _meanings(docstring: str) -> Iterator[tuple[str, str]]:
    """Yields the arguments of a docstring with their explanations."""
    _, _, arguments = docstring.partition("\nArgs:\n")
    arguments, _, _ = arguments.partition("\n\n")
    for part in re.split(r"^    (?=\w+: )", arguments, flags=re.MULTILINE)[1:]:
        name, _, meaning = part.partition(": ")
        yield name, " ".join(meaning.replace("``", "`").split())
