"""A user copies tables and citations from the page, and saves figures."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from xml.etree import ElementTree

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.tables import comparison
from textattack_attend.report import report

from ..helpers.chromium import needs_chromium, opened
from ..helpers.report_rows import ATTACKS, flipped
from ..helpers.stored_results import results_of

pytestmark = needs_chromium
WITHOUT_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
SVG = "{http://www.w3.org/2000/svg}"


def pressed(browser: webdriver.Chrome, name: str) -> str:
    """Presses the button of a name, and returns what the page says then."""
    before = browser.find_element(By.ID, "said").text
    browser.find_element(By.CSS_SELECTOR, f"button[aria-label='{name}']").click()
    for _ in range(50):
        said = browser.find_element(By.ID, "said").text
        if said != before:
            return said
        time.sleep(0.1)
    return said


def pasted(browser: webdriver.Chrome) -> str:
    """Pastes the clipboard into a field of its own."""
    browser.execute_script(
        "const area = document.createElement('textarea'); area.id = 'pasted';"
        "document.getElementById('pasted')?.remove(); document.body.append(area); area.focus()"
    )
    area = browser.find_element(By.ID, "pasted")
    area.send_keys(Keys.CONTROL, "v")
    return str(area.get_property("value"))


def test_a_table_is_copied_as_csv_and_as_latex(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    browser.execute_script(WITHOUT_CLIPBOARD)
    assert pressed(browser, "Copy Attacks as CSV") == "Copy Attacks as CSV: copied."
    rows = list(csv.reader(io.StringIO(pasted(browser))))
    table = comparison(results)
    assert rows[0] == list(table.columns)
    assert [row[:2] for row in rows[1:]] == [["V", "1%"], ["V", "0.1%"], ["V", "words"]]
    place = rows[0].index("ASR")
    assert [row[place] for row in rows[1:]] == list(table["ASR"])
    assert rows[1][place].startswith("75.0%")  # three of four
    assert pressed(browser, "Copy Attacks as LaTeX") == "Copy Attacks as LaTeX: copied."
    latex = pasted(browser)
    assert latex.startswith("\\begin{tabular}")
    assert "\\toprule\nvictim & attack & models & " in latex
    assert "V & 0.1\\% & 1 & " in latex


def test_a_table_is_copied_with_the_labels_of_strangers_escaped(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    label = '=1+1 & 5%_{x}\\y "</pre>'
    rows = {(label, "1%", "v"): [flipped(0)]}
    results = results_of(Store(tmp_path / "store.sqlite"), rows, attacks=ATTACKS)
    opened(browser, report(results), tmp_path)
    pressed(browser, "Copy Attacks as CSV")
    assert list(csv.reader(io.StringIO(pasted(browser))))[1][0] == f"'{label}"
    pressed(browser, "Copy Attacks as LaTeX")
    assert '=1+1 \\& 5\\%\\_\\{x\\}\\textbackslash y "</pre> & 1\\%' in pasted(browser)


def test_where_nothing_copies_the_text_is_selected(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    browser.execute_script(f"{WITHOUT_CLIPBOARD}; document.execCommand = () => false")
    said = pressed(browser, "Copy Attacks as CSV")
    assert said.endswith("this browser does not copy. The text is selected; press Ctrl+C.")
    selected = browser.execute_script("return getSelection().toString()")
    assert selected.startswith('"victim","attack"')


def test_the_numbers_of_a_figure_are_a_table_that_is_copied(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    browser.find_element(By.CSS_SELECTOR, "#figure-heads details summary").click()
    pressed(browser, "Copy Successes that mask units of a head: numbers as CSV")
    rows = list(csv.reader(io.StringIO(pasted(browser))))
    assert rows == [
        ["victim", "attack", "layer", "head", "successes"],
        ["V", "1%", "0", "1", "3"],
        ["V", "1%", "1", "0", "3"],
        ["V", "0.1%", "0", "1", "1"],
        ["V", "0.1%", "1", "0", "1"],
    ]


def test_a_figure_is_saved_as_a_file_that_needs_no_page(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    folder = tmp_path / "downloads"
    behavior = {"behavior": "allow", "downloadPath": str(folder)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", behavior)
    opened(browser, report(results), tmp_path)
    name = "Download Successes that mask units of a head as SVG"
    assert pressed(browser, name).startswith("figure-heads.svg: saved")
    file = folder / "figure-heads.svg"
    for _ in range(100):
        if file.exists() and file.read_text().endswith("</svg>\n"):
            break
        time.sleep(0.1)
    svg = ElementTree.fromstring(file.read_text())
    assert svg.get("color") == "#1d2026"
    assert not list(svg.iter(f"{SVG}a")), "a link to the page leads nowhere"
    assert [title.text for title in svg.iter(f"{SVG}title")] == [
        "Successes that mask units of a head"
    ]
    numbers = [text.text for text in svg.iter(f"{SVG}text")]
    assert numbers.count("3") == 2
    browser.get(file.as_uri())
    drawn = browser.execute_script("return document.documentElement.getBoundingClientRect().width")
    assert drawn > 100


def test_the_address_of_a_view_is_copied(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path, "#attack=words")
    browser.find_element(By.CSS_SELECTOR, "button[data-copy='']").click()
    time.sleep(0.3)
    assert pasted(browser).endswith("report.html#attack=words")
