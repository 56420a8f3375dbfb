"""Teaches TextAttack's command line names: attack recipes, the demo's model and its data."""

from __future__ import annotations

from textattack import attack_args, dataset_args, model_args

import textattack_attend

from ..demo import NAME, VICTIM_PATH
from .attack_names import attack_names


def register_names() -> None:
    """Enters all names into TextAttack's tables, whose paths its own modules evaluate."""
    for module in (attack_args, dataset_args):
        module.textattack_attend = textattack_attend
    attack_args.ATTACK_RECIPE_NAMES.update(attack_names())
    model_args.HUGGINGFACE_MODELS[NAME] = str(VICTIM_PATH)
    dataset_args.TEXTATTACK_DATASET_BY_MODEL[NAME] = ("textattack_attend.datasets.DemoReviews",)
