"""Makes the SVG of a figure fit into a page that allows no styles but its own.

Matplotlib styles its elements by ``style`` attributes and a style sheet. A policy that allows these
would allow injected ones too. SVG has an attribute for each of their properties instead.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from html import escape, unescape

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..errors.printable import printable
from .marks import LinkedFigure, Mark
from .panels import INK, NUMBER

TAG = re.compile(r"<\w[^<>]*>")
STYLE = re.compile(r' style="([^"]*)"')
SHEET = re.compile(r"<style[^>]*>\s*\*\s*\{([^{}]*)\}\s*</style>")
"""Matches the style sheet of a figure, whose declarations hold for all of its elements."""
NAME = re.compile(r'\b(id="|href="#(?![^"]*=)|url\(#)')
"""Matches the beginning of a name, but not of an address in the page, such as ``#layer=1``."""
LINK = re.compile(r'<a xlink:href="([^"]*)"')
FONT = re.compile(r"(?P<size>[\d.]+px)\s+(?P<family>.+)")
"""Matches the short form of a font's size and family, which matplotlib wrote before 3.10."""


def inline_svg(figure: Figure, name: str) -> Markup:
    """Returns a figure as an element of a page, in the page's colour and with unique names.

    Args:
        figure: the figure.
        name: a word, unique in the page, with which the names of the figure's elements begin.
    """
    marks: Mapping[str, Mark] = {}
    if isinstance(figure, LinkedFigure):
        marks = figure.marks
        figure.set_links()
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    whole = file.getvalue()
    svg = whole[whole.index("<svg") :]
    common = "".join(_attributes(found[1]) for found in SHEET.finditer(svg))
    svg = SHEET.sub("", svg).replace("<svg", f"<svg{common}", 1)
    # Only tags are changed: a label may look like one of their attributes.
    return Markup(TAG.sub(lambda tag: _adapted(tag[0], name, marks), svg))


def _adapted(tag: str, name: str, marks: Mapping[str, Mark]) -> str:
    """Returns a tag without a style, with unique names and the page's colour.

    The numbers of a figure are read aloud from its links and its table; its letters are not.
    """
    plain = STYLE.sub(lambda style: _attributes(unescape(style[1])), tag)
    for color in (INK, NUMBER):
        plain = plain.replace(color, "currentColor")
    if (link := LINK.match(plain)) and (mark := marks.get(unescape(link[1]))):
        return f'{link[0]} aria-label="{escape(printable(mark.name))}">'
    if plain.startswith("<text"):
        plain = plain.replace("<text", '<text aria-hidden="true"', 1)
    return NAME.sub(rf"\g<1>{name}-", plain)


def _attributes(declarations: str) -> str:
    """Returns declarations of CSS as attributes of an SVG element."""
    pairs = [line.partition(":") for line in declarations.split(";") if line.strip()]
    return "".join(_attribute(name.strip(), value.strip()) for name, _, value in pairs)


def _attribute(name: str, value: str) -> str:
    font = FONT.search(value) if name == "font" else None
    if font:
        return _attribute("font-size", font["size"]) + _attribute("font-family", font["family"])
    return f' {name}="{escape(value)}"'
