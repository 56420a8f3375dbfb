"""Defenses: training methods for models that withstand attacks, one a file."""

from .options import DEFENSES, Defense, SAttend, defense_of
from .registry import trainer_of

__all__ = ["DEFENSES", "Defense", "SAttend", "defense_of", "trainer_of"]
