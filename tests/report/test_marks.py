"""The marks of figures, without a browser."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from matplotlib import rc_context

from textattack_attend.benchmark import Results
from textattack_attend.report import plot_efficiency, plot_heads
from textattack_attend.report.inline_svg import inline_svg
from textattack_attend.report.marks import LinkedFigure, Mark, numbers_of
from textattack_attend.report.panels import STYLE

HOSTILE = Mark({"victim": '"><script>&\x1b', "layer": 0}, {"share": "50%"})


def test_a_mark_is_an_address_and_a_name() -> None:
    mark = Mark({"attack": "HackAttend+ 1%", "layer": 2}, {"successes": "3"})
    assert mark.address == "#attack=HackAttend%2B+1%25&layer=2&at=examples"
    assert mark.name == "attack HackAttend+ 1%, layer 2, successes 3"


def test_a_label_of_a_stranger_stays_text_in_a_link() -> None:
    with rc_context(STYLE):
        figure = LinkedFigure()
        (bar,) = figure.subplots().bar([0], [1])
        figure.link(bar, [HOSTILE])
        svg = inline_svg(figure, "name")
    assert "<script" not in svg
    (link,) = re.findall(r"<a [^<>]*>", svg)
    ((address, name),) = re.findall('<a xlink:href="#([^"]*)" aria-label="([^"]*)">', link)
    assert parse_qs(unescape(address))["victim"] == ['"><script>&\x1b']
    assert unescape(name) == r'victim "><script>&\x1b, layer 0, share 50%'


def test_all_marks_of_a_collection_are_links(results: Results) -> None:
    svg = inline_svg(plot_heads(results), "heads")
    names = re.findall(r'<a xlink:href="[^"]*" aria-label="([^"]*)">', svg)
    assert names == [
        "victim V, attack 1%, layer 0, head 1, successes 3",
        "victim V, attack 1%, layer 1, head 0, successes 3",
        "victim V, attack 0.1%, layer 0, head 1, successes 1",
        "victim V, attack 0.1%, layer 1, head 0, successes 1",
    ]


def test_a_figure_that_is_saved_by_itself_has_no_links(results: Results, tmp_path: Path) -> None:
    plot_heads(results).savefig(tmp_path / "heads.svg")
    assert "<a " not in (tmp_path / "heads.svg").read_text()


def test_the_numbers_of_a_figure_have_a_row_for_every_mark(results: Results) -> None:
    figure: Any = plot_efficiency(results)
    table = numbers_of(figure.marks.values())
    assert list(table.columns) == ["victim", "attack", "ASR", "seconds", "queries"]
    # three of four succeed, one of four, and one of the two that were attacked in 1.5 seconds
    assert table.to_numpy().tolist() == [
        ["V", "1%", "75.0%", "0.5", "3"],
        ["V", "0.1%", "25.0%", "0.5", "3"],
        ["V", "words", "50.0%", "0.75", "3"],
    ]
