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

Paths are relative to the file. Variables of the environment are filled in.
"""

from __future__ import annotations

import os
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
    PositiveInt,
    ValidationError,
    ValidationInfo,
)

from ..errors import InvalidInputError
from ..files import text_of


def _located(name: str, info: ValidationInfo) -> str:
    """A path as it is from here, where there is such a thing beside the recipe; else the name."""
    path, caret, rest = name.partition("^")
    beside = Path(info.context or ".") / path
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


class Recipe(_Strict):
    """What is compared.

    Args:
        data: PATH^NAME or PATH^COLUMN,...,LABEL, or a data set's name in TextAttack.
        victims: by label, the checkpoints that share a row of the table.
        attacks: by label.
        examples: how many of the first are attacked; all by default.
        queries: what an attack may ask at most, for an example.
        max_tokens: of a sequence; by default the model's.
        seed: set before every attack.
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
    max_tokens: PositiveInt | None = None
    seed: int = 765


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """A recipe file.

    Raises:
        InvalidInputError: it cannot be read, is no YAML, or says what cannot be understood.
    """
    path = Path(path)
    try:
        given = yaml.load(os.path.expandvars(text_of(path)), _Loader)
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
