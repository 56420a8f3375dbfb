"""The page can be read: in light and dark, on a phone, aloud, and on paper."""

from __future__ import annotations

import itertools
import re
from importlib.resources import files
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from textattack_attend.benchmark import Results, Store
from textattack_attend.report import report
from textattack_attend.report.panels import COLORS, INK

from ..helpers.chromium import contrast, listed, needs_chromium, opened, themed
from ..helpers.report_rows import judged
from ..helpers.stored_results import results_of

TEXTS = ("ink", "soft", "accent", "good", "bad")
THEMES = ("light", "dark")
UNREADABLE = (files("tests.report") / "unreadable.js").read_text()


def variables() -> dict[str, dict[str, str]]:
    """Returns the colours of both themes, by the names of the style sheet."""
    style = (files("textattack_attend.report") / "style.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    found = [dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in blocks[:2]]
    return dict(zip(THEMES, found, strict=True))


def rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[n : n + 2], 16)) for n in (1, 3, 5))})"


@pytest.mark.parametrize("theme", THEMES)
def test_all_colours_stand_out(theme: str) -> None:
    colors = variables()[theme]
    for paper in ("paper", "raised"):
        for text in TEXTS:
            assert contrast(rgb(colors[text]), rgb(colors[paper])) >= 4.5, (text, paper)
        assert contrast(rgb(colors["edge"]), rgb(colors[paper])) >= 3, paper
    assert contrast(rgb(colors["ink"]), rgb(colors["mark"])) >= 4.5
    for color in (*COLORS, INK):
        assert contrast(rgb(color), rgb(colors["paper"])) >= 3, color


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)


@needs_chromium
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [390, 1280])
def test_every_text_that_is_seen_can_be_read(
    theme: str, width: int, results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    """The colour of every text is compared with what is painted under it, in the browser."""
    themed(browser, theme, width)
    opened(browser, report(results), tmp_path, "#victim=V&outcome=succeeded")
    listed(browser)[1].click()
    for summary in browser.find_elements(By.TAG_NAME, "summary"):
        browser.execute_script("arguments[0].parentElement.open = true", summary)
    texts, unreadable = browser.execute_script(UNREADABLE)
    assert texts > 150
    assert unreadable == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@needs_chromium
def test_a_text_that_cannot_be_read_is_found(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    browser.execute_script("document.querySelector('h1').style.color = '#999'")
    _, unreadable = browser.execute_script(UNREADABLE)
    assert [text for text, _ in unreadable] == ["Robustness report"]


@needs_chromium
def test_the_first_column_stays_and_a_sign_says_that_there_is_more(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    themed(browser, "light", 390)
    opened(browser, report(results), tmp_path)
    box = browser.find_element(By.CSS_SELECTOR, "#tables .wide")
    sign = browser.find_element(By.CSS_SELECTOR, "#tables .sign")
    first = box.find_element(By.CSS_SELECTOR, "tbody th")
    place = first.rect["x"]
    assert sign.text == "Scroll sideways to see all of it →"
    assert "more" in (box.get_attribute("class") or "").split()
    browser.execute_script("arguments[0].scrollLeft = arguments[0].scrollWidth", box)
    browser.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 100))")
    assert first.rect["x"] == place
    assert box.find_element(By.CSS_SELECTOR, "tbody td:last-child").rect["x"] < 390
    assert "more" not in (box.get_attribute("class") or "").split()
    themed(browser, "light", 1600)
    wide = browser.execute_script(
        "const box = arguments[0]; return box.scrollWidth > box.clientWidth", box
    )
    assert sign.is_displayed() == wide


@needs_chromium
def test_the_page_is_told_to_those_who_hear_it(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    told = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if "role" in n}
    roles = [role for role, _ in told]
    for landmark in ("banner", "main", "navigation", "search", "region"):
        assert landmark in roles, landmark
    for title in ("Successes that mask units of a head", "Where the masked units lie"):
        assert ("heading", title) in told
        assert ("figure", title) in told
    assert ("link", "victim V, attack 1%, layer 0, head 1, successes 3") in told
    assert ("columnheader", "ASR") in {(role, name.strip(" ↕")) for role, name in told}
    assert ("rowheader", "V") in told
    unnamed = [role for role, name in told if role in ("button", "link", "combobox") and not name]
    assert unnamed == []
    levels = [
        int(heading.tag_name[1])
        for heading in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def on_paper(browser: webdriver.Chrome) -> str:
    """Returns the text that is seen once the page is about to be printed."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    return browser.find_element(By.TAG_NAME, "body").text


@needs_chromium
def test_paper_has_what_is_chosen(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path, "#attack=1%25&outcome=succeeded")
    printed = on_paper(browser)
    assert "3 examples with attack 1%, outcome succeeded" in printed
    assert printed.count("layer 0, head 1: <b>a</b> → film, film → <b>a</b>") == 3
    assert "1% on V, example 3" not in printed
    assert "seconds per success" in printed
    assert '"recipe": "hackattend"' in printed, "paper has the whole provenance"
    buttons = browser.find_elements(By.CSS_SELECTOR, ".tools, form, nav, #chips, #pages, .sign")
    assert not [button for button in buttons if button.is_displayed()]
    figures = browser.find_elements(By.CSS_SELECTOR, "figure svg")
    assert len([figure for figure in figures if figure.is_displayed()]) == 5
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    left = "#printed *, #provenance details[open]"
    assert browser.find_elements(By.CSS_SELECTOR, left) == []


@needs_chromium
def test_the_browser_prints_what_is_chosen(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path, "#attack=words")
    browser.execute_script(
        "addEventListener('beforeprint', () => {"
        "  window.printed = document.querySelectorAll('#printed article').length;"
        "})"
    )
    assert len(browser.print_page()) > 10_000
    assert browser.execute_script("return window.printed") == 4


@needs_chromium
def test_paper_says_how_many_examples_it_leaves_out(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    rows = [judged(n, "failed") for n in range(50)]
    results = results_of(Store(tmp_path / "store.sqlite"), {("V", "hackattend", "v"): rows})
    opened(browser, report(results), tmp_path)
    printed = on_paper(browser)
    assert "50 examples: the first 20, as no filter is chosen" in printed
    assert printed.count("hackattend on V, example ") == 20
