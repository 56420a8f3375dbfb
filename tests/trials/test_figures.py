"""Texts in figures, pages and tables: whatever somebody wrote is shown as it is.

Looked up in public: matplotlib takes text between dollars for mathematics (matplotlib #4938,
mtools #613 and #639), and dies at ``$$`` (matplotlib #20266, nine-or-null #14).
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.figure import Figure

from textattack_attend.benchmark import Results, Store, comparison
from textattack_attend.benchmark.export import exported
from textattack_attend.benchmark.row import Row
from textattack_attend.errors.printable import UNPRINTABLE, printable
from textattack_attend.report import (
    plot_attention,
    plot_efficiency,
    plot_heads,
    plot_layers,
    plot_reached_layers,
    plot_robustness,
    report,
)
from textattack_attend.report.panels import WIDTHLESS

from ..helpers.stored_results import results_of
from .trial import Trial, table

EVEN = np.full((2, 2), 0.5)
MASKED = json.dumps({"shape": [2, 2, 4], "matrices": [[0, 1, [6, 3]], [1, 0, [5]]]})
FIGURES: dict[str, Callable[[Results], Figure]] = {
    "layers": plot_layers,
    "reached": plot_reached_layers,
    "heads": plot_heads,
    "robustness": plot_robustness,
    "efficiency": plot_efficiency,
}
NASTY = {
    "two dollars together": "$$",
    "two dollars": "from $5 to $6",
    "mathematics": r"$\alpha_1$ and $\frac{",
    "TeX": r"50% & \textbf{x}_y^z # ~ {",
    "emoji": "👩‍💻 🎉",
    "Chinese": "中文攻击",
    "Arabic": "هجوم",
    "a control character": "a\x07b\x00c",
    "a noncharacter": "a\ufffeb",
    "markup": "<b>&amp;</b> -- ]]>",
    "an underscore at the beginning": "_hidden",
}
REPORTED = {
    "two dollars together": "matplotlib #20266, nine-or-null #14",
    "two dollars": "matplotlib #4938, mtools #613",
}


def on_an_axis(token: str) -> str:
    """What stands beside a map of attention for a token; the end of a long one is left out."""
    token = printable(token)
    return token if len(token) <= 24 else f"{token[:23]}…"


def results_with(folder: Path, victim: str, attack: str) -> Results:
    """Results of an attack at two shares on two victims; text and tokens are the attack's label."""
    success: dict[str, Any] = {"perturbed": attack, "before": 0, "after": 1, "queries": 3}
    success |= {"confidence_before": 0.9, "confidence_after": 0.4, "hamming": 1.5, "matrices": 2}
    tokens = json.dumps(["[CLS]", attack, victim, "[SEP]"])
    rows = [
        Row(0, "succeeded", 0, 0.5, attack, **success, masked=MASKED, tokens=tokens),
        Row(1, "failed", 0, 0.5, attack, queries=9),
    ]
    labels = {attack: 0.01, f"{attack} less": 0.001}
    attacks = {
        label: {"recipe": "hackattend", "options": {"mask_fraction": share}}
        for label, share in labels.items()
    }
    found = {(v, a, v): rows for v in (victim, f"{victim} again") for a in labels}
    return results_of(Store(folder / "store.sqlite"), found, attacks=attacks)


def texts_of(figure: Figure, **options: Any) -> list[str]:
    """The texts in a figure's SVG, which has to be XML; every warning is an error."""
    file = io.StringIO()
    with warnings.catch_warnings(), rc_context({"svg.fonttype": "none"}):
        warnings.simplefilter("error")
        figure.savefig(file, format="svg", **options)
    root = ElementTree.fromstring(file.getvalue())
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


def attention_shows(text: str) -> Callable[[Path], Any]:
    """Whether tokens and title of a map of attention are that text."""

    def run(folder: Path) -> int:
        found = texts_of(plot_attention(EVEN, EVEN, [text, "b"], [(0, 1)], f"on {text}"))
        assert f"on {printable(text)}" in found
        return found.count(on_an_axis(text))

    return run


TRIALS = (
    [
        Trial(
            f"attention over {name}",
            attention_shows(text),
            answer=3,  # under both maps, and beside the first
            reported=REPORTED.get(name, ""),
        )
        for name, text in NASTY.items()
    ]
    + [
        Trial(
            "half a letter",
            attention_shows("a\ud83d"),
            answer=3,
        ),
        Trial("a token that is an address", attention_shows("https://" + "x" * 200), answer=3),
        Trial(
            "a tight box",
            lambda folder: (
                "$$ 中"
                in texts_of(plot_attention(EVEN, EVEN, ["$$ 中", "b"], []), bbox_inches="tight")
            ),
            answer=True,
        ),
        Trial(
            "a user whose own figures are set by TeX",
            lambda folder: with_tex(lambda: attention_shows("$$")(folder)),
            answer=3,
        ),
        Trial(
            "a narrow axis of shares has no mathematics",
            lambda folder: [
                text
                for text in texts_of(plot_robustness(results_with(folder, "V", "A")))
                if "$" in text or "mathdefault" in text
            ],
            answer=[],
        ),
        Trial(
            "a bar and spaces in a Markdown table",
            lambda folder: (
                exported(comparison(results_with(folder, "a|b", "c\u3000 d")), "markdown")
                .decode()
                .splitlines()[2]
                .split(" | ")[:2]
            ),
            answer=[r"| a\|b      ", "c d     "],
        ),
        Trial(
            "dollars and spaces in a LaTeX table",
            lambda folder: (
                exported(comparison(results_with(folder, "$5 & #1", "c\u3000 d")), "latex")
                .decode()
                .splitlines()[4]
                .split(" & ")[:2]
            ),
            answer=[r"\$5 \& \#1", "c d"],
        ),
    ]
)


def with_tex(run: Callable[[], Any]) -> Any:
    """Runs with TeX switched on for all figures, as a user's settings may."""
    with rc_context({"text.usetex": True, "text.parse_math": True}):
        return run()


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_every_kind_of_file_can_be_written_without_a_warning(kind: str) -> None:
    figure = plot_attention(EVEN, EVEN, [" ".join(NASTY.values()), "b"], [(0, 1)], "$$ 中 👩‍💻")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format=kind)


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)


@pytest.mark.parametrize("text", [" ".join(NASTY.values()), "_hidden"], ids=["all", "hidden"])
def test_labels_are_shown_as_they_are(text: str, tmp_path: Path) -> None:
    """In titles, and in legends, where victims have the colours."""
    text = printable(text)
    results = results_with(tmp_path, f"{text} V", f"{text} A")
    for name, plot in FIGURES.items():
        found = [part.removeprefix(WIDTHLESS) for part in texts_of(plot(results))]
        expected = {f"{text} A on {text} V"} if name == "heads" else {f"{text} V"}
        if name in ("layers", "efficiency"):
            expected.add(f"{text} A")
        assert expected <= set(found), name


def test_a_page_with_all_of_it_has_neither_mathematics_nor_control_characters(
    tmp_path: Path,
) -> None:
    text = printable(" ".join(NASTY.values()))  # a recipe file refuses control characters in labels
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = report(results_with(tmp_path, text, text), title=text)
    assert not UNPRINTABLE.search(page)
    page.encode()
    figures = [f"<svg{part.split('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]
    assert len(figures) == len(FIGURES)
    for figure in figures:
        assert "mathdefault" not in figure
        ElementTree.fromstring(figure.replace("xlink:", ""))


def test_the_settings_of_other_figures_stay() -> None:
    before = dict(matplotlib.rcParams)
    attention_shows("$$")(Path())
    assert dict(matplotlib.rcParams) == before


@given(text=st.text(min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_any_text_can_be_drawn(text: str) -> None:
    texts_of(plot_attention(EVEN, EVEN, [text, "b"], [(0, 0)], text))
