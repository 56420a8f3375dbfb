"""The report: one HTML page with tables, figures and every example, that opens from disk."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from textwrap import shorten

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from .. import __version__
from ..benchmark import Results
from ..benchmark.tables import titled
from ..errors import AttendError
from ..texts import printable
from .attention import attention_of_a_success, require_demo
from .figures import plot_attention, plot_efficiency, plot_heads, plot_layers, plot_robustness
from .panels import INK, pairs_of

FIGURES: dict[str, tuple[str, Callable[[Results], Figure]]] = {
    "efficiency": ("What a success costs", plot_efficiency),
    "robustness": ("Accuracy over the share of masked units", plot_robustness),
    "layers": ("Where the masked units lie", plot_layers),
    "heads": ("Successes that mask units of a head", plot_heads),
}
MOST_PAIRS = 100
"""How many attacks on victims a figure shows at most; drawing more would take minutes."""
EXAMPLE = (
    "victim",
    "attack",
    "seed",
    "position",
    "outcome",
    "label",
    "before",
    "after",
    "confidence_before",
    "confidence_after",
    "queries",
    "text",
    "perturbed",
    "tokens",
    "masked",
    "error",
)


def report(results: Results, title: str = "Robustness report", *, attention: bool = False) -> str:
    """The page, HTML; all that comes from data is escaped.

    A figure that the results have nothing for is left out, and the page says why.

    Args:
        results: of one run, or of several.
        title: of the page.
        attention: load the checkpoint and the data that the results name, to show the attention
            before and after an attack; without it only that of the demo is shown.
    """
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("textattack_attend.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures, missing = _figures(results, _attention if attention else _attention_of_the_demo)
    page = templates.get_template("page.html.jinja").render(
        title=title,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        done=len(results.rows),
        expected=results.expected,
        outcomes=results.rows["outcome"].value_counts().to_dict(),
        recipes=[recipe.model_dump_json(indent=2) for recipe in results.recipes],
        tables=[(name, list(table), table.to_numpy().tolist()) for name, table in titled(results)],
        figures=figures,
        missing=missing,
        style=Markup(_text("style.css")),
        script=Markup(_text("script.js")),
        examples=_packed(results.rows),
    )
    return printable(str(page))


def _figures(
    results: Results, attention: Callable[[Results], Figure]
) -> tuple[list[tuple[str, Markup]], list[str]]:
    """Title and SVG of every figure that there is, and why the others are not."""
    pairs = len(pairs_of(results))
    if pairs > MOST_PAIRS:
        reason = f"expected at most {MOST_PAIRS} attacks on victims to tell apart, got {pairs}"
        return [], [f"Figures: {reason}; name fewer runs or stores"]
    drawn, missing = [], []
    for name, (title, plot) in {**FIGURES, "attention": ("", attention)}.items():
        try:
            figure = plot(results)
        except AttendError as error:
            missing.append(f"{title or 'Attention before and after'}: {error}")
        else:
            drawn.append((title or "Attention before and after", _svg(figure, name)))
    return drawn, missing


def _attention_of_the_demo(results: Results) -> Figure:
    require_demo(results)
    return _attention(results)


def _attention(results: Results) -> Figure:
    found = attention_of_a_success(results)
    title = f"layer {found.layer}, head {found.head}; {shorten(found.where, 90, placeholder='…')}"
    return plot_attention(found.before, found.after, found.tokens, found.masked, title)


def _svg(figure: Figure, name: str) -> Markup:
    """A figure to stand in a page: in the page's colour, its ids its own."""
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return Markup(svg)


def _packed(rows: pd.DataFrame) -> str:
    """Columns and rows as JSON, compressed, in letters that mean nothing to HTML."""
    columns = json.dumps(EXAMPLE)
    values = rows[list(EXAMPLE)].to_json(orient="values", double_precision=4, force_ascii=False)
    content = f'{{"columns":{columns},"rows":{values}}}'
    return base64.b64encode(zlib.compress(content.encode())).decode()


def _text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
