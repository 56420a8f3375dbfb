"""Defenses: training methods for models that withstand attacks, one a file."""

from .ada import ADA
from .afa import AFA
from .alignment_attention import AlignmentAttention
from .asa import ASA
from .awp import AWP
from .bayesian_attention import BayesianAttention
from .creat import CreAT
from .freelb import FreeLB
from .hackattend_at import HackAttendAT
from .options import Defense, ExtraRow
from .r_drop import RDrop
from .registry import DEFENSES, defense_of, register_defense, trainer_of
from .s_attend import SAttend

__all__ = [
    "ADA",
    "AFA",
    "ASA",
    "AWP",
    "DEFENSES",
    "AlignmentAttention",
    "BayesianAttention",
    "CreAT",
    "Defense",
    "ExtraRow",
    "FreeLB",
    "HackAttendAT",
    "RDrop",
    "SAttend",
    "defense_of",
    "register_defense",
    "trainer_of",
]
