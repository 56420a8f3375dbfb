"""Results as a notebook shows them."""

from __future__ import annotations

from markupsafe import Markup

from ..display.html import block, paragraph, table
from .results import Results
from .tables import measured


def html_of(results: Results) -> str:
    """Returns the tables of the victims and of the attacks."""
    parts = []
    for title, shown in measured(results):
        rows = shown.itertuples(index=False, name=None)
        parts += [paragraph(Markup("<b>{}</b>").format(title)), table(list(shown), rows)]
    return block(*parts)
