"""The command ``textattack-attend ls``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from .common import COMMANDS, command
from .terminal import echo


def _recipes() -> Iterable[str]:
    from ..benchmark.recipe import known_recipes

    for name, path in known_recipes().items():
        yield f"{name:12} {path.read_text(encoding='utf-8').splitlines()[0].lstrip('# ')}"


def _attacks() -> Iterable[str]:
    from textattack import attack_args

    return sorted(attack_args.ATTACK_RECIPE_NAMES)


def _victims() -> Iterable[str]:
    from textattack.model_args import HUGGINGFACE_MODELS

    return sorted(name for name, model in HUGGINGFACE_MODELS.items() if isinstance(model, str))


def _defenses() -> Iterable[str]:
    from ..training.defenses import DEFENSES

    return DEFENSES


def _tasks() -> Iterable[str]:
    from ..training.tasks import TASKS

    return TASKS


def _data() -> Iterable[str]:
    from ..data.published import PUBLISHED

    return PUBLISHED


def _families() -> Iterable[str]:
    from ..attention.families import FAMILIES

    return sorted(FAMILIES)


def _rankings() -> Iterable[str]:
    from ..rankings.ranking import RANKINGS

    return RANKINGS


def _metrics() -> Iterable[str]:
    from ..benchmark.metrics import METRICS

    for name, metric in METRICS.items():
        yield f"{name:20} {metric.help}"


def _figures() -> Iterable[str]:
    from ..report.figures import FIGURES

    return FIGURES


KINDS: dict[str, Callable[[], Iterable[str]]] = {
    "recipes": _recipes,
    "attacks": _attacks,
    "rankings": _rankings,
    "victims": _victims,
    "defenses": _defenses,
    "data": _data,
    "tasks": _tasks,
    "families": _families,
    "figures": _figures,
    "commands": lambda: sorted(COMMANDS),
    "metrics": _metrics,
}


@command("ls")
@click.argument("kinds", type=click.Choice(list(KINDS)), nargs=-1)
def known(kinds: tuple[str, ...]) -> None:
    """List everything that has a name.

    Recipes of the benchmark; attacks, and the rankings that HackAttend takes; victims of
    TextAttack, beside any folder and hub name; defenses, tasks, families of models, figures of the
    report, metrics of the benchmark, and commands.
    """
    for kind in kinds or KINDS:
        echo(f"{kind}:")
        for line in KINDS[kind]():
            echo(f"  {line}")
