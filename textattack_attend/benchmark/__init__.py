"""The comparative benchmark: victims under attacks, as a recipe file says, kept in a store."""

from .recipe import Recipe, read_recipe
from .runner import Benchmark
from .store import Store
from .tables import comparison, victims

__all__ = ["Benchmark", "Recipe", "Store", "comparison", "read_recipe", "victims"]
