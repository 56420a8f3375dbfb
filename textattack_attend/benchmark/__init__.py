"""The comparative benchmark: a recipe file in, a row for every attacked example, tables out.

It needs neither torch nor TextAttack, but to run a recipe: that is in `running`.
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
