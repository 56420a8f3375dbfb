"""Attack recipes: HackAttend, and the other configurations of its paper."""

from .hackattend_ablations import (
    HackAttendAttentionRanking,
    HackAttendGradientOnly,
    HackAttendHalfScale,
    HackAttendImportanceOnly,
    HackAttendRandom,
)
from .hackattend_liong_2024 import HackAttendLiong2024

__all__ = [
    "HackAttendAttentionRanking",
    "HackAttendGradientOnly",
    "HackAttendHalfScale",
    "HackAttendImportanceOnly",
    "HackAttendLiong2024",
    "HackAttendRandom",
]
