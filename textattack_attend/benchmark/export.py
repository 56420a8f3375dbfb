"""Tables of a store in the formats that papers and other programs take.

JSON and Parquet carry the version of the tables: in JSON as ``textattack_attend`` in the ``schema``
of a Table Schema document (``pandas.read_json(file, orient="table")`` reads it), in Parquet under
the same key in the metadata of the file. CSV, Markdown and LaTeX have no place for it.

JSON, Parquet and raw CSV have every text exactly. CSV is for spreadsheets, see `spreadsheets`: a
text that begins as a formula has an apostrophe before it. Markdown and LaTeX are for reading: a
text is in one line, and characters that cannot be seen are escapes.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from ..errors.printable import UNPRINTABLE, in_one_line
from .metrics import METRICS
from .records import Run
from .results import Results
from .schema import VERSION
from .spreadsheets import harmless
from .store import Store
from .summary import summary
from .tables import comparison, markdown, side_by_side, successes

PACKAGE = "textattack_attend"
"""The name under which tables carry their version."""


def runs_of(stores: Sequence[Store]) -> pd.DataFrame:
    """Returns a table of the runs in stores, with the fields of `Run` as columns."""
    found = [dataclasses.asdict(run) for store in stores for run in store.runs()]
    return pd.DataFrame(found, columns=[field.name for field in dataclasses.fields(Run)])


def table_of(name: str, results: Results, baseline: str | None = None) -> pd.DataFrame:
    """Returns a table of results.

    Args:
        name: ``comparison``, to read; one of `METRICS`, of victims by attacks; ``successes``, what
            the first successes took; ``summary``, all numbers with intervals; ``rows``, every
            attacked example.
        results: the results of runs.
        baseline: a victim, from which marked numbers of a table of accuracies differ.

    Raises:
        InvalidInputError: the baseline is unknown, or the table is none of accuracies.
    """
    if baseline is not None:
        return side_by_side(results, name, baseline)
    if name == "rows":
        return results.rows
    if name in METRICS:
        return side_by_side(results, name)
    return {"summary": summary, "successes": successes}.get(name, comparison)(results)


def exported(table: pd.DataFrame, kind: str) -> bytes:
    """Writes a table in a format.

    Args:
        table: a table with any columns.
        kind: one of `KINDS`.
    """
    content = KINDS[kind](table)
    return content if isinstance(content, bytes) else content.encode()


def _latex(table: pd.DataFrame) -> str:
    # An empty line would end a paragraph, and with it the table.
    shown = table.map(_in_one_line).rename(columns=_in_one_line)
    styled = shown.style.hide(axis="index").format(escape="latex", na_rep="")
    return str(styled.format_index(escape="latex", axis=1).to_latex(hrules=True))


def _in_one_line(value: Any) -> Any:
    return in_one_line(value) if isinstance(value, str) else value


def _csv(table: pd.DataFrame) -> str:
    return _raw_csv(harmless(table))


def _raw_csv(table: pd.DataFrame) -> str:
    # Every text stands between quotation marks, as some spreadsheets end a cell at a semicolon.
    return str(table.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC))


def _json(table: pd.DataFrame) -> str:
    whole = json.loads(table.to_json(orient="table", index=False))
    whole["schema"][PACKAGE] = str(VERSION)
    text = json.dumps(whole, ensure_ascii=False, indent=1)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _parquet(table: pd.DataFrame) -> bytes:
    from pyarrow import Table, parquet  # a slow import, which only this format needs

    content = Table.from_pandas(table, preserve_index=False)
    version = {PACKAGE.encode(): str(VERSION).encode()}
    file = io.BytesIO()
    parquet.write_table(content.replace_schema_metadata(content.schema.metadata | version), file)
    return file.getvalue()


KINDS: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    "markdown": markdown,
    "latex": _latex,
    "csv": _csv,
    "raw-csv": _raw_csv,
    "json": _json,
    "parquet": _parquet,
}
"""The formats of tables; LaTeX takes the package booktabs, JSON is a Table Schema document."""
