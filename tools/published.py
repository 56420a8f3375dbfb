"""The rows of published tables, in results/ as Parquet.

A file has every row of a run with all that made it: the recipe, the cards of trained models, the
identities of the victims, the versions of the libraries, and the machines. Paths are relative to
the repository. Texts of DREAM and ReClor, which may not be passed on, are left out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from textattack_attend.benchmark import Recipe, Results
from textattack_attend.checkpoints.card import Card
from textattack_attend.errors import InvalidInputError
from textattack_attend.files import write_whole

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
FIELD = b"textattack_attend"
"""The name of what made the rows, in the metadata of a file."""
WITHHELD = ("dream", "dream-first", "reclor")
"""The data sets whose texts may not be passed on."""
TEXTS = ["text", "perturbed", "tokens"]


def write(results: Results, path: Path) -> None:
    """Writes the rows of one run with all that made them.

    Raises:
        InvalidInputError: the results are of several runs, or name a path of this machine.
    """
    if len(results.recipes) != 1:
        raise InvalidInputError(f"expected the results of one run, got {len(results.recipes)}")
    (recipe,) = results.recipes
    rows = results.rows
    if recipe.data.rpartition("^")[2] in WITHHELD:
        rows = rows.assign(**dict.fromkeys(TEXTS))
    rows = rows.assign(checkpoint=rows["checkpoint"].map(_relative))
    keys = {name: cell.key for (_, _, name, _), cell in results.cells.items()}
    made = {
        "recipe": json.loads(recipe.model_dump_json()),
        "cards": {name: json.loads(card.to_json()) for name, card in results.cards.items()},
        "victims": {name: key.get("victim") for name, key in keys.items()},
        "versions": next(iter(keys.values())).get("versions"),
        "machines": sorted({one.device for _, sessions in results.runs for one in sessions}),
    }
    table = pa.Table.from_pandas(rows, preserve_index=False)
    said = _relative(json.dumps(made))
    table = table.replace_schema_metadata({**table.schema.metadata, FIELD: said.encode()})
    written = pa.BufferOutputStream()
    pq.write_table(table, written, compression="zstd", compression_level=19)
    write_whole(path, written.getvalue().to_pybytes())


def read(path: Path) -> Results:
    """Reads the results that `write` wrote.

    Raises:
        InvalidInputError: there is no such file, it has not what made its rows, or its rows are of
            another recipe.
    """
    if not path.is_file():
        known = ", ".join(sorted(own.stem for own in RESULTS.glob("*.parquet")))
        raise InvalidInputError(f"{path.stem}: expected one of the results {known}, got none")
    table = pq.read_table(path)
    said = (table.schema.metadata or {}).get(FIELD)
    if said is None:
        raise InvalidInputError(f"{path.name}: expected rows with what made them, got rows alone")
    made: dict[str, Any] = json.loads(said)
    recipe, rows = Recipe.model_validate(made["recipe"]), table.to_pandas()
    labels: dict[str, list[str]] = {"victim": [*recipe.victims], "attack": [*recipe.attacks]}
    for column, of_recipe in labels.items():
        strange = sorted(set(rows[column]) - set(of_recipe))
        if strange:
            raise InvalidInputError(
                f"{path.name}: expected the {column}s of its recipe, {', '.join(of_recipe)}, got "
                f"{', '.join(strange)}"
            )
    cards = {name: Card.from_json(json.dumps(own)) for name, own in made["cards"].items()}
    return Results([recipe], rows, cards, {})


def _relative(text: str) -> str:
    """Returns a text in which paths of this machine are relative to the repository."""
    relative = text.replace(f"{ROOT.parent}/", "../")
    strange = re.search(r'(?:^|")(/[^"]*)', relative)
    if strange:
        raise InvalidInputError(
            f"expected files beside the repository, got {strange[1]!r}, a path of this machine"
        )
    return relative
