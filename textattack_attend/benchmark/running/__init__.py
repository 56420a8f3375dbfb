"""Runs recipes: needs TextAttack, as nothing else of the benchmark does."""

from .cluster import Cluster
from .runner import Benchmark

__all__ = ["Benchmark", "Cluster"]
