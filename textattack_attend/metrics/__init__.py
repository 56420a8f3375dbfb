"""Metrics of attacks over structures, as rows of TextAttack's summary."""

from .structure_metrics import STRUCTURE_METRICS, FixedRow

__all__ = ["STRUCTURE_METRICS", "FixedRow"]
