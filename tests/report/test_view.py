"""The view of the page: its address, the filters, and the marks of figures that filter."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pandas as pd
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from textattack_attend.benchmark import Results
from textattack_attend.report import report
from textattack_attend.report.sections import Section

from ..helpers.chromium import column, listed, needs_chromium, opened

pytestmark = needs_chromium


def chips(browser: webdriver.Chrome) -> list[str]:
    return [chip.text[:-2] for chip in browser.find_elements(By.CSS_SELECTOR, "#chips button")]


def found(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.ID, "found").text


def address(browser: webdriver.Chrome) -> dict[str, list[str]]:
    return parse_qs(browser.current_url.partition("#")[2])


def mark(browser: webdriver.Chrome, figure: str, name: str) -> WebElement:
    marks = browser.find_elements(By.CSS_SELECTOR, f"#figure-{figure} a")
    (one,) = [mark for mark in marks if mark.get_attribute("aria-label") == name]
    return one


def test_a_view_has_an_address_that_shows_it_again(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    page = report(results)
    opened(browser, page, tmp_path)
    Select(browser.find_element(By.NAME, "attack")).select_by_visible_text("1%")
    browser.find_element(By.NAME, "text").send_keys("text 1")
    browser.find_element(By.XPATH, "//th[contains(., 'ASR')]/button").click()
    listed(browser)[0].click()
    browser.find_element(By.CSS_SELECTOR, "[aria-label='layer 1, head 0: 1 masked']").click()
    said = address(browser)
    assert said["attack"] == ["1%"]
    assert said["text"] == ["text 1"]
    assert said["matrix"] == ["1.0"]
    assert said["example"] == ["1/0/v/1%/V"]
    shared = browser.current_url.partition("#")[2]
    shown = browser.find_element(By.ID, "example").text
    assert "Matrix of layer 1, head 0" in shown
    order = column(browser, 2)
    assert order == ["0.1%", "words", "1%"]

    browser.get("about:blank")
    opened(browser, page, tmp_path, f"#{shared}")
    assert found(browser) == "1 example"
    assert browser.find_element(By.ID, "example").text == shown
    assert column(browser, 2) == order
    assert Select(browser.find_element(By.NAME, "attack")).first_selected_option.text == "1%"
    assert browser.find_element(By.NAME, "text").get_attribute("value") == "text 1"


def test_the_browser_goes_back_and_forward(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    Select(browser.find_element(By.NAME, "attack")).select_by_visible_text("words")
    browser.find_element(By.NAME, "text").send_keys("good")
    assert found(browser) == "1 example"
    browser.back()
    assert found(browser) == "4 examples", "a word that is typed is one step"
    browser.back()
    assert found(browser) == "12 examples"
    assert chips(browser) == []
    browser.forward()
    assert chips(browser) == ["attack words"]


def test_an_address_that_names_nothing_leaves_the_page_whole(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path, "#example=x&sort=9.9.up&page=-3&window=<b>&head=%")
    assert found(browser) == "0 examples"
    assert chips(browser) == ["head %"]
    browser.find_element(By.CSS_SELECTOR, "#chips button").click()
    assert found(browser) == "12 examples"


def test_a_click_on_a_head_shows_the_examples_that_mask_it(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    mark(browser, "heads", "victim V, attack 1%, layer 0, head 1, successes 3").click()
    # examples 0, 1 and 2 are the successes of this attack, and each masks units of the head
    assert found(browser) == "3 examples"
    assert [item.text.partition(" · ")[2] for item in listed(browser)] == [
        "1% on V · 0",
        "1% on V · 1",
        "1% on V · 2",
    ]
    assert chips(browser) == ["victim V", "attack 1%", "layer 0", "head 1"]
    remove = browser.find_elements(By.CSS_SELECTOR, "#chips button")
    assert remove[1].get_attribute("aria-label") == "Remove the filter: attack 1%"
    remove[1].click()
    assert found(browser) == "4 examples"  # with the success of the other attack
    browser.back()
    browser.back()
    assert found(browser) == "12 examples"


def test_no_head_that_nothing_masks_is_a_link(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    marks = browser.find_elements(By.CSS_SELECTOR, "#figure-heads a")
    assert len(marks) == 4  # two heads under two attacks


def test_a_click_on_a_bar_or_a_point_shows_its_examples(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    bar = "victim V, attack 0.1%, layer 1, share of masked units 33.3%"
    mark(browser, "layers", bar).click()
    assert chips(browser) == ["victim V", "attack 0.1%", "layer 1"]
    assert found(browser) == "1 example"
    points = browser.find_elements(By.CSS_SELECTOR, "#figure-robustness a")
    assert len(points) == 2
    points[1].click()
    assert chips(browser) == ["victim V", "attack 1%"]
    assert found(browser) == "4 examples"
    costs = browser.find_elements(By.CSS_SELECTOR, "#figure-efficiency a")
    assert len(costs) == 6  # three attacks over seconds, and over queries


def test_the_keyboard_goes_from_mark_to_mark(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    marks = browser.find_elements(By.CSS_SELECTOR, "#figure-heads a")
    assert [one.get_attribute("tabindex") for one in marks].count("0") == 1
    browser.execute_script("arguments[0].focus()", marks[0])  # layer 0, head 1 of 1%
    marks[0].send_keys(Keys.ARROW_DOWN)
    focused = browser.switch_to.active_element
    assert "attack 1%, layer 1, head 0" in (focused.get_attribute("aria-label") or "")
    focused.send_keys(Keys.ENTER)
    assert chips(browser) == ["victim V", "attack 1%", "layer 1", "head 0"]


def test_masked_units_are_seen_by_head_and_by_token(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    listed(browser)[1].click()
    rows = browser.find_elements(By.CSS_SELECTOR, "#example .heads tr")
    assert [row.text.split() for row in rows] == [["0", "1"], ["0", "·", "2"], ["1", "1", "·"]]
    pairs = browser.find_elements(By.CSS_SELECTOR, "#example .pairs li")
    assert [pair.text for pair in pairs] == ["<b>a</b> → film", "film → <b>a</b>"]
    map_ = browser.find_element(By.CSS_SELECTOR, "#example .map")
    assert map_.get_attribute("aria-label") == (
        "The matrix of layer 0, head 1: 2 of 16 units are masked. The list below names them."
    )
    places = [
        (rect.get_attribute("x"), rect.get_attribute("y"))
        for rect in map_.find_elements(By.CSS_SELECTOR, ".masked")
    ]
    # 8 letters of the longest token make a margin of 64; a cell is 15 wide
    assert places == [("95", "80"), ("80", "95")]  # (key 2, query 1), (key 1, query 2)
    button = browser.find_element(By.CSS_SELECTOR, "#example [aria-pressed=true]")
    button.send_keys(Keys.ARROW_DOWN)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    pressed = browser.switch_to.active_element
    assert pressed.get_attribute("aria-label") == "layer 1, head 0: 1 masked"
    assert pressed.get_attribute("aria-pressed") == "true"


def test_the_first_success_leads_to_its_example(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path, "#attack=words")
    browser.find_element(By.LINK_TEXT, "Look at it among the examples").click()
    assert found(browser) == "12 examples"
    assert address(browser)["example"] == ["0/0/v/1%/V"]
    assert "1% on V, example 0" in browser.find_element(By.ID, "example").text


def test_the_tables_of_a_caller_can_be_sorted_and_copied(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    table = pd.DataFrame({"pair": ["a -> b", "<b>c</b> -> d"], "effect": [0.5, 0.25]})
    section = Section("Pairs", tables={"The most telling pairs": table})
    opened(browser, report(results, sections=[section]), tmp_path)
    own = browser.find_element(By.ID, "section-1")
    own.find_element(By.XPATH, ".//th[contains(., 'effect')]/button").click()
    rows = [row.text for row in own.find_elements(By.CSS_SELECTOR, "tbody tr")]
    assert rows == ["<b>c</b> -> d 0.25", "a -> b 0.5"]
    names = [one.get_attribute("aria-label") for one in own.find_elements(By.TAG_NAME, "button")]
    assert names[:2] == [
        "Copy The most telling pairs as LaTeX",
        "Copy The most telling pairs as CSV",
    ]
