"""Search methods over structures."""

from .greedy_matrix_search import GreedyMatrixSearch
from .stepwise_search import Question, StepwiseSearch

__all__ = ["GreedyMatrixSearch", "Question", "StepwiseSearch"]
