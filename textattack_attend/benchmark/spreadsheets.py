"""Makes spreadsheets read as text the cells that begin as a formula does.

A spreadsheet that opens a CSV file computes cells that begin with ``=``, ``+``, ``-`` or ``@``, so
a text of a stranger could send a file's content away, or start a program. As OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection, and requirement 1.2.10 of its verification
standard 5.0), an apostrophe is put before such a cell. `exact` takes it away again.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

FORMULA = re.compile(
    "'*(?:[\\0\\t\\r\\n]|\\s*[=+\\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}])"
)
"""Matches the beginning of a cell that gets an apostrophe. A cell that has apostrophes already gets
another, so that removing one restores the text."""
NUMBER = re.compile("[+-]?[0-9]+(?:[.][0-9]+)?%?")
"""Matches a number, which no spreadsheet computes."""


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table with an apostrophe before each text and heading that could be computed."""
    return table.map(_harmless).rename(columns=_harmless)


def exact(cell: str) -> str:
    """Returns the text from which `harmless` made a cell."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _harmless(cell: Any) -> Any:
    if isinstance(cell, str) and FORMULA.match(cell) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
