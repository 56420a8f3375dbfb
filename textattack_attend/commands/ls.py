"""The command ``textattack-attend ls``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from inspect import getdoc, getsource

import click

from .choices import LazyChoice
from .common import COMMANDS, command
from .kinds import KINDS, Named, kind, named
from .terminal import echo

UNFIT = ("NonOverlappingOutput", "MinimizeBleu", "WordSwapGradientBased")
"""Parts of the attacks of TextAttack that can attack no classifier of transformers: two goals for
models that write texts, and a search through the words of a vocabulary."""
NEEDED = {
    "UniversalSentenceEncoder": ("tensorflow_hub", "TensorFlow"),
    "Google1BillionWordsLanguageModel": ("tensorflow", "TensorFlow"),
    "SBERT": ("sentence_transformers", "sentence-transformers"),
}
"""The packages that parts of TextAttack's attacks need, and their names in words."""
UNATTACKABLE = ("stsb",)
"""Parts of the names of TextAttack's models that no attack can be run on, as their task has no
classes."""


@kind("attacks", "textattack-attend attack --recipe NAME --model MODEL, or `recipe` in a YAML file")
def _attacks() -> Iterable[Named]:
    from textattack import attack_args

    from ..host.attack_names import attack_names

    ours = attack_names()
    names = sorted(attack_args.ATTACK_RECIPE_NAMES, key=lambda name: (name not in ours, name))
    for name in sorted(names, key=lambda name: not name.startswith("hackattend")):
        module, _, recipe = attack_args.ATTACK_RECIPE_NAMES[name].rpartition(".")
        attack = getattr(import_module(module), recipe)
        source = getsource(sys.modules[attack.__module__])
        if name in ours:
            yield name, _first_sentence(attack)
        elif not any(part in source for part in UNFIT):
            needed = {
                package: words
                for part, (package, words) in NEEDED.items()
                if part in source and find_spec(package) is None
            }
            yield (
                name,
                f"needs {', '.join(needed.values())}, which is not installed" if needed else "",
            )


@kind("victims", "textattack-attend attack --model NAME; any folder or hub name does as well")
def _victims() -> Iterable[Named]:
    from textattack.model_args import HUGGINGFACE_MODELS

    from ..demo import NAME

    yield NAME, "comes with this package; the others are on the hub"
    for name, model in sorted(HUGGINGFACE_MODELS.items()):
        trained = isinstance(model, str) and model.startswith("textattack/")
        if trained and not any(part in name for part in UNATTACKABLE):
            yield name, ""


@kind("recipes", "textattack-attend benchmark NAME; `validate NAME` says what it would run")
def _recipes() -> Iterable[Named]:
    from ..benchmark.recipe import known_recipes

    for name, path in known_recipes().items():
        yield name, path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")


@kind("metrics", "textattack-attend results --table NAME")
def _metrics() -> Iterable[Named]:
    from ..benchmark.metrics import METRICS

    return [(name, metric.help) for name, metric in METRICS.items()]


@kind("figures", "textattack-attend report draws them all")
def _figures() -> Iterable[Named]:
    from ..report.figures import FIGURES

    return [(name, figure.title) for name, figure in FIGURES.items()]


@kind("data", "a file as PATH^NAME where a command takes --data")
def _data() -> Iterable[Named]:
    from ..data.published import PUBLISHED

    return [(name, own.expected) for name, own in PUBLISHED.items()]


@kind("tasks", "textattack-attend train --data FOLDER^NAME")
def _tasks() -> Iterable[Named]:
    from ..training.tasks import TASKS

    return named(TASKS)


@kind("defenses", "textattack-attend train --defense NAME")
def _defenses() -> Iterable[Named]:
    from ..training.defenses import DEFENSES

    return [(name, _first_sentence(method.options)) for name, method in DEFENSES.items()]


@kind("rankings", "the option `ranking` of HackAttend")
def _rankings() -> Iterable[Named]:
    from ..rankings.ranking import RANKINGS

    return named(RANKINGS)


@kind("families", "the model types of transformers whose attention can be attacked")
def _families() -> Iterable[Named]:
    from ..attention.families import FAMILIES

    for name, family in sorted(FAMILIES.items(), key=lambda one: (one[1].kind, one[0])):
        since = f"; transformers {family.since} or newer" if family.since else ""
        yield name, f"{family.kind}{since}"


@kind("commands", "textattack-attend NAME --help")
def _commands() -> Iterable[Named]:
    return [(name, own.get_short_help_str(limit=200)) for name, own in sorted(COMMANDS.items())]


@command("ls")
@click.argument("kinds", type=LazyChoice(lambda: KINDS), nargs=-1)
def known(kinds: tuple[str, ...]) -> None:
    """List what has a name: attacks, victims, metrics and others.

    Name one or several KINDS to list them alone.
    """
    for number, one in enumerate(kinds or KINDS):
        found = list(KINDS[one].listed())
        width = max(len(name) for name, _ in found)
        echo(*[""] * bool(number), f"{one} ({KINDS[one].use}):")
        echo(*(f"  {name:{width}}  {said}".rstrip() for name, said in found))


def _first_sentence(documented: type) -> str:
    return " ".join((getdoc(documented) or "").split("\n\n")[0].split())
