"""Finds out what a recipe would run, without running it."""

from __future__ import annotations

from collections.abc import Iterator

from ...attacks.named import is_in_file, split
from ...checkpoints.loading import architectures
from ...models.wrappers import checkpoint_named
from ..recipe import Recipe
from ..recipe_fields import NamedAttack
from .rehearsal import loader_of, rehearse


def validated(recipe: Recipe, may_execute: bool = False) -> Iterator[str]:
    """Rehearses a recipe, and yields lines that say what it would run.

    Args:
        recipe: the recipe.
        may_execute: whether Python files that the recipe names may be executed; otherwise the code
            of their attacks is checked, but not executed.

    Raises:
        InvalidInputError: the data, a checkpoint, the encoder or an attack is missing, or they do
            not fit each other; the message names all mistakes.
    """

    def trusted(attack: NamedAttack) -> bool:
        return may_execute or not is_in_file(attack.recipe)

    examples = rehearse(recipe, loader_of(recipe), trusted=trusted)
    yield f"data: {recipe.data}, {_said(examples, recipe.examples)}"
    for label, checkpoints in recipe.victims.items():
        for checkpoint in checkpoints:
            saved_as = ", ".join(architectures(checkpoint_named(checkpoint)))
            yield f"victim {label}: {checkpoint}, {saved_as or 'which does not say what it is'}"
    if recipe.encoder:
        yield f"encoder: {recipe.encoder}"
    for label, attack in recipe.attacks.items():
        options = ", ".join(f"{name}={value}" for name, value in attack.options.items())
        once = (
            attack.source and f" once, on {attack.source}; every victim is scored on what it found"
        )
        yield f"attack {label}: {attack.recipe}({options}){once or ''}"
        if not trusted(attack):
            yield (
                f"attack {label}: {split(attack.recipe)[0]} was read and not executed, so it was "
                "not checked that it can be imported and that its attack can be built and run; if "
                "you trust the file, --run-code does that"
            )
    yield f"{recipe.number_of_cells * examples} attacks in all"


def _said(examples: int, asked: int | None) -> str:
    """Describes the number of examples; those after the last that is asked for do not count."""
    if asked is None or examples < asked:
        return f"all {examples} examples" + f", fewer than the {asked} asked for" * bool(asked)
    return f"the first {examples} examples"
