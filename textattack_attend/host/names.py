"""Teaches TextAttack's command line names: attack recipes, the demo's model and its data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from textattack import attack_args, dataset_args, model_args

import textattack_attend

from ..demo import NAME, VICTIM_PATH


def register_names() -> None:
    """Enters all names into TextAttack's tables, whose paths its own modules evaluate."""
    for module in (attack_args, dataset_args):
        module.textattack_attend = textattack_attend
    attack_args.ATTACK_RECIPE_NAMES.update(_recipes())
    model_args.HUGGINGFACE_MODELS[NAME] = str(VICTIM_PATH)
    dataset_args.TEXTATTACK_DATASET_BY_MODEL[NAME] = ("textattack_attend.datasets.DemoReviews",)


def _recipes() -> Iterator[tuple[str, str]]:
    """Yields the name and the path of every class that `attack_recipes.attack` registers.

    They are read from the source: whoever imports an attack first imports TextAttack, which asks
    for the names before the attack is there.
    """
    for path in sorted((Path(textattack_attend.__path__[0]) / "attack_recipes").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.ClassDef(
                    name=recipe,
                    decorator_list=[
                        ast.Call(func=ast.Name("attack"), args=[ast.Constant(str() as name)])
                    ],
                ):
                    yield name, f"textattack_attend.attack_recipes.{recipe}"
