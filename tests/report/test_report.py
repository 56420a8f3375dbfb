"""The report: figures by hand, and the page in a real browser."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from textattack_attend.benchmark import Recipe, Results, Store
from textattack_attend.benchmark.recipe import Published
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.commands.main import main
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.report import (
    plot_attention,
    plot_efficiency,
    plot_heads,
    plot_layers,
    plot_robustness,
    report,
)
from textattack_attend.report.attention import attention_of_a_success
from textattack_attend.report.inline_svg import inline_svg

from ..helpers.stored_results import results_of

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="chromium and chromedriver are missing; CI installs them and runs this",
)
NASTY = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'> & \"quotes\""
MASKED = {
    (0, 1): [(1, 2), (2, 1)],
    (1, 0): [(1, 1)],
}
ATTACKS = {
    "1%": {"recipe": "hackattend"},
    "0.1%": {"recipe": "hackattend", "options": {"mask_fraction": 0.001}},
    "words": {"recipe": "deepwordbug"},
}


def packed(matrices: dict[tuple[int, int], list[tuple[int, int]]], tokens: int = 4) -> str:
    """Masked units as rows hold them, written by hand."""
    steps = []
    for matrix, pairs in matrices.items():
        cells = sorted(query * tokens + key for query, key in pairs)
        steps.append([*matrix, [b - a for a, b in itertools.pairwise([0, *cells])]])
    return json.dumps({"shape": [2, 2, tokens], "matrices": steps})


def judged(position: int, outcome: str, text: str = "", **fields: Any) -> Row:
    """A row with what every judged one has."""
    text = text or f"text {position}"
    given: dict[str, Any] = {"perturbed": text, "before": 0, "after": 0, "queries": 3}
    given |= {"confidence_before": 0.9, "confidence_after": 0.4}
    return Row(position, outcome, 0, 0.5, text, **(given | fields))


def flipped(position: int, text: str = "") -> Row:
    """A success of an attack on attention."""
    tokens = json.dumps(["[CLS]", "<b>a</b>", "film", "[SEP]"])
    return judged(
        position,
        "succeeded",
        text,
        after=1,
        candidate_queries=1,
        hamming=1.5,
        matrices=2,
        masked=packed(MASKED),
        tokens=tokens,
    )


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Results of two attacks on attention and one on words."""
    rows = {
        ("V", "1%", "v"): [flipped(0, NASTY), flipped(1), flipped(2), judged(3, "failed")],
        ("V", "0.1%", "v"): [flipped(0), *(judged(n, "failed") for n in range(1, 4))],
        ("V", "words", "v"): [
            judged(0, "succeeded", "a good film", perturbed="a g00d film", perturbed_words=1 / 3),
            judged(1, "skipped"),
            judged(2, "failed"),
            Row(3, "error", 0, 0.0, "text 3", error="RuntimeError: <b>no</b>"),
        ],
    }
    return results_of(Store(tmp_path / "store.sqlite"), rows, attacks=ATTACKS)


# --- figures ---


def test_layers_are_those_of_the_masked_units(results: Results) -> None:
    axes: Any
    (axes,) = plot_layers(results).axes
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    # 2 of 3 units in layer 0, 1 in layer 1, in every success
    np.testing.assert_allclose(heights, [[2 / 3, 1 / 3]] * 2)


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


# --- the page ---


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    """Chromium without a screen and without a network."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,800",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def opened(browser: webdriver.Chrome, page: str, folder: Path) -> None:
    """A page from disk, its examples unpacked."""
    (folder / "report.html").write_text(page, encoding="utf-8")
    browser.get((folder / "report.html").as_uri())
    WebDriverWait(browser, 30).until(
        lambda b: b.find_element(By.ID, "found").text.endswith("examples")
    )


def listed(browser: webdriver.Chrome) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, "#list button")


def logged(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def column(browser: webdriver.Chrome, number: int) -> list[str]:
    """Of the comparison."""
    cells = browser.find_elements(By.CSS_SELECTOR, f"table td:nth-child({number})")
    return [cell.text for cell in cells]


@needs_chromium
def test_the_page_opens_from_disk_and_asks_for_nothing_else(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results, title=f"About {NASTY}"), tmp_path)
    assert logged(browser, "browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in logged(browser, "performance")]
    asked = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    outside = [url for url in asked if not url.startswith("data:")]
    assert outside == [(tmp_path / "report.html").as_uri()]
    assert browser.title == f"About {NASTY}"
    assert len(browser.find_elements(By.CSS_SELECTOR, "figure svg")) == 4
    notes = browser.find_element(By.CSS_SELECTOR, "#figures .note").text
    assert notes.startswith("Attention before and after: ")  # the data are made up


@needs_chromium
def test_what_looks_like_markup_stays_text(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    listed(browser)[0].click()
    shown = browser.find_element(By.ID, "example")
    assert NASTY in shown.text
    assert "layer 0, head 1: <b>a</b> → film, film → <b>a</b>" in shown.text
    search = browser.find_element(By.NAME, "text")
    search.send_keys("text 3")
    Select(browser.find_element(By.NAME, "outcome")).select_by_visible_text("error")
    (item,) = listed(browser)
    item.click()
    assert "RuntimeError: <b>no</b>" in shown.text
    assert browser.execute_script("return window.stolen") is None


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """Returns the address of a server of this machine, and the paths that were asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # Chromium opens connections that it may not use

        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()


def injected(page: str, server: str) -> str:
    """Puts into a page what an attacker would, if the escaping of texts failed."""
    return page.replace(
        "<main>",
        f"""<main>
        <script>stolen = "a script"</script>
        <script src="data:text/javascript,stolen = 'a script with an address'"></script>
        <script src="{server}/script"></script>
        <img src="data:," onerror="stolen = 'a handler'">
        <svg onload="stolen = 'a handler of a figure'"></svg>
        <a id="link" href="javascript:void(stolen = 'a link')">a link</a>
        <iframe srcdoc="<script>parent.stolen = 'a frame'</script>"></iframe>
        <iframe src="{server}/frame"></iframe>
        <img src="{server}/image">
        <link rel="stylesheet" href="{server}/sheet">
        <style>main {{ color: rgb(1, 2, 3) }}</style>
        <p id="painted" style="color: rgb(1, 2, 3)">a style</p>
        <form id="form" action="{server}/form"><button>send</button></form>""",
    )


@needs_chromium
@pytest.mark.parametrize("protected", [True, False], ids=["the page", "without its policy"])
def test_nothing_that_is_injected_runs_or_leaves_the_page(
    protected: bool,
    results: Results,
    browser: webdriver.Chrome,
    asked: tuple[str, list[str]],
    tmp_path: Path,
) -> None:
    """Without the policy the same injection succeeds, so that this test is not an empty one."""
    server, paths = asked
    page = report(results)
    if not protected:
        page, removed = re.subn("<meta http-equiv=[^>]*>", "", page)
        assert removed == 1
    opened(browser, injected(page, server), tmp_path)
    browser.find_element(By.ID, "link").click()
    fetched = browser.execute_async_script(
        "const [address, done] = arguments;"
        "fetch(address, {mode: 'no-cors'}).then(() => done(true), () => done(false))",
        f"{server}/fetch",
    )
    stolen = browser.execute_script("return window.stolen")
    painted = browser.find_element(By.ID, "painted").value_of_css_property("color")
    log = [entry["message"] for entry in logged(browser, "browser")]
    browser.find_element(By.CSS_SELECTOR, "#form button").click()
    if protected:
        assert (stolen, fetched, paths) == (None, False, [])
        assert painted != "rgba(1, 2, 3, 1)"
        assert len([line for line in log if "Content Security Policy" in line]) > 5
        assert len(listed(browser)) == 12, "the page itself works"
    else:
        assert stolen
        assert fetched
        assert {"/script", "/frame", "/image", "/sheet", "/fetch"} <= set(paths)
        assert painted == "rgba(1, 2, 3, 1)"


def test_the_page_allows_its_own_script_and_style_alone(results: Results) -> None:
    page = report(results)
    (policy,) = re.findall('<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<script")
    tags = re.findall(r"<\w[^<>]*>", page)
    assert not [tag for tag in tags if re.search(r"\s(style|on\w+)=", tag)]
    assert page.count("<style") == 1
    assert page.count("<script>") == 1


def test_a_label_that_looks_like_the_markup_of_a_figure_stays_as_it_is(tmp_path: Path) -> None:
    label = 'url(#a) id="b" href="#c" style="fill: red" #5f6672'
    rows = {(label, attack, "v"): [flipped(0)] for attack in ("1%", "0.1%")}
    rows |= {("W", attack, "w"): [flipped(0)] for attack in ("1%", "0.1%")}
    page = report(results_of(Store(tmp_path / "store.sqlite"), rows, attacks=ATTACKS))
    shown = [unescape(text) for text in re.findall("<text[^>]*>([^<]*)</text>", page)]
    assert shown.count(label) == 3  # in the legends of three figures
    assert f"1% on {label}" in shown


def test_a_figure_of_an_older_matplotlib_needs_no_style_either() -> None:
    class Older(Figure):
        def savefig(self, fname: Any, **options: Any) -> None:
            fname.write(
                "<?xml version='1.0'?><svg><defs><style type='text/css'>*{stroke-linecap: butt}"
                '</style></defs><text id="t" style="font: 10px &apos;DejaVu Sans&apos;, serif; '
                'fill: #5f6672">style="a"</text></svg>'
            )

    assert inline_svg(Older(), "name") == (
        '<svg stroke-linecap="butt"><defs></defs><text id="name-t" font-size="10px" '
        'font-family="&#x27;DejaVu Sans&#x27;, serif" fill="currentColor">style="a"</text></svg>'
    )


@needs_chromium
def test_characters_that_act_are_seen_in_the_page(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    text = "a\x1b[2J \u202efilm\r\nand a line\x00"
    row = dataclasses.replace(flipped(0, text), tokens=json.dumps(["[CLS]", "\u202e", "b", "c"]))
    results = results_of(Store(tmp_path / "store.sqlite"), {("V", "1%", "v"): [row]})
    opened(browser, report(results, title="a\x1b\u202eb"), tmp_path)
    assert browser.title == r"a\x1b\u202eb"
    listed(browser)[0].click()
    shown = browser.find_element(By.ID, "example").text
    assert "a\\x1b[2J \\u202efilm\nand a line\\x00" in shown
    assert r"layer 0, head 1: \u202e → b, b → \u202e" in shown
    assert not re.search("[\x00\x1b\u202e]", shown)


@needs_chromium
def test_examples_are_found_and_changed_words_marked(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    assert len(listed(browser)) == 12
    Select(browser.find_element(By.NAME, "attack")).select_by_visible_text("words")
    assert browser.find_element(By.ID, "found").text == "4 examples"
    Select(browser.find_element(By.NAME, "outcome")).select_by_visible_text("succeeded")
    (item,) = listed(browser)
    item.click()
    marks = browser.find_elements(By.CSS_SELECTOR, "#example mark")
    assert [mark.text for mark in marks] == ["good", "g00d"]


@needs_chromium
def test_tables_are_sorted_and_the_keyboard_is_enough(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    assert column(browser, 2) == ["1%", "0.1%", "words"]
    headings = browser.find_elements(By.CSS_SELECTOR, "th")
    names = [heading.text.strip(" ↕↑↓") for heading in headings]
    button = headings[names.index("ASR")].find_element(By.TAG_NAME, "button")
    button.send_keys(Keys.ENTER)
    assert headings[names.index("ASR")].get_attribute("aria-sort") == "ascending"
    assert column(browser, 2) == ["0.1%", "words", "1%"]
    button.send_keys(Keys.ENTER)
    assert column(browser, 2) == ["1%", "words", "0.1%"]
    listed(browser)[1].send_keys(Keys.ENTER)
    assert "text 1" in browser.find_element(By.ID, "example").text


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_the_screen_and_can_be_read(
    theme: str, width: int, results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    opened(browser, report(results), tmp_path)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    paper, ink = browser.execute_script(
        "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    )
    assert contrast(paper, ink) > 7
    assert (luminance(paper) < luminance(ink)) == (theme == "dark")
    soft = browser.execute_script("return getComputedStyle(document.querySelector('figure')).color")
    assert contrast(paper, soft) > 4.5


def luminance(color: str) -> float:
    """Relative, as WCAG has it, of rgb(...)."""
    parts = [int(part) / 255 for part in color.strip("rgba() ").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one: str, other: str) -> float:
    """Returns the contrast of two colours, 1 to 21."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@needs_chromium
def test_thousands_of_examples_are_turned_over(browser: webdriver.Chrome, tmp_path: Path) -> None:
    rows = [
        flipped(n, f"{'a film ' * 30}{n}") if n % 2 else judged(n, "failed") for n in range(5000)
    ]
    results = results_of(Store(tmp_path / "store.sqlite"), {("V", "hackattend", "v"): rows})
    page = report(results)
    assert len(page.encode()) < 15e6
    opened(browser, page, tmp_path)
    assert browser.find_element(By.ID, "found").text == "5,000 examples"
    assert len(listed(browser)) == 20
    assert browser.find_element(By.ID, "page").text == "1 of 250"
    assert not browser.find_element(By.ID, "previous").is_enabled()
    browser.find_element(By.ID, "next").click()
    assert browser.find_element(By.ID, "page").text == "2 of 250"
    assert "· 20" in listed(browser)[0].text
    browser.find_element(By.NAME, "text").send_keys("film 4999")
    (item,) = listed(browser)
    assert "· 4999" in item.text


def test_the_command_writes_the_page(results: Results, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    arguments = ["report", "--store", str(tmp_path / "store.sqlite"), "--output", str(output)]
    done = CliRunner().invoke(main, [*arguments, "--title", "Ours"])
    assert done.exit_code == 0, done.output
    page = output.read_text()
    assert "<title>Ours</title>" in page
    assert "12 results (3 attacks on 1 victim" in " ".join(page.split())
    assert "://" not in page.replace("http://www.w3.org/", "").split("<svg")[0]
    refused = CliRunner().invoke(main, [*arguments[:-1], str(tmp_path / "none" / "page.html")])
    assert refused.exit_code == 1
    assert "cannot be written" in refused.output


def test_headings_are_explained_but_those_of_a_paper(results: Results) -> None:
    table = Published(source="A paper", rows=[{"victim": "V", "ASR": 0.5, "queries": 7}])
    recipe = results.recipes[0].model_copy(update={"published": table})
    page = report(dataclasses.replace(results, recipes=[recipe]))
    ours, papers = re.findall(r"<thead>(.*?)</thead>", page)
    said = "Attack success rate: succeeded examples, over the number of attacked examples."
    assert f'<button type="button" title="{said}">ASR</button>' in ours
    assert '<button type="button">victim</button>' in ours
    assert "title" not in papers
    (explained,) = re.findall(r"<dl>(.*?)</dl>", page, re.DOTALL)
    assert f"<dt>ASR</dt><dd>{said}</dd>" in explained
    assert "<dt>victim</dt>" not in explained


def test_a_run_that_is_not_done_is_said_to_be(results: Results, tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    assert "the run is not done" not in report(results)
    with sqlite3.connect(store.path) as database:
        database.execute("delete from examples where position = 2")
    assert "9 results of 12, as the run is not done yet (3 attacks" in " ".join(
        report(Results.of(store)).split()
    )
