"""Attack recipes: HackAttend, the configurations of its paper, and attacks to compare it with."""

import textattack  # noqa: F401  # its import registers all attacks, before one file looks for it

from .hackattend_ablations import (
    HackAttendAttentionRanking,
    HackAttendGradientOnly,
    HackAttendHalfScale,
    HackAttendImportanceOnly,
    HackAttendRandom,
)
from .hackattend_liong_2024 import HackAttendLiong2024
from .hackattend_plus import HackAttendPlus
from .registry import ATTACKS, attack
from .word_attacks import BERTAttackTransformers, TextFoolerTransformers

__all__ = [
    "ATTACKS",
    "BERTAttackTransformers",
    "HackAttendAttentionRanking",
    "HackAttendGradientOnly",
    "HackAttendHalfScale",
    "HackAttendImportanceOnly",
    "HackAttendLiong2024",
    "HackAttendPlus",
    "HackAttendRandom",
    "TextFoolerTransformers",
    "attack",
]
