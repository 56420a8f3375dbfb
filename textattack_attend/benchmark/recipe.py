"""Recipe files: which victims are attacked how, on what.

.. code-block:: yaml

    data: sst2/dev.tsv^sst2          # as --dataset-from-file takes it, or one of TextAttack's names
    examples: 200                    # the first of them
    victims:                         # a label: a checkpoint, or one for every seed of its training
      base: runs/none-0
      another seed: [runs/none-1, runs/none-2]
      S-Attend: [runs/s-attend-0, runs/s-attend-1]
    attacks:                         # a label: a recipe, or PATH^FUNCTION, with options or without
      HackAttend: hackattend
      HackAttend 0.1%: {recipe: hackattend, options: {mask_fraction: 0.001}}
      TextFooler: {recipe: textfooler-transformers, source: base}   # found once, on the victim base

Paths are relative to the file. Variables of the environment are filled in. `named_recipe` finds the
files that come with the package, one for every table of the paper, with its numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from ..data.class_names import given_names
from ..errors import InvalidInputError, described, did_you_mean, listed, quoted
from ..host.attack_names import attack_names
from .recipe_fields import (
    Checkpoints,
    Located,
    Name,
    NamedAttack,
    Published,
    Seed,
    Strict,
    Whole,
    alone_or_listed,
    different,
    with_protocols,
)
from .recipe_mistakes import mistakes_of
from .recipe_yaml import yaml_of

RECIPES = Path(__file__).parent / "recipes"


class Recipe(Strict):
    """A benchmark recipe, which says what victims are attacked by what attacks on what data.

    Args:
        data: PATH^NAME or PATH^COLUMN,...,LABEL, demo, or a data set's name in TextAttack.
        victims: the checkpoints that share a row of the table, by its label.
        attacks: the attacks, by label.
        examples: the number of examples, from the first on, to attack; None for all.
        queries: the most queries of an attack for one example; None for any number.
        seconds: the seconds of an attack for one example, after which its next query ends it; None
            for any time.
        max_tokens: the most tokens of a sequence; None for as many as the model allows.
        seeds: the seeds, with each of which every attack runs once.
        label_names: the names of the classes of every victim, in their order; none for the names
            that each victim has itself.
        encoder: the hub name or folder of the sentence encoder that measures how similar changed
            texts are; None to measure no similarity.
        trust_remote_code: whether to run the Python code that checkpoints of victims bring along.
        published: a table of a paper to print beside the results.
    """

    data: Located
    victims: Annotated[dict[Name, Checkpoints], Field(min_length=1)]
    attacks: Annotated[
        dict[
            Name,
            Annotated[
                NamedAttack,
                BeforeValidator(lambda g: {"recipe": g} if isinstance(g, str) else g),
            ],
        ],
        Field(min_length=1),
        AfterValidator(with_protocols),
    ]
    examples: Whole | None = None
    queries: Whole | None = None
    seconds: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = None
    max_tokens: Annotated[int, Field(strict=True, ge=8)] | None = None
    seeds: Annotated[
        list[Seed],
        Field(min_length=1),
        BeforeValidator(alone_or_listed),
        AfterValidator(different),
    ] = Field(default=[765])
    label_names: Annotated[list[Name], AfterValidator(lambda names: list(given_names(names)))] = (
        Field(default=[])
    )
    encoder: Located | None = None
    trust_remote_code: Annotated[bool, Field(strict=True)] = False
    published: Published | None = None

    if not TYPE_CHECKING:  # type checkers know the fields

        def __init__(self, /, **fields: Any) -> None:
            """Makes a recipe of its fields; all mistakes are listed in one line.

            Raises:
                InvalidInputError: there are mistakes.
            """
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise InvalidInputError(f"recipe: {listed(mistakes_of(error, Recipe))}") from error

        # Recipes that come from files are validated as before, with the folder of the file.
        __init__.__pydantic_base_init__ = True

    @classmethod
    def load(cls, recipe: str | os.PathLike[str]) -> Recipe:
        """Reads a recipe file, or a recipe that comes with the package.

        Args:
            recipe: the path of the file, or the name of a recipe, as ``quick``.

        Raises:
            InvalidInputError: there is no such recipe, or it has mistakes; the message names all.
        """
        if not isinstance(recipe, str | os.PathLike):
            advice = "Recipe(**fields)" if isinstance(recipe, Mapping) else "Recipe.load('quick')"
            raise InvalidInputError(
                "expected the path of a recipe file, or the name of a recipe, got "
                f"{described(recipe)}; write {advice}"
            )
        return read_recipe(named_recipe(os.fspath(recipe)))

    @model_validator(mode="after")
    def _knows_its_sources(self) -> Self:
        for label, attack in self.attacks.items():
            if attack.source is None:
                continue
            where = f"attack {quoted(label)}: source: expected"
            if attack.source not in self.victims:
                raise ValueError(
                    f"{where} one of the victims {', '.join(self.victims)}, got "
                    f"{quoted(attack.source)}{did_you_mean(attack.source, self.victims)}"
                )
            if len(self.victims[attack.source]) > 1:
                raise ValueError(
                    f"{where} a victim of one checkpoint, got {quoted(attack.source)} with "
                    f"{len(self.victims[attack.source])}; give one of them a label of its own"
                )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out a field that older recipes lack, as a run's id is made of its recipe."""
        fields: dict[str, Any] = serialize(self)
        for name in ("trust_remote_code", "label_names"):
            if not fields[name]:
                del fields[name]
        return fields

    @property
    def trusted(self) -> list[str]:
        """The checkpoints whose own code the recipe allows to run."""
        return list(chain(*self.victims.values())) if self.trust_remote_code else []

    @property
    def number_of_cells(self) -> int:
        """The number of cells to attack: checkpoints times attacks times seeds, one a source."""
        checkpoints = sum(map(len, self.victims.values()))
        adaptive = [attack for attack in self.attacks.values() if attack.source is None]
        transferred = len(self.attacks) - len(adaptive)
        return (checkpoints * len(adaptive) + transferred) * len(self.seeds)


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Reads a recipe file.

    Raises:
        InvalidInputError: the file cannot be read, is no YAML, or is no recipe; the
            message names all mistakes.
    """
    path = Path(path)
    given = yaml_of(path)
    keys = f"a recipe with the keys {', '.join(Recipe.model_fields)}"
    if given is None:
        raise InvalidInputError(f"{path}: expected {keys}, got an empty file")
    if not isinstance(given, dict):
        raise InvalidInputError(f"{path}: expected {keys}, got {described(given)}")
    try:
        return Recipe.model_validate(given, context=path.parent)
    except ValidationError as error:
        raise InvalidInputError(f"{path}: {listed(mistakes_of(error, Recipe))}") from error


def named_recipe(name: str) -> Path:
    """Returns the path of a recipe file, or of the recipe of that name in the package.

    Raises:
        InvalidInputError: there is no such file and no such recipe.
    """
    path = Path(name)
    if os.path.isfile(path):
        return path
    known = known_recipes()
    if name not in known:
        raise InvalidInputError(
            f"{name}: expected a recipe file of the benchmark, or one of {', '.join(known)}"
            f"{_meant(name, known)}"
        )
    return known[name]


def _meant(name: str, known: Iterable[str]) -> str:
    """Returns the end of a message about an unknown recipe, which says what may be meant."""
    if name in attack_names():
        return f", got an attack; textattack-attend attack --recipe {name} runs it alone"
    return did_you_mean(name, known)


def known_recipes() -> dict[str, Path]:
    """Returns the paths of the recipes that come with the package, by name."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}
