"""The report: one HTML page with tables, figures and every example, that opens from disk."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from textwrap import shorten
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from .. import __version__
from ..benchmark import Results
from ..benchmark.tables import explanation, measured, published
from ..errors import AttendError
from ..errors.printable import printable
from ..structures.describe import numbered
from .attention import attention_of_a_success, require_demo
from .attention_values import attention_values, limits
from .citations import bibliography
from .figures import FIGURES, ReportFigure, plot_attention
from .inline_svg import inline_svg
from .marks import address_of
from .opening import first_success, sentences
from .panels import pairs_of
from .policy import content_security_policy
from .provenance import provenance
from .script import script
from .sections import Section
from .shown import ShownFigure, ShownTable, shown_figure, shown_table

MOST_PAIRS = 100
"""The most attacks on victims that a figure shows; drawing more would take minutes."""
EXAMPLE = (
    "victim",
    "attack",
    "checkpoint",
    "seed",
    "position",
    "outcome",
    "label",
    "before",
    "after",
    "label_name",
    "before_name",
    "after_name",
    "confidence_before",
    "confidence_after",
    "queries",
    "text",
    "perturbed",
    "tokens",
    "masked",
    "error",
)


def report(
    results: Results,
    title: str = "Robustness report",
    *,
    attention: bool = False,
    sections: Sequence[Section] = (),
) -> str:
    """Returns the page as HTML, in which all data are escaped, so that none can be executed.

    A figure that the results have nothing for is left out, and the page says why.

    Args:
        results: the results of one run, or of several.
        title: the title of the page.
        attention: load the checkpoint and the data that the results name, to show the attention
            before and after an attack; without it only that of the demo is shown.
        sections: sections of the caller's, which stand first.
    """
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("textattack_attend.report", "."),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    bibtex, uncited = bibliography(results)
    values = attention_values(results, trusted=attention)
    figures, missing = _figures(results, _attention if attention else _attention_of_the_demo)
    code, style = script(), _text("style.css")
    return templates.get_template("page.html.jinja").render(
        title=title,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        found=sentences(results),
        success=first_success(results),
        address_of=address_of,
        trusted=sorted({path for recipe in results.recipes for path in recipe.trusted}),
        provenance=provenance(results),
        bibtex=bibtex,
        uncited=uncited,
        recipes=[recipe.model_dump_json(indent=2) for recipe in results.recipes],
        sections=[_section(own, number) for number, own in enumerate(sections, 1)],
        tables=_tables(results),
        figures=figures,
        missing=missing,
        policy=Markup(content_security_policy(code, style)),
        style=Markup(style),
        script=Markup(code),
        limits=limits(results, values),
        examples=_packed(results.rows, values),
    )


def _section(section: Section, number: int) -> tuple[Section, Markup, list[ShownTable]]:
    """Returns a section with its figure and its tables as the page shows them."""
    svg = inline_svg(section.figure, f"section-{number}") if section.figure else Markup()
    return section, svg, [shown_table(*titled) for titled in section.tables.items()]


def _tables(results: Results) -> list[ShownTable]:
    """Returns the tables; those of papers have their own metrics, which we cannot explain."""
    return [
        *(shown_table(title, table, explanation) for title, table in measured(results)),
        *(shown_table(title, table) for title, table in published(results)),
    ]


def _figures(
    results: Results, attention: Callable[[Results], Figure]
) -> tuple[list[ShownFigure], list[str]]:
    """Returns the figures, and the reasons why others are missing."""
    pairs = len(pairs_of(results))
    if pairs > MOST_PAIRS:
        reason = f"expected at most {MOST_PAIRS} attacks on victims to tell apart, got {pairs}"
        return [], [f"Figures: {reason}; name fewer runs or stores"]
    drawn, missing = [], []
    last = ReportFigure("Attention before and after", attention)
    for name, shown in {**FIGURES, "attention": last}.items():
        try:
            figure = shown.draw(results)
        except AttendError as error:
            missing.append(f"{shown.title}: {error}")
        else:
            drawn.append(shown_figure(name, shown.title, figure))
    return drawn, missing


def _attention_of_the_demo(results: Results) -> Figure:
    require_demo(results)
    return _attention(results)


def _attention(results: Results) -> Figure:
    found = attention_of_a_success(results)
    title = f"layer {found.layer}, head {found.head}; {shorten(found.where, 90, placeholder='…')}"
    return plot_attention(found.before, found.after, numbered(found.tokens), found.masked, title)


def _packed(rows: pd.DataFrame, attention: dict[Hashable, dict[str, Any]]) -> str:
    """Returns columns and rows as JSON, compressed, in letters that mean nothing to HTML."""
    columns = json.dumps([*EXAMPLE, "attention"])
    examples = rows[list(EXAMPLE)].map(_shown)
    examples["tokens"] = rows["tokens"].map(_tokens)
    examples["attention"] = [attention.get(index) for index in rows.index]
    values = examples.to_json(orient="values", double_precision=4, force_ascii=False)
    content = f'{{"columns":{columns},"rows":{values}}}'
    return base64.b64encode(zlib.compress(content.encode())).decode()


def _tokens(cell: Any) -> list[str] | None:
    """Returns the tokens of a text, of which a row has a JSON list."""
    return list(map(printable, json.loads(cell))) if isinstance(cell, str) else None


def _shown(value: Any) -> Any:
    """Returns a value as the page shows it; markup of our own stays as it is."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
