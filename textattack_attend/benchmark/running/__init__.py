"""Runs recipes; only this part of the benchmark needs TextAttack."""

from .cluster import Cluster
from .runner import Benchmark

__all__ = ["Benchmark", "Cluster"]
