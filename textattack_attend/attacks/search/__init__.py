"""Search methods over structures."""

from .ensemble_search import EnsembleSearch, Member
from .fewest_units_search import FewestUnitsSearch
from .greedy_matrix_search import GreedyMatrixSearch
from .reselection_search import ReselectionSearch
from .stepwise_search import Question, SearchedExample, SearchOutcome, StepwiseSearch
from .surrogate_search import SurrogateSearch

__all__ = [
    "EnsembleSearch",
    "FewestUnitsSearch",
    "GreedyMatrixSearch",
    "Member",
    "Question",
    "ReselectionSearch",
    "SearchOutcome",
    "SearchedExample",
    "StepwiseSearch",
    "SurrogateSearch",
]
