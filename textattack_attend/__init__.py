"""Attack, benchmark and harden the self-attention of transformers, as a TextAttack plugin.

The names in `__all__` are what a user needs. Nothing heavy is imported here; names and submodules
load when they are first used. A TextAttack that is imported later knows the package, also where
torch is told to load no plugin. Modules of version 0.1 can still be imported by the names that they
had.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import _textattack_attend_plugin

if TYPE_CHECKING:  # editors and type checkers read these; `PUBLIC` loads the same at first use
    from .attack_recipes import HackAttendLiong2024, HackAttendPlus
    from .attacks.results import SuccessfulAttackResult
    from .benchmark import Recipe, Results, comparison
    from .benchmark.running import Benchmark
    from .benchmark.summary import summary
    from .datasets import DemoReviews, dataset_named
    from .display.attention_map import plot_attention, plot_attention_maps
    from .errors import AttendError
    from .models.wrappers import AttentionModelWrapper
    from .report import (
        plot_efficiency,
        plot_heads,
        plot_layers,
        plot_reached_layers,
        plot_robustness,
        write_report,
    )
    from .structures import Structure
    from .training.defenses import defense_of
    from .training.fine_tuning import fine_tune
    from .victims.prompt import Prompt

__version__ = "0.2.0"

__all__ = [
    "AttendError",
    "AttentionModelWrapper",
    "Benchmark",
    "DemoReviews",
    "HackAttendLiong2024",
    "HackAttendPlus",
    "Prompt",
    "Recipe",
    "Results",
    "Structure",
    "SuccessfulAttackResult",
    "comparison",
    "dataset_named",
    "defense_of",
    "fine_tune",
    "plot_attention",
    "plot_attention_maps",
    "plot_efficiency",
    "plot_heads",
    "plot_layers",
    "plot_reached_layers",
    "plot_robustness",
    "summary",
    "write_report",
]

PUBLIC = {
    "AttendError": "errors",
    "AttentionModelWrapper": "models.wrappers",
    "Benchmark": "benchmark.running",
    "DemoReviews": "datasets",
    "HackAttendLiong2024": "attack_recipes",
    "HackAttendPlus": "attack_recipes",
    "Prompt": "victims.prompt",
    "Recipe": "benchmark",
    "Results": "benchmark",
    "Structure": "structures",
    "SuccessfulAttackResult": "attacks.results",
    "comparison": "benchmark",
    "dataset_named": "datasets",
    "defense_of": "training.defenses",
    "fine_tune": "training.fine_tuning",
    "plot_attention": "display.attention_map",
    "plot_attention_maps": "display.attention_map",
    "plot_efficiency": "report",
    "plot_heads": "report",
    "plot_layers": "report",
    "plot_reached_layers": "report",
    "plot_robustness": "report",
    "summary": "benchmark.summary",
    "write_report": "report",
}
"""The module that defines each public name."""

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
_textattack_attend_plugin.prepare()


def __dir__() -> list[str]:
    """Returns the public names, whether they are loaded or not, and what is loaded."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Loads a public name, or a submodule, when it is first used."""
    if name in PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{PUBLIC[name]}"), name)
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
