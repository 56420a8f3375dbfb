"""Teaches TextAttack's command line names: attack recipes, the demo's model and its data."""

from __future__ import annotations

from textattack import attack_args, dataset_args, model_args

import textattack_attend

from ..attack_recipes.registry import ATTACKS
from ..demo import NAME, VICTIM_PATH


def register_names() -> None:
    """Enters all names into TextAttack's tables, whose paths its own modules evaluate."""
    for module in (attack_args, dataset_args):
        module.textattack_attend = textattack_attend
    for name, recipe in ATTACKS.items():
        attack_args.ATTACK_RECIPE_NAMES[name] = f"{recipe.__module__}.{recipe.__qualname__}"
    model_args.HUGGINGFACE_MODELS[NAME] = str(VICTIM_PATH)
    dataset_args.TEXTATTACK_DATASET_BY_MODEL[NAME] = ("textattack_attend.datasets.DemoReviews",)
