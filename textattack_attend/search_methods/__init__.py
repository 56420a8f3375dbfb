"""Search methods over structures."""

from .greedy_matrix_search import GreedyMatrixSearch

__all__ = ["GreedyMatrixSearch"]
