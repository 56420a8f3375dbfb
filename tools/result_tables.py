"""The tables and figures that documents show, made from the rows in results/.

They stand between marks, which name the files of rows:

- ``<!-- results: NAME, baseline: VICTIM -->``: accuracies beside those of a baseline;
- ``<!-- results: NAME NAME, beside: RECIPE RECIPE, metrics: ASR clean -->``: metrics beside those
  that a paper has for the same attack on the same data, as the recipes of the package say; with
  ``successes beside:`` those of the first successes alone;
- ``<!-- results: NAME NAME, table: run times -->``: the time that runs took; ``*`` names all files;
- ``<!-- results: NAME, table: trainings -->``: the dev accuracy and the time of a step;
- ``<!-- figure of results: NAME NAME, drawn by: FIGURE -->`` before an image in SVG.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import yaml

from textattack_attend.attacks.identity import MODEL_OPTIONS
from textattack_attend.benchmark import Results
from textattack_attend.benchmark.metrics import METRICS
from textattack_attend.benchmark.pairing import against
from textattack_attend.benchmark.recipe import RECIPES
from textattack_attend.benchmark.tables import (
    DIFFERS,
    LEVEL,
    comparison,
    markdown,
    side_by_side,
    successes,
)
from textattack_attend.benchmark.uncertainty import Difference
from textattack_attend.errors import InvalidInputError
from textattack_attend.files import write_whole
from textattack_attend.report.figures import FIGURES
from textattack_attend.report.figures.reached_layers import reached

from .published import RESULTS, ROOT, read
from .run_times import run_times, trainings

MARKS = re.compile(
    r"(?P<begin><!-- results: (?P<said>[^>]+?) -->\n\n).*?(?P<end>\n<!-- end of results -->)",
    re.DOTALL,
)
"""Matches a table of a document, between its marks."""
FIGURE = re.compile(
    r"<!-- figure of results: (?P<said>[^>]+?) -->\n\n!\[[^]]*\]\((?P<file>[^)]+\.svg)\)"
)
"""Matches the mark of a figure, and the image."""
SAME_ATTACK = ("choice_budget", "preset", "columns", *MODEL_OPTIONS)
"""The options that count, draw or read as the paper does, or that name models; the rest make it."""
Definition = tuple[str, str]
"""A recipe of an attack, and its options as JSON."""
NUMBERS: Mapping[str, Callable[[Results], Any]] = {
    "reached": lambda results: {
        " under ".join(reversed(pair)): counts.tolist() for pair, counts in reached(results).items()
    }
}
"""The numbers behind the figures that documents may show, which stand in the file's description."""


def remade(text: str, folder: Path = RESULTS) -> str:
    """Returns a document with all tables between marks made anew from the rows.

    Raises:
        InvalidInputError: a mark names no rows, or it asks for a table that there is not.
    """
    return MARKS.sub(
        lambda found: f"{found['begin']}{markdown(_table(found['said'], folder))}\n{found['end']}",
        text,
    )


def redraw(document: Path, folder: Path = RESULTS) -> list[Path]:
    """Draws the figures of a document anew whose numbers are not those of the rows.

    Returns:
        The files that changed.
    """
    changed = []
    for found in FIGURE.finditer(document.read_text(encoding="utf-8")):
        path = document.parent / found["file"]
        named, fields = _fields(found["said"])
        results = _together(named, folder)
        numbers = json.dumps(NUMBERS[fields["drawn by"]](results))
        if not path.is_file() or numbers not in _described(path):
            write_whole(path, _drawn(fields["drawn by"], results, numbers))
            changed.append(path)
    return changed


def documents() -> Iterator[Path]:
    """Yields the documents that have tables or figures of results."""
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if MARKS.search(text) or FIGURE.search(text):
            yield path


def beside_baseline(results: Results, baseline: str) -> pd.DataFrame:
    """Returns the accuracy of every victim, and under every attack, beside that of a baseline.

    Below an accuracy with its standard deviation over the models stands its difference from the
    baseline in points, with its 95% interval, and a dagger where it differs.
    """
    clean, robust = (
        side_by_side(results, metric).set_index("victim") for metric in ("clean", "robust")
    )
    accuracies = {"clean": clean.iloc[:, :1].set_axis(["clean"], axis=1), "robust": robust}
    models = results.rows.groupby("victim")["checkpoint"].nunique()
    found = pd.DataFrame({"victim": robust.index, "models": models[robust.index].to_numpy()})
    for metric, table in accuracies.items():
        compared = against(results, METRICS[metric], baseline)
        for attack in table:
            of = next(iter(robust)) if metric == "clean" else attack
            found[attack] = table[attack].to_numpy()
            found[f"{attack}: difference"] = [
                _said(*compared[victim, of]) if (victim, of) in compared else ""
                for victim in robust.index
            ]
    return found


def beside_paper(
    results: Results,
    metrics: list[str],
    recipes: list[str],
    tabulated: Callable[[Results], pd.DataFrame] = comparison,
) -> pd.DataFrame:
    """Returns metrics of every victim, which is named by its data, beside those of a paper.

    Args:
        results: the results of runs of several data sets, with a victim each.
        metrics: the names of metrics.
        recipes: the packaged recipes that have the paper's tables. A number of the paper belongs to
            the data that it names and to the attack that the recipe gives its label.
        tabulated: makes the table of the results that has the metrics.
    """
    found = tabulated(results)
    defined = {
        label: _definition(attack.recipe, attack.options)
        for recipe in results.recipes
        for label, attack in recipe.attacks.items()
    }
    paper = _of_paper(recipes)
    table = found[["attack", "victim"]].rename(columns={"victim": "data"})
    for metric in metrics:
        table[metric] = found.get(metric, "")
        numbers = [
            paper.get((row.data, defined[row.attack]), {}).get(metric, "")
            for row in table.itertuples()
        ]
        if any(numbers):
            table[f"{metric}, paper"] = numbers
    return table


def _of_paper(recipes: list[str]) -> dict[tuple[str, Definition], dict[str, str]]:
    """Returns the numbers of a paper, by data and attack."""
    numbers: dict[tuple[str, Definition], dict[str, str]] = {}
    for name in recipes:
        recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"))
        for row in recipe["published"]["rows"]:
            attack = recipe["attacks"][row["attack"]]
            given: dict[str, Any] = {"recipe": attack} if isinstance(attack, str) else attack
            definition = _definition(given["recipe"], given.get("options", {}))
            own = numbers.setdefault((row["data"], definition), {})
            own.update({metric: str(number) for metric, number in row.items()})
    return numbers


def _definition(recipe: str, options: Mapping[str, Any]) -> Definition:
    """Returns what an attack is, whether it counts, draws and reads as the paper does or not."""
    own = {name: value for name, value in options.items() if name not in SAME_ATTACK}
    return recipe, json.dumps(own, sort_keys=True)


def _table(said: str, folder: Path) -> pd.DataFrame:
    """Returns the table that a mark asks for."""
    named, fields = _fields(said)
    if fields.get("table") == "run times":
        return run_times({path.stem: read(path) for path in _files(named, folder)})
    results = _together(named, folder)
    if fields.get("table") == "trainings":
        return trainings(results)
    if "baseline" in fields:
        return beside_baseline(results, fields["baseline"])
    tables = {"beside": comparison, "successes beside": successes}
    for beside, tabulated in tables.items():
        if {beside, "metrics"} <= set(fields):
            recipes = fields[beside].split()
            return beside_paper(results, fields["metrics"].split(), recipes, tabulated)
    raise InvalidInputError(
        f"results: {said}: expected a baseline, or what the table stands beside and its metrics"
    )


def _together(named: str, folder: Path) -> Results:
    return Results.together([read(path) for path in _files(named, folder)])


def _files(named: str, folder: Path) -> list[Path]:
    """Returns the files of rows that a mark names."""
    if named == "*":
        return sorted(folder.glob("*.parquet"))
    return [folder / f"{name}.parquet" for name in named.split()]


def _fields(said: str) -> tuple[str, dict[str, str]]:
    """Returns the names of rows in a mark, and its other fields."""
    named, *fields = said.split(", ")
    return named, dict(field.split(": ", 1) for field in fields)


def _drawn(name: str, results: Results, numbers: str) -> bytes:
    file = BytesIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        FIGURES[name].draw(results).savefig(
            file, format="svg", metadata={"Date": None, "Description": numbers}
        )
    return file.getvalue()


def _described(path: Path) -> str:
    """Returns a figure's description, as it stands in the file."""
    return path.read_text(encoding="utf-8").replace("&quot;", '"')


def _said(own: Difference, p: float) -> str:
    mark = DIFFERS if p < LEVEL else ""
    return f"{100 * own.mean:+.1f} ({100 * own.low:+.1f} to {100 * own.high:+.1f}){mark}"
