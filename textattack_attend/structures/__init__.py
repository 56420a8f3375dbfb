"""Structures: the masked attention units, their budget and their file. Needs neither torch nor
TextAttack.
"""

from .budget import Budget
from .codec import decode, encode
from .describe import describe, names_in_layer, summarize
from .file import SavedStructure, load, save
from .shape import Reach, Shape
from .structure import Cells, Matrix, Structure

__all__ = [
    "Budget",
    "Cells",
    "Matrix",
    "Reach",
    "SavedStructure",
    "Shape",
    "Structure",
    "decode",
    "describe",
    "encode",
    "load",
    "names_in_layer",
    "save",
    "summarize",
]
