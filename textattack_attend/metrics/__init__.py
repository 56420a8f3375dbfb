"""Metrics of attacks over structures, as rows of TextAttack's summary."""

from .structure_metrics import STRUCTURE_METRICS, Said

__all__ = ["STRUCTURE_METRICS", "Said"]
