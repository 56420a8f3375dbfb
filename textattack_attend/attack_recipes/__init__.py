"""Attack recipes: HackAttend, and the other configurations of its paper."""

from .hackattend_ablations import (
    HackAttendAttentionRanking,
    HackAttendGradientOnly,
    HackAttendHalfScale,
    HackAttendImportanceOnly,
    HackAttendRandom,
)
from .hackattend_liong_2024 import HackAttendLiong2024
from .hackattend_plus import HackAttendPlus

__all__ = [
    "HackAttendAttentionRanking",
    "HackAttendGradientOnly",
    "HackAttendHalfScale",
    "HackAttendImportanceOnly",
    "HackAttendLiong2024",
    "HackAttendPlus",
    "HackAttendRandom",
]
