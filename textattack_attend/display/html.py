"""Small tables and paragraphs in HTML, as notebooks show them, in which every text is escaped.

Colours are those of the notebook: borders and shades are half transparent, so that they can be seen
on a light page as well as on a dark one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from ..errors.printable import printable

CELL = "padding:0.15em 0.6em;border:none;border-bottom:1px solid rgba(128,128,128,0.3);"
SHADE = "59,130,208"
"""The colour of shaded cells, as red, green and blue."""


def text(value: Any) -> Markup:
    """Returns a value as text that neither is markup nor hides a character."""
    return Markup.escape(printable(str(value)))


def paragraph(content: Any) -> Markup:
    """Returns a paragraph; a `Markup` stays as it is, anything else becomes text."""
    return Markup('<p style="margin:0.3em 0">{}</p>').format(_inside(content))


def table(headings: Sequence[Any], rows: Iterable[Sequence[Any]], align: str = "left") -> Markup:
    """Returns a table.

    Args:
        headings: the headings of the columns.
        rows: the cells of each row; a `Markup` stays as it is, anything else becomes text.
        align: the side on which the cells stand, "left" or "right".
    """
    head = _row("th", headings, align)
    body = Markup("").join(_row("td", row, align) for row in rows)
    style = "border-collapse:collapse;margin:0.3em 0;font-size:90%"
    return Markup('<table style="{}"><thead>{}</thead><tbody>{}</tbody></table>').format(
        style, head, body
    )


def shaded(value: Any, share: float) -> Markup:
    """Returns a cell's text on a shade.

    Args:
        value: the text of the cell.
        share: the strength of the shade, between 0 and 1.
    """
    return Markup(
        '<span style="display:block;padding:0 0.4em;background:rgba({},{:.2f})">{}</span>'
    ).format(SHADE, 0.6 * share, text(value))


def block(*parts: Any) -> str:
    """Returns the parts, one below the other, as what `_repr_html_` returns."""
    return str(Markup("<div>{}</div>").format(Markup("").join(parts)))


def _row(tag: str, cells: Sequence[Any], align: str) -> Markup:
    cell = Markup(f'<{tag} style="{CELL}text-align:{align}">{{}}</{tag}>')
    return Markup("<tr>{}</tr>").format(Markup("").join(cell.format(_inside(c)) for c in cells))


def _inside(content: Any) -> Markup:
    return content if isinstance(content, Markup) else text(content)
