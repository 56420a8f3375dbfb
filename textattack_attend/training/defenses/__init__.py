"""Defenses: training methods for models that withstand attacks, one a file."""

from .ada import ADA
from .afa import AFA
from .creat import CreAT
from .freelb import FreeLB
from .hackattend_at import HackAttendAT
from .options import Defense, ExtraRow
from .registry import DEFENSES, defense_of, register_defense, trainer_of
from .s_attend import SAttend

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
    "register_defense",
    "trainer_of",
]
