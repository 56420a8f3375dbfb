"""A structure in a notebook, against numbers counted by hand."""

from __future__ import annotations

import re

from textattack_attend import Structure
from textattack_attend.structures import Shape

SHAPE = Shape(2, 3, 4)  # 2 * 3 * 16 units
UNITS = [(0, 1, 1, 2), (0, 1, 1, 3), (1, 0, 2, 1)]


def test_a_table_counts_the_units_of_every_layer_and_head() -> None:
    html = Structure.from_units(SHAPE, UNITS)._repr_html_()
    assert "masked 3 attention units in 2 of 6 matrices (3.12% of all units)" in html
    cells = [
        re.findall(r"<t[hd][^>]*>(?:<span[^>]*>)?(.*?)(?:</span>)?</t[hd]>", row)
        for row in html.split("<tr>")[1:]
    ]
    assert cells == [["", "H0", "H1", "H2"], ["L0", "", "2", ""], ["L1", "1", "", ""]]
    shades = re.findall(r"rgba\(59,130,208,([\d.]+)\)", html)
    assert shades == ["0.60", "0.30"]  # as many units as the most, and half of it


def test_a_structure_that_masks_nothing_has_no_table() -> None:
    html = Structure(SHAPE)._repr_html_()
    assert "masked 0 attention units in 0 of 6 matrices" in html
    assert "<table" not in html


def test_a_large_model_shows_what_is_masked() -> None:
    html = Structure.from_units(Shape(48, 64, 4), [(40, 63, 1, 2), (2, 5, 1, 1)])._repr_html_()
    assert re.findall(r">([LH]\d+)<", html) == ["H5", "H63", "L2", "L40"]
