"""Search methods over structures."""

from .fewest_units_search import FewestUnitsSearch
from .greedy_matrix_search import GreedyMatrixSearch
from .reselection_search import ReselectionSearch
from .stepwise_search import Question, SearchedExample, SearchOutcome, StepwiseSearch

__all__ = [
    "FewestUnitsSearch",
    "GreedyMatrixSearch",
    "Question",
    "ReselectionSearch",
    "SearchOutcome",
    "SearchedExample",
    "StepwiseSearch",
]
