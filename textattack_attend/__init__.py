"""Attack, benchmark and harden the self-attention of transformers, as a TextAttack plugin.

Nothing heavy is imported here; submodules load when they are first used. A TextAttack that is
imported later knows the package, also where torch is told to load no plugin. Modules of version 0.1
can still be imported by the names that they had.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import _textattack_attend_plugin

__version__ = "0.1.0"

MOVED = {
    "attack": "attacks.attack",
    "attack_results": "attacks.results",
    "attack_results.structure_attack_results": "attacks.results",
    "card": "checkpoints.card",
    "checkpoint": "checkpoints.loading",
    "constraints": "attack_recipes.mean_pooled_encoder",
    "defenses": "training.defenses",
    "fine_tuning": "training.fine_tuning",
    "goal_functions": "attacks.goals",
    "goal_functions.result": "attacks.goals.result",
    "goal_functions.structure_classification": "attacks.goals.structure_classification",
    "metrics": "attacks.metrics",
    "named_attacks": "attacks.named",
    "prompt": "victims.prompt",
    "published": "data.published",
    "replay": "victims.replay",
    "sanity": "analysis.sanity",
    "search_methods": "attacks.search",
    "shared": "attacks.structured_text",
    "shared.structured_text": "attacks.structured_text",
    "tables": "data.tables",
    "tasks": "training.tasks",
    "texts": "data.texts",
    "transformations": "attacks.transformations",
    "victim": "victims.victim",
}
"""The present name of each module of version 0.1 that users may have imported, or pickled."""


class _MovedModules(MetaPathFinder, Loader):
    """Imports a module by its former name, with the content of the module of today."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leaves it to Python to make the module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns how to import a module that has moved; None for any other module."""
        name = fullname.removeprefix(f"{__name__}.")
        if name == fullname or name not in MOVED:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        """Gives the module the names of the one that stands in its place today."""
        name = module.__name__.removeprefix(f"{__name__}.")
        today = vars(importlib.import_module(f"{__name__}.{MOVED[name]}"))
        vars(module).update({key: value for key, value in today.items() if key[:2] != "__"})


sys.meta_path.append(_MovedModules())
_textattack_attend_plugin.arm()


def __getattr__(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
