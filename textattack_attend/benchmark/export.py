"""Tables of a store in the formats that papers and other programs take."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import pandas as pd

from ..texts import in_one_line
from .results import Results
from .store import Run, Store
from .summary import MEASURES, summary
from .tables import comparison, markdown, side_by_side


def runs_of(stores: Sequence[Store]) -> pd.DataFrame:
    """The runs that stores have, with the fields of `Run`."""
    found = [dataclasses.asdict(run) for store in stores for run in store.runs()]
    return pd.DataFrame(found, columns=[field.name for field in dataclasses.fields(Run)])


def table_of(name: str, results: Results) -> pd.DataFrame:
    """A table of results.

    Args:
        name: ``comparison``, to read; one of `MEASURES`, of victims by attacks; ``summary``, all
            numbers with intervals; ``rows``, every attacked example.
        results: of runs.
    """
    if name == "rows":
        return results.rows
    if name in MEASURES:
        return side_by_side(results, name)
    return summary(results) if name == "summary" else comparison(results)


def exported(table: pd.DataFrame, kind: str) -> bytes:
    """A table in a format.

    Args:
        table: of any columns.
        kind: ``markdown``, ``latex`` (with booktabs), ``csv``, ``json`` (a list of objects), or
            ``parquet``.
    """
    if kind == "parquet":
        file = io.BytesIO()
        table.to_parquet(file, index=False)
        return file.getvalue()
    if kind == "latex":
        # An empty line would end a paragraph, and with it the table.
        shown = table.map(lambda value: in_one_line(value) if isinstance(value, str) else value)
        styled = shown.style.hide(axis="index").format(escape="latex", na_rep="")
        text = styled.format_index(escape="latex", axis=1).to_latex(hrules=True)
    elif kind == "markdown":
        text = markdown(table)
    elif kind == "csv":
        text = table.to_csv(index=False)
    else:
        text = table.to_json(orient="records", force_ascii=False, indent=1)
    return str(text).encode()
