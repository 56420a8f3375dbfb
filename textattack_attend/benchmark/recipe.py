"""Recipe files: which victims are attacked how, on what.

.. code-block:: yaml

    data: sst2/dev.tsv^sst2          # as --dataset-from-file takes it, or one of TextAttack's names
    examples: 200                    # the first of them
    victims:                         # a label: a checkpoint, or one for every seed of its training
      plain: [runs/none-0, runs/none-1]
      S-Attend: [runs/s-attend-0, runs/s-attend-1]
    attacks:                         # a label: a recipe, or PATH^FUNCTION, with options or without
      HackAttend: hackattend
      HackAttend 0.1%: {recipe: hackattend, options: {mask_fraction: 0.001}}

Paths are relative to the file. Variables of the environment are filled in. `named_recipe` finds the
files that come with the package, one for every table of the paper, with its numbers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
)

from ..errors import InvalidInputError, did_you_mean
from ..files import text_of

RECIPES = Path(__file__).parent / "recipes"


def _located(name: str, info: ValidationInfo) -> str:
    """A path as it is from here, where there is such a thing beside the recipe; else the name.

    A recipe that comes from no file, as from a store, was located when it was read.
    """
    if info.context is None:
        return name
    path, caret, rest = name.partition("^")
    beside = (Path(info.context) / path).absolute()
    return f"{beside if beside.exists() else path}{caret}{rest}"


Name = Annotated[str, Field(min_length=1)]
Located = Annotated[Name, AfterValidator(_located)]
Checkpoints = Annotated[
    list[Located],
    Field(min_length=1),
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedAttack(_Strict):
    """An attack.

    Args:
        recipe: its name, as ``--recipe`` takes it, or PATH^FUNCTION.
        options: keywords of the recipe.
    """

    recipe: Located
    options: dict[str, Any] = {}


class Published(_Strict):
    """A table of a paper.

    Args:
        source: which one.
        rows: by column.
    """

    source: Name
    rows: Annotated[list[dict[str, str | int | float]], Field(min_length=1)]


class Recipe(_Strict):
    """What is compared.

    Args:
        data: PATH^NAME or PATH^COLUMN,...,LABEL, or a data set's name in TextAttack.
        victims: by label, the checkpoints that share a row of the table.
        attacks: by label.
        examples: how many of the first are attacked; all by default.
        queries: what an attack may ask at most, for an example.
        seconds: that an attack may take, for an example; it gives up at the query that is late.
        max_tokens: of a sequence; by default the model's.
        seeds: with each of which everything is attacked once.
        encoder: of sentences, hub name or folder, for the similarity of changed texts.
        published: rows of a table to print beside ours, and where it is from.
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
    ]
    examples: PositiveInt | None = None
    queries: PositiveInt | None = None
    seconds: PositiveFloat | None = None
    max_tokens: Annotated[int, Field(ge=8)] | None = None
    seeds: Annotated[
        list[NonNegativeInt],
        Field(min_length=1),
        BeforeValidator(lambda given: [given] if isinstance(given, int) else given),
    ] = [765]
    encoder: Located | None = None
    published: Published | None = None

    @property
    def number_of_cells(self) -> int:
        """Checkpoints times attacks times seeds."""
        checkpoints = sum(map(len, self.victims.values()))
        return checkpoints * len(self.attacks) * len(self.seeds)


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """A recipe file.

    Raises:
        InvalidInputError: it cannot be read, is no YAML, or says what cannot be understood.
    """
    path = Path(path)
    try:
        given = yaml.load(_filled_in(path), _Loader)
        return Recipe.model_validate(given, context=path.parent)
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise InvalidInputError(f"{path}: expected YAML, got an error: {line}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InvalidInputError(
            f"{path}: {place}: {first['msg']}, got {str(first['input'])[:60]!r}"
        ) from error


def _filled_in(path: Path) -> str:
    """The text of a recipe without its comments, with the environment's variables."""
    text = re.sub(r"(?m)^[ \t]*#.*\n?", "\n", text_of(path))
    filled = os.path.expandvars(text)
    missing = sorted(set(re.findall(r"\$\{?([A-Za-z_]\w*)", filled)))
    if missing:
        raise InvalidInputError(
            f"{path}: expected the environment variables {', '.join(missing)} that it names; set "
            "them as the comment at its beginning says"
        )
    return filled


def named_recipe(name: str) -> Path:
    """A recipe file: a path, or the name of one that comes with the package.

    Raises:
        InvalidInputError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    known = known_recipes()
    if name not in known:
        raise InvalidInputError(
            f"{name}: expected a recipe file, or one of {', '.join(known)}"
            f"{did_you_mean(name, known)}"
        )
    return known[name]


def known_recipes() -> dict[str, Path]:
    """Those that come with the package, by name."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}


class _Loader(yaml.SafeLoader):
    """Refuses a name that is given twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            names = [self.construct_object(key) for key, _ in node.value]
            twice = next(name for name in names if names.count(name) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"{twice!r} is given twice", node.start_mark
            )
        return mapping
