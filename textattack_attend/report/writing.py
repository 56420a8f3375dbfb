"""Writes a report to a file."""

from __future__ import annotations

import os

from ..benchmark import Results
from ..files import write_whole
from .page import report


def write_report(
    results: Results,
    path: str | os.PathLike[str] = "report.html",
    title: str = "Robustness report",
    *,
    attention: bool = False,
) -> None:
    """Writes results as one HTML page that opens from disk.

    Args:
        results: the results of one run, or of several.
        path: the path of the page; a page that is there is replaced.
        title: the title of the page.
        attention: whether to load the checkpoint and the data that the results name, to show the
            attention before and after an attack; only for results that you trust.

    Raises:
        InvalidInputError: the page cannot be written.
    """
    write_whole(path, report(results, title, attention=attention).encode())
