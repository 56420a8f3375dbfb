"""The page in a real browser: its examples and its tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from textattack_attend.benchmark import Results, Store
from textattack_attend.report import (
    report,
)

from ..helpers.chromium import column, contrast, listed, luminance, needs_chromium, opened, themed
from ..helpers.report_rows import flipped, judged
from ..helpers.stored_results import results_of


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
    themed(browser, theme, width)
    opened(browser, report(results), tmp_path)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    paper, ink = browser.execute_script(
        "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    )
    assert contrast(paper, ink) > 7
    assert (luminance(paper) < luminance(ink)) == (theme == "dark")
    soft = browser.execute_script("return getComputedStyle(document.querySelector('figure')).color")
    assert contrast(paper, soft) > 4.5


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
