"""The comparative benchmark, which attacks as a recipe file says, and makes tables of the results.

Only `running`, which runs recipes, needs torch and TextAttack.
"""

from .recipe import Recipe, known_recipes, named_recipe, read_recipe
from .results import Results
from .store import Store
from .summary import summary
from .tables import comparison, victims

__all__ = [
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
