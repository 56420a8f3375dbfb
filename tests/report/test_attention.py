"""The attention of examples, before and after an attack, in the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from textattack_attend.benchmark import Recipe, Results, Store
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.report import page, report
from textattack_attend.report.attention_values import attention_values
from textattack_attend.structures import Structure, describe, encode
from textattack_attend.structures.shape import Reach, Shape

from ..helpers.chromium import listed, needs_chromium, opened


def test_the_values_are_those_of_the_victim(tmp_path: Path) -> None:
    attack = {"recipe": "hackattend-plus", "options": {"mask_fraction": 0.05}}
    given: Any = {"data": "attend-demo", "examples": 12, "attacks": {"A": attack}}
    benchmark = Benchmark(
        Recipe(**given, victims={"V": ["attend-demo"]}), Store(tmp_path / "store.sqlite")
    )
    benchmark.run()
    results = Results.of(benchmark.store)
    victim = wrapper_for(str(VICTIM_PATH)).victim
    found = attention_values(results, trusted=False)
    assert found
    for index, values in found.items():
        row = results.rows.loc[index]
        clean = victim.capture(row["text"], None).probabilities[values["layer"], values["head"]]
        np.testing.assert_allclose(values["before"], clean.ravel(), atol=1e-6)
        assert min(values["after"]) == 0, "a masked unit has no attention"


def test_no_checkpoint_that_a_store_names_is_loaded(results: Results) -> None:
    assert attention_values(results, trusted=False) == {}
    assert attention_values(results, trusted=True) == {}, "v is no checkpoint"


@needs_chromium
def test_attention_is_shown_before_and_after(
    results: Results, browser: webdriver.Chrome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = [0.25] * 16, [0.5, *[0.0] * 15]
    values = {"layer": 1, "head": 0, "before": before, "after": after}
    monkeypatch.setattr(page, "attention_values", lambda results, trusted: {0: values})
    opened(browser, report(results), tmp_path)
    listed(browser)[0].click()
    shown = browser.find_element(By.ID, "example")
    assert "Matrix of layer 1, head 0" in shown.text
    maps = shown.find_elements(By.CSS_SELECTOR, ".map")
    assert [heading.text for heading in shown.find_elements(By.TAG_NAME, "h5")] == [
        "Attention before",
        "Attention after",
    ]
    for map_, expected in zip(maps, (before, after), strict=True):
        units = map_.find_elements(By.CSS_SELECTOR, ".value")
        assert [float(unit.get_attribute("fill-opacity") or "") for unit in units] == expected
        assert len(map_.find_elements(By.CSS_SELECTOR, ".framed")) == 1
    title = maps[0].find_element(By.CSS_SELECTOR, ".framed title").get_property("textContent")
    assert title == "<b>a</b> → <b>a</b>: 25.0%"
    browser.find_element(By.CSS_SELECTOR, "[aria-label='layer 0, head 1: 2 masked']").click()
    assert len(shown.find_elements(By.CSS_SELECTOR, ".map")) == 1, "of others it is not known"


@needs_chromium
@pytest.mark.parametrize(
    ("reach", "tokens"),
    [
        (Reach(), ["[CLS]", "the", "film", "the", "##s"]),
        (Reach(decoder_queries=True), ["\u2581a", "b", "\u0120a", "c", "</s>"]),
        (Reach(decoder_queries=True, decoder_keys=True), ["\u0120", "x\ny", "x y", "d", "e"]),
    ],
    ids=["encoder", "cross", "decoder"],
)
def test_tokens_have_the_names_that_a_terminal_shows(
    reach: Reach,
    tokens: list[str],
    results: Results,
    browser: webdriver.Chrome,
    tmp_path: Path,
) -> None:
    shape = Shape(1, 1, 5, (reach,))
    structure = Structure.from_units(shape, [(0, 0, 0, 3), (0, 0, 2, 0), (0, 0, 4, 1)])
    example = {"masked": encode(structure), "tokens": tokens}
    opened(browser, report(results), tmp_path)
    pairs = browser.execute_script(
        "const [example] = arguments; return pairsOf(example, structureOf(example).matrices[0])",
        example,
    )
    assert [f"L0 H0: {', '.join(pairs)}".replace("→", "->")] == describe(structure, tokens)
