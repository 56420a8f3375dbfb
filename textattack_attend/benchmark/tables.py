"""Makes tables to read: the comparison of attacks and victims, and the victims' cards."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd

from ..errors import InvalidInputError, require_one_of
from ..errors.printable import in_one_line
from .metrics import METRICS
from .pairing import ACCURACIES, against
from .results import Results
from .summary import summary

DIFFERS = "†"
"""The mark of a number that differs from that of the baseline."""
LEVEL = 0.05
"""The corrected probability below which a number differs."""
FIRST = 100
"""The most successes of a model that the table of successes counts, as the paper's Table 4 does."""
EFFORTS = ("seconds", "queries", "candidates")
"""The metrics that the table of successes has."""
LARGEST = 20_000_000
"""The most letters of a table in Markdown, as nobody reads a longer one."""
COST = "training time (plain: 1)"
OTHER_HEADINGS = {
    "models": "How many models there are: each is one checkpoint with one seed of the attack.",
    "errors": "Examples that could not be attacked; they count in no metric.",
    "successes": "The successes that are counted: the first 100 of each model.",
    "dev accuracy": "Accuracy on the development set after training, as the cards say.",
    COST: "Time of a training step over that of a plain step, times the rows that were added.",
}
"""Explanations of the headings that name no metric."""
MARKUP = re.compile(r"[\\`*|<$~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|\](?=\()")
"""Matches characters that Markdown takes for markup within a line, as the end of a cell."""


def comparison(results: Results) -> pd.DataFrame:
    """Returns a row for every victim under every attack.

    Columns: ``victim``; ``attack``; ``models``, how many there are, each a checkpoint with a seed;
    every one of `METRICS` of which an attack has a number, as the mean over the models, their
    standard deviation where there are several, and the 95% interval where the metric shows it; and
    ``errors``, the examples that could not be attacked, which count in no metric.
    """
    said = _metrics(results, with_intervals=True)
    keys = ["victim", "attack"]
    grouped = results.rows.groupby(keys, sort=False)
    table = pd.DataFrame(
        {
            "models": grouped.apply(_models, include_groups=False),
            "errors": grouped["outcome"].agg(lambda outcomes: (outcomes == "error").sum()),
        }
    )
    measured = set(said["measure"])
    metrics = said.pivot(index=keys, columns="measure", values="said")[
        [name for name in METRICS if name in measured]
    ]
    table = table[["models"]].join(metrics).join(table["errors"])
    return blanked(table).rename_axis(columns=None).reset_index()


def successes(results: Results) -> pd.DataFrame:
    """Returns what a success takes, for every victim under every attack.

    The means are over the first `FIRST` successes of each model alone (Liong et al. 2024, section
    6, Table 4): what failed or skipped examples took does not count.

    Columns: ``victim``; ``attack``; ``models``; ``successes``, how many are counted; and `EFFORTS`,
    with their standard deviation where there are several models.
    """
    succeeded = results.rows[results.rows["outcome"] == "succeeded"].sort_values("position")
    model = ["victim", "attack", "checkpoint", "seed"]
    counted = succeeded.groupby(model, sort=False).head(FIRST).sort_index()
    columns = ["victim", "attack", "models", "successes", *EFFORTS]
    if counted.empty:
        return pd.DataFrame(columns=columns)
    table = comparison(replace(results, rows=counted))
    numbers = counted.groupby(["victim", "attack"], sort=False).size()
    table["successes"] = [numbers[victim, attack] for victim, attack in table.iloc[:, :2].values]
    return table[[name for name in columns if name in table]]


def side_by_side(results: Results, metric: str, baseline: str | None = None) -> pd.DataFrame:
    """Returns a row for every victim and a column for every attack, as papers compare defenses.

    Args:
        results: the results of victims under attacks.
        metric: the name of one of `METRICS`, which is shown without its interval.
        baseline: a victim, from which a number with `DIFFERS` behind it differs, see `against`.

    Raises:
        InvalidInputError: the baseline is unknown, or the metric is no accuracy.
    """
    said = _metrics(results)
    said = said[said["measure"] == metric].copy()
    if baseline is not None:
        require_one_of("baseline: the table", metric, list(ACCURACIES.values()))
        compared = against(results, METRICS[metric], baseline)
        differing = {cell for cell, (_, p) in compared.items() if p < LEVEL}
        cells = zip(said["victim"], said["attack"], strict=True)
        marks = [DIFFERS if cell in differing else "" for cell in cells]
        said["said"] = said["said"] + pd.Series(marks, index=said.index, dtype=object)
    table = said.pivot(index="victim", columns="attack", values="said")
    table = table.loc[said["victim"].unique(), said["attack"].unique()]
    return blanked(table).rename_axis(columns=None).reset_index()


def victims(results: Results) -> pd.DataFrame:
    """Returns a row with dev accuracy and training cost for every victim that has cards."""
    rows = []
    for victim, own in results.rows.groupby("victim", sort=False):
        cards = [results.cards[c] for c in own["checkpoint"].unique() if c in results.cards]
        if cards:
            accuracy = pd.Series([card.accuracy for card in cards], dtype=float)
            ratio = pd.Series([card.training_time_ratio for card in cards], dtype=float)
            rows.append(
                {
                    "victim": victim,
                    "models": len(cards),
                    "dev accuracy": _said(accuracy.mean(), accuracy.std(), True),
                    COST: _said(ratio.mean(), ratio.std(), False),
                }
            )
    return pd.DataFrame(rows)


def titled(results: Results) -> list[tuple[str, pd.DataFrame]]:
    """Returns the tables of results by their titles, and those of papers that recipes name."""
    return measured(results) + published(results)


def measured(results: Results) -> list[tuple[str, pd.DataFrame]]:
    """Returns the tables that are made from results; `explanation` says what is in a column."""
    return _with_rows([("Victims", victims(results)), ("Attacks", comparison(results))])


def published(results: Results) -> list[tuple[str, pd.DataFrame]]:
    """Returns the tables of papers that the recipes of results name, by their sources."""
    found = {r.published.source: r.published.rows for r in results.recipes if r.published}
    return _with_rows([(source, pd.DataFrame(rows)) for source, rows in found.items()])


def explanation(heading: str) -> str:
    """Returns the sentence that explains a heading; an empty text for a label."""
    if heading in METRICS:
        return METRICS[heading].explanation
    return OTHER_HEADINGS.get(heading, "")


def blanked(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table with empty cells where there is no number."""
    return table.astype(object).where(table.notna(), "")


def markdown(table: pd.DataFrame) -> str:
    """Returns a table in Markdown, its numbers as they are; a text is text, not markup."""
    shown = blanked(table).map(_cell).rename(columns=_cell)
    widths = [max(map(len, map(str, [name, *column]))) for name, column in shown.items()]
    letters = sum(widths) * len(shown)
    if letters > LARGEST:
        raise InvalidInputError(
            f"the table: expected at most {LARGEST} letters of Markdown, whose columns are as wide "
            f"as their widest cell, got {letters}; export it with --format csv"
        )
    return str(shown.to_markdown(index=False, disable_numparse=True))


def inline(text: str) -> str:
    """Returns a text in one line of Markdown that shows it letter by letter."""
    return MARKUP.sub(r"\\\g<0>", in_one_line(text))


def _cell(value: Any) -> Any:
    return inline(value) if isinstance(value, str) else value


def _with_rows(tables: list[tuple[str, pd.DataFrame]]) -> list[tuple[str, pd.DataFrame]]:
    return [(title, blanked(table)) for title, table in tables if len(table)]


def _metrics(results: Results, *, with_intervals: bool = False) -> pd.DataFrame:
    """Returns the summary with a column ``said``: the numbers of a row as they are read."""
    table = summary(results)
    table["said"] = [
        _said(mean, deviation, METRICS[name].unit == "%")
        + (_interval(low, high) if with_intervals and METRICS[name].shows_interval else "")
        for name, mean, deviation, low, high in table.iloc[:, 2:].itertuples(index=False)
    ]
    return table


def _models(rows: pd.DataFrame) -> int:
    return len(rows[["checkpoint", "seed"]].drop_duplicates())


def _said(mean: float, deviation: float, percent: bool) -> str:
    """Returns a mean with its standard deviation, or an empty text if there is no number."""
    if pd.isna(mean):
        return ""
    factor, unit = (100, "%") if percent else (1, "")
    digits = 1 if percent or mean >= 10 else 2
    spread = "" if pd.isna(deviation) else f" ± {factor * deviation:.{digits}f}"
    return f"{factor * mean:.{digits}f}{spread}{unit}"


def _interval(low: float, high: float) -> str:
    return "" if pd.isna(low) else f" ({100 * low:.0f} to {100 * high:.0f})"
