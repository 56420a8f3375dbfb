"""What a recipe would run, found out without running it."""

from __future__ import annotations

from collections.abc import Iterator

from ...checkpoint import architectures
from ...datasets import dataset_named
from ...models.wrappers import checkpoint_named
from ...named_attacks import require_attack
from ..recipe import Recipe


def validated(recipe: Recipe) -> Iterator[str]:
    """Lines that say what there is to do; data are read, checkpoints are looked up.

    Raises:
        InvalidInputError: the data, a checkpoint, the encoder or an attack is not there, or the
            attack has no such option.
    """
    size = len(dataset_named(recipe.data, count=recipe.examples))
    examples = min(size, recipe.examples or size)
    yield f"data: {recipe.data}, {_said(examples, recipe.examples)}"
    for label, checkpoints in recipe.victims.items():
        for checkpoint in checkpoints:
            saved_as = ", ".join(architectures(checkpoint_named(checkpoint)))
            yield f"victim {label}: {checkpoint}, {saved_as or 'which does not say what it is'}"
    if recipe.encoder:
        architectures(recipe.encoder)
        yield f"encoder: {recipe.encoder}"
    for label, attack in recipe.attacks.items():
        require_attack(attack.recipe, **attack.options)
        options = ", ".join(f"{name}={value}" for name, value in attack.options.items())
        yield f"attack {label}: {attack.recipe}({options})"
    yield f"{recipe.number_of_cells * examples} attacks in all"


def _said(examples: int, asked: int | None) -> str:
    """How many examples there are; what is behind the last that is asked for was not counted."""
    if asked is None or examples < asked:
        return f"all {examples} examples" + f", fewer than the {asked} asked for" * bool(asked)
    return f"the first {examples} examples"
