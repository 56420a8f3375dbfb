"""The figures of the report, by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba

from textattack_attend.benchmark import Recipe, Results, Store
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.display.attention_map import plot_attention_maps
from textattack_attend.display.head_attention import AttentionMap
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.report import (
    plot_attention,
    plot_efficiency,
    plot_heads,
    plot_layers,
    plot_reached_layers,
    plot_robustness,
    report,
)
from textattack_attend.report.attention import attention_of_a_success

from ..helpers.report_rows import ATTACKS, flipped, judged
from ..helpers.stored_results import results_of


def test_layers_are_those_of_the_masked_units(results: Results) -> None:
    axes: Any
    (axes,) = plot_layers(results).axes
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    # 2 of 3 units in layer 0, 1 in layer 1, in every success
    np.testing.assert_allclose(heights, [[2 / 3, 1 / 3]] * 2)


def test_reached_layers_count_each_success_in_every_layer_and_failures_at_minus_one(
    results: Results,
) -> None:
    """Three successes of four attacked, and one of four, each with units in both layers."""
    axes: Any
    (axes,) = plot_reached_layers(results).axes
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    places = [tick for tick in axes.get_xticks().tolist()]
    assert places == [-1, 0, 1]
    np.testing.assert_allclose(heights, [[1 / 7, 3 / 7, 3 / 7], [3 / 5, 1 / 5, 1 / 5]])


def test_heads_are_those_of_the_successes(results: Results) -> None:
    first, second = plot_heads(results).axes
    assert [text.get_text() for text in first.texts] == ["0", "3", "3", "0"]
    assert [text.get_text() for text in second.texts] == ["0", "1", "1", "0"]
    assert first.get_title() == "1%"


def test_robustness_is_accuracy_over_the_share(results: Results) -> None:
    (axes,) = plot_robustness(results).axes
    line: Any
    (line,) = axes.lines
    assert line.get_label() == "0.1%, 1%"
    np.testing.assert_allclose(line.get_xydata(), [[0.001, 0.75], [0.01, 0.25]])


def test_efficiency_has_a_point_for_every_attack(results: Results) -> None:
    seconds: Any
    queries: Any
    seconds, queries = plot_efficiency(results).axes
    points = [points.get_offsets().data.ravel().tolist() for points in seconds.collections]
    assert points == [[0.5, 0.75], [0.5, 0.25], [0.75, 0.5]]  # words: 1.5 seconds, 2 attacked
    assert [points.get_label() for points in queries.collections] == ["1%", "0.1%", "words"]


def test_maps_stand_side_by_side_each_with_its_own_tokens() -> None:
    """Figure 5 of the paper: a text, the adversarial one, and another victim on that."""
    first = AttentionMap(np.eye(3), ["a", "solid", "film"], "no defense", [(1, 2)])
    other = AttentionMap(np.ones((2, 2)) / 2, ["hard", "film"], "S-Attend")
    again = AttentionMap(np.zeros((2, 2)), ["hard", "film"], "S-Attend again")
    axes: Any = plot_attention_maps([first, other, again]).axes
    labels = [[label.get_text() for label in own.get_yticklabels()] for own in axes]
    assert labels == [["a", "solid", "film"], ["hard", "film"], []]  # the same are named once
    below = [[label.get_text() for label in own.get_xticklabels()] for own in axes]
    assert below == [["a", "solid", "film"], ["hard", "film"], ["hard", "film"]]
    assert [own.get_title() for own in axes] == ["no defense", "S-Attend", "S-Attend again"]
    np.testing.assert_array_equal(axes[1].images[0].get_array(), np.ones((2, 2)) / 2)
    assert axes[0].collections[0].get_offsets().tolist() == [[2, 1]]
    assert {own.images[0].get_clim() for own in axes} == {(0, 1)}


@pytest.mark.parametrize(
    ("values", "tokens", "masked", "line"),
    [
        (np.eye(3), ["a", "b"], [], r"a row and a column for each of the 2 tokens, .* \(3, 3\)"),
        (np.eye(2)[:1], ["a", "b"], [], r"got values of the shape \(1, 2\)"),
        (np.eye(2), ["a", "b"], [(0, 2)], r"masked units of 2 tokens, .* got \(0, 2\)"),
    ],
)
def test_maps_and_labels_of_different_lengths_are_refused(
    values: Any, tokens: list[str], masked: list[tuple[int, int]], line: str
) -> None:
    with pytest.raises(InvalidInputError, match=line):
        plot_attention(values, values, tokens, masked)
    with pytest.raises(InvalidInputError, match=line):
        AttentionMap(values, tokens, masked=masked)
    with pytest.raises(InvalidInputError, match="expected at least one attention map, got none"):
        plot_attention_maps([])


def test_a_wrapper_shows_the_attention_of_any_head() -> None:
    wrapper = wrapper_for(VICTIM_PATH)
    text = "a dull film"
    shown = wrapper.attention_map(text, 1, 0, title="demo")
    capture = wrapper.victim.capture(text, None).probabilities[1, 0]
    np.testing.assert_allclose(np.asarray(shown.values), capture, atol=1e-6)
    assert shown.tokens == wrapper.victim.tokens(text)
    with pytest.raises(InvalidInputError, match="layer: expected one of 0 to"):
        wrapper.attention_map(text, 99, 0)


def test_an_attack_has_one_colour_in_all_figures(results: Results) -> None:
    # an attack on words first, which the figure of layers leaves out
    backwards = dataclasses.replace(results, rows=results.rows.iloc[::-1])
    bars: Any = plot_layers(backwards).axes[0].containers
    points: Any = plot_efficiency(backwards).axes[0].collections
    line: Any = plot_robustness(backwards).axes[0].lines[0]
    of_points = {p.get_label(): to_rgba(p.get_facecolor()[0]) for p in points}
    of_bars = {b.get_label(): to_rgba(b.patches[0].get_facecolor()) for b in bars}
    assert list(of_points) == ["words", "0.1%", "1%"]
    assert of_bars == {name: of_points[name] for name in of_bars}
    assert to_rgba(line.get_color()) == of_points["1%"]
    assert len(set(of_points.values())) == 3


def test_several_victims_have_a_colour_each_and_attacks_a_panel(tmp_path: Path) -> None:
    names = [f"victim {n}" for n in range(9)]
    rows = {(v, a, v): [flipped(0), judged(1, "failed")] for v in names for a in ("1%", "0.1%")}
    many = results_of(Store(tmp_path / "store.sqlite"), rows, attacks=ATTACKS)
    layers: Any = plot_layers(many)
    assert [axes.get_title() for axes in layers.axes] == ["1%", "0.1%"]
    for axes in layers.axes:
        assert [bars.get_label() for bars in axes.containers] == names
    (robust,) = plot_robustness(many).axes
    assert robust.get_title() == "0.1%, 1%"
    assert [line.get_label() for line in robust.lines] == names
    assert [axes.get_title() for axes in plot_heads(many).axes][:2] == [
        "1% on victim 0",
        "0.1% on victim 0",
    ]
    efficiency: Any = plot_efficiency(many)
    (legend,) = efficiency.legends
    assert [text.get_text() for text in legend.get_texts()] == [*names, "1%", "0.1%"]
    one, other = efficiency.axes[0].collections[:2]  # the same victim under two attacks
    assert one.get_facecolor().tolist() == other.get_facecolor().tolist()
    assert one.get_paths()[0].vertices.shape != other.get_paths()[0].vertices.shape
    for figure in (layers, efficiency):  # the legend leaves the panels their place
        figure.draw_without_rendering()
        under = figure.legends[0].get_window_extent().y1
        assert all(axes.get_window_extent().y0 > under for axes in figure.axes)
        assert all(axes.get_window_extent().height > 100 for axes in figure.axes)


def test_attention_has_both_maps_and_frames_what_is_masked(tmp_path: Path) -> None:
    before, after = np.full((3, 3), 1 / 3), np.eye(3)
    figure = plot_attention(before, after, ["a", "b", "c"], [(0, 1), (2, 0)], "a title")
    axes: Any
    for axes, values in zip(figure.axes, (before, after), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), values)
        assert axes.collections[0].get_offsets().data.tolist() == [[1, 0], [0, 2]]  # key, query
        assert axes.collections[0].get_edgecolor()[0].tolist() == list(to_rgba("#e0393e"))
    for name in ("attention.svg", "attention.png"):
        figure.savefig(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000


def test_a_figure_that_has_nothing_to_show_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    words = results_of(store, {("V", "deepwordbug", "v"): [judged(0, "failed")]})
    for plot in (plot_layers, plot_heads, plot_robustness):
        with pytest.raises(InvalidInputError, match=r"the figure: expected .*, got none"):
            plot(words)
    assert "at several values of mask_fraction, got none" in report(words)


def test_a_report_of_nothing_that_was_attacked(tmp_path: Path) -> None:
    rows = {("V", "hackattend", "v"): [Row(0, "skipped", 0, 1.0, "a film", before=1, queries=1)]}
    page = report(results_of(Store(tmp_path / "store.sqlite"), rows))
    assert "cost of an attacked example: the figure: expected an attacked example, got none" in page


def test_a_report_of_runs_with_different_victims(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    parts = [results_of(store, {(v, "A", v): [flipped(0)]}, v) for v in ("V", "W")]
    page = report(Results.together(parts), attention=True)
    assert "2 results (1 attack on 2 victims" in " ".join(page.split())
    assert "Attention before and after: V: expected the folder of a checkpoint" in page


def test_the_attention_of_a_success_is_that_of_the_victim(tmp_path: Path) -> None:
    recipe = {"recipe": "hackattend-plus", "options": {"mask_fraction": 0.05}}
    given: Any = {"data": "attend-demo", "examples": 16, "attacks": {"A": recipe}}
    benchmark = Benchmark(
        Recipe(**given, victims={"V": [str(VICTIM_PATH)]}), Store(tmp_path / "store.sqlite")
    )
    benchmark.run()
    results = Results.of(benchmark.store)
    found = attention_of_a_success(results)
    successes = results.rows[results.rows["masked"].notna()]
    (row,) = [r for r in successes.to_dict("records") if found.where.endswith(r["text"])]
    victim = wrapper_for(str(VICTIM_PATH)).victim
    assert found.tokens == victim.tokens(row["text"]) == json.loads(row["tokens"])
    clean = victim.capture(row["text"], None).probabilities[found.layer, found.head]
    np.testing.assert_allclose(found.before, clean, atol=1e-6)
    for query, key in found.masked:
        assert found.after[query, key] == 0
        assert found.before[query, key] > 0
    np.testing.assert_allclose(found.after.sum(1), 1, atol=1e-5)


def test_every_label_of_maps_with_long_tokens_is_inside_the_saved_figure(tmp_path: Path) -> None:
    tokens = [
        "[CLS]",
        "a",
        "solid",
        "examination",
        "of",
        "the",
        "male",
        "mid",
        "##life",
        "crisis",
        ".",
        "[SEP]",
    ]
    others = ["hard" if token == "solid" else token for token in tokens]
    panels = [AttentionMap(np.eye(12), own, "a title", ()) for own in (tokens, others, others)]
    figure = plot_attention_maps(panels)
    figure.savefig(tmp_path / "maps.png")
    canvas: Any = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()
    width, height = figure.get_size_inches()
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        assert box is not None
        assert 0 <= box.x0 < box.x1 <= width * figure.dpi
        assert 0 <= box.y0 < box.y1 <= height * figure.dpi
