"""Defenses: training methods for models that withstand attacks, one a file."""

from .options import (
    ADA,
    AFA,
    DEFENSES,
    CreAT,
    Defense,
    ExtraRow,
    FreeLB,
    HackAttendAT,
    SAttend,
    defense_of,
)
from .registry import trainer_of

__all__ = [
    "ADA",
    "AFA",
    "DEFENSES",
    "CreAT",
    "Defense",
    "ExtraRow",
    "FreeLB",
    "HackAttendAT",
    "SAttend",
    "defense_of",
    "trainer_of",
]
