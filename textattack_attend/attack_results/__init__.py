"""Attack results that show what was masked."""

from .structure_attack_results import (
    FailedAttackResult,
    SkippedAttackResult,
    StructureAttackResult,
    SuccessfulAttackResult,
)

__all__ = [
    "FailedAttackResult",
    "SkippedAttackResult",
    "StructureAttackResult",
    "SuccessfulAttackResult",
]
