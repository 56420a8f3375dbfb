"""The records of the families, by kind."""

from __future__ import annotations

from ..family import Family
from .decoders import DECODERS
from .encoder_decoders import ENCODER_DECODERS
from .encoders import ENCODERS

RECORDS: tuple[Family, ...] = (*ENCODERS, *ENCODER_DECODERS, *DECODERS)
