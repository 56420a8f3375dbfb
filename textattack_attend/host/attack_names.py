"""The names of our attacks, without importing them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import textattack_attend


@cache
def attack_names() -> dict[str, str]:
    """Returns the path of every class that `attack_recipes.attack` registers, by its name.

    They are read from the source: whoever imports an attack first imports TextAttack, which asks
    for the names before the attack is there.
    """
    found = {}
    for path in sorted((Path(textattack_attend.__path__[0]) / "attack_recipes").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.ClassDef(
                    name=recipe,
                    decorator_list=[
                        ast.Call(func=ast.Name("attack"), args=[ast.Constant(str() as name)])
                    ],
                ):
                    found[name] = f"textattack_attend.attack_recipes.{recipe}"
    return found
