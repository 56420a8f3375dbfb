"""Tables of a store in the formats that papers and other programs take.

JSON and Parquet carry the version of the tables: in JSON as ``textattack_attend`` in the ``schema``
of a Table Schema document (``pandas.read_json(file, orient="table")`` reads it), in Parquet under
the same key in the metadata of the file. CSV, Markdown and LaTeX have no place for it.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence

import pandas as pd

from ..texts import in_one_line
from .results import Results
from .schema import VERSION, Run
from .store import Store
from .summary import MEASURES, summary
from .tables import comparison, markdown, side_by_side

PACKAGE = "textattack_attend"
"""The name under which tables carry their version."""


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
        kind: ``markdown``, ``latex`` (with booktabs), ``csv``, ``json`` (Table Schema), or
            ``parquet``.
    """
    if kind == "parquet":
        return _parquet(table)
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
        text = _json(table)
    return str(text).encode()


def _json(table: pd.DataFrame) -> str:
    whole = json.loads(table.to_json(orient="table", index=False))
    whole["schema"][PACKAGE] = str(VERSION)
    return json.dumps(whole, ensure_ascii=False, indent=1)


def _parquet(table: pd.DataFrame) -> bytes:
    from pyarrow import Table, parquet  # a slow import, which only this format needs

    content = Table.from_pandas(table, preserve_index=False)
    version = {PACKAGE.encode(): str(VERSION).encode()}
    file = io.BytesIO()
    parquet.write_table(content.replace_schema_metadata(content.schema.metadata | version), file)
    return file.getvalue()
