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
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
)

from ..data.class_names import given_names
from ..errors import MOST, InvalidInputError, described, did_you_mean, listed, quoted
from ..host.attack_names import attack_names
from .recipe_mistakes import mistakes_of
from .recipe_yaml import yaml_of

RECIPES = Path(__file__).parent / "recipes"
LARGEST_SEED = 2**32 - 1
"""NumPy, whose generator TextAttack seeds, takes no larger one."""
LONGEST_NAME = 4096
"""The most letters of a label or a path; Linux has no longer path."""
MOST_CELLS = 10_000
"""The most cells of a table of a paper."""

T = TypeVar("T", str, int)


def _legible(name: str) -> str:
    """Returns a label or a path that tables, figures and file systems can show."""
    unprintable = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    if unprintable:
        raise ValueError(
            f"expected a text without line breaks and control characters, got {quoted(name)}"
        )
    if len(name) > LONGEST_NAME:
        raise ValueError(f"expected at most {LONGEST_NAME} letters, got {quoted(name)}")
    if not name.strip():
        raise ValueError(f"expected a text that is not empty, got {name!r}")
    return name


def _located(name: str, info: ValidationInfo) -> str:
    """Returns the absolute path of a file or folder beside the recipe, or else the name as it is.

    A recipe that comes from no file, as from a store, was located when it was read.
    """
    if info.context is None:
        return name
    path, caret, rest = name.partition("^")
    beside = os.path.abspath(os.path.join(info.context, path))
    return f"{beside if os.path.exists(beside) else path}{caret}{rest}"


def _different(given: list[T]) -> list[T]:
    """Returns a list without repetitions; something listed twice would be counted twice."""
    twice = sorted(one for one, count in Counter(given).items() if count > 1)
    if twice:
        shown = [quoted(one) if isinstance(one, str) else str(one) for one in twice[:MOST]]
        raise ValueError(f"expected each one once, got {', '.join(shown)} twice")
    return given


def _of_one_size(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of a table that is no larger than one of a paper.

    Each row may have columns of its own, so that a short file could describe an endless table.
    """
    cells = len(rows) * len({column for row in rows for column in row})
    if cells > MOST_CELLS:
        raise ValueError(f"expected a table of at most {MOST_CELLS} cells, got {cells}")
    return rows


def _alone_or_listed(given: Any) -> Any:
    return [given] if isinstance(given, str | int) else given


Name = Annotated[str, AfterValidator(_legible)]
Located = Annotated[Name, AfterValidator(_located)]
Whole = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, le=LARGEST_SEED)]
Checkpoints = Annotated[
    list[Located],
    Field(min_length=1),
    BeforeValidator(_alone_or_listed),
    AfterValidator(_different),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedAttack(_Strict):
    """An attack recipe with its options.

    Args:
        recipe: the name of the attack recipe, as ``--recipe`` takes it, or PATH^FUNCTION.
        options: the keyword arguments of the attack recipe.
    """

    recipe: Located
    options: dict[str, JsonValue] = {}


class Published(_Strict):
    """A table of a paper, printed for comparison.

    Args:
        source: the citation of the table.
        rows: the rows of the table, each with its cells by column.
    """

    source: Name
    rows: Annotated[
        list[dict[str, str | int | float]], Field(min_length=1), AfterValidator(_of_one_size)
    ]


class Recipe(_Strict):
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
    ]
    examples: Whole | None = None
    queries: Whole | None = None
    seconds: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = None
    max_tokens: Annotated[int, Field(strict=True, ge=8)] | None = None
    seeds: Annotated[
        list[Seed],
        Field(min_length=1),
        BeforeValidator(_alone_or_listed),
        AfterValidator(_different),
    ] = [765]
    label_names: Annotated[list[Name], AfterValidator(lambda names: list(given_names(names)))] = []
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
        """The number of cells: checkpoints times attacks times seeds."""
        checkpoints = sum(map(len, self.victims.values()))
        return checkpoints * len(self.attacks) * len(self.seeds)


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
