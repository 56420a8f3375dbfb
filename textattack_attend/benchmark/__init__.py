"""The comparative benchmark: a recipe file in, a row for every attacked example, tables out."""

from .cluster import Cluster
from .recipe import Recipe, known_recipes, named_recipe, read_recipe
from .results import Results
from .runner import Benchmark
from .store import Store
from .summary import summary
from .tables import comparison, victims

__all__ = [
    "Benchmark",
    "Cluster",
    "Recipe",
    "Results",
    "Store",
    "comparison",
    "known_recipes",
    "named_recipe",
    "read_recipe",
    "summary",
    "victims",
]
