"""Attack recipes: HackAttend, the configurations of its paper, and attacks to compare it with."""

from typing import Any

import textattack  # noqa: F401  # its import registers all attacks, before one file looks for it

from .hackattend_ablations import (
    HackAttendAttentionRanking,
    HackAttendGradientOnly,
    HackAttendHalfScale,
    HackAttendImportanceOnly,
    HackAttendRandom,
)
from .hackattend_auto import HackAttendAuto
from .hackattend_liong_2024 import HackAttendLiong2024
from .hackattend_minimal import HackAttendMinimal
from .hackattend_plus import HackAttendPlus
from .registry import ATTACKS, attack
from .word_attacks import BERTAttackTransformers, TextFoolerTransformers

__all__ = [
    "ATTACKS",
    "BERTAttackTransformers",
    "HackAttendAttentionRanking",
    "HackAttendAuto",
    "HackAttendGradientOnly",
    "HackAttendHalfScale",
    "HackAttendImportanceOnly",
    "HackAttendLiong2024",
    "HackAttendMinimal",
    "HackAttendPlus",
    "HackAttendRandom",
    "TextFoolerTransformers",
    "attack",
]


def __getattr__(name: str) -> Any:
    """Finds a recipe that a file of this package registers, by the name of its class."""
    for recipe in [] if name.startswith("_") else ATTACKS.values():
        if recipe.__name__ == name:
            return recipe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
