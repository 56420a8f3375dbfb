"""Runs recipes; only this part of the benchmark needs TextAttack."""

from .cluster import Cluster
from .runner import Benchmark
from .worker import Worker

__all__ = ["Benchmark", "Cluster", "Worker"]
