"""Teaches TextAttack's command line names: attack recipes, the demo's model and its data."""

from __future__ import annotations

from textattack import attack_args, dataset_args, model_args

import textattack_attend

from ..demo import NAME, VICTIM_PATH

RECIPES = {
    "hackattend": "HackAttendLiong2024",
    "hackattend-plus": "HackAttendPlus",
    "hackattend-half-scale": "HackAttendHalfScale",
    "hackattend-random": "HackAttendRandom",
    "hackattend-importance-only": "HackAttendImportanceOnly",
    "hackattend-gradient-only": "HackAttendGradientOnly",
    "hackattend-attention-ranking": "HackAttendAttentionRanking",
    "textfooler-transformers": "TextFoolerTransformers",
    "bert-attack-transformers": "BERTAttackTransformers",
}


def register_names() -> None:
    """Enters all names into TextAttack's tables, whose paths its own modules evaluate."""
    for module in (attack_args, dataset_args):
        module.textattack_attend = textattack_attend
    for name, class_name in RECIPES.items():
        path = f"textattack_attend.attack_recipes.{class_name}"
        attack_args.ATTACK_RECIPE_NAMES[name] = path
    model_args.HUGGINGFACE_MODELS[NAME] = str(VICTIM_PATH)
    dataset_args.TEXTATTACK_DATASET_BY_MODEL[NAME] = ("textattack_attend.datasets.DemoReviews",)
