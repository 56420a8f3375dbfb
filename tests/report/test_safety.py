"""Nothing that a page shows is executed, or leaves it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from matplotlib.figure import Figure
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from textattack_attend.benchmark import Results, Store
from textattack_attend.report import (
    report,
)
from textattack_attend.report.inline_svg import inline_svg

from ..helpers.chromium import listed, logged, needs_chromium, opened
from ..helpers.report_rows import ATTACKS, NASTY, flipped
from ..helpers.stored_results import results_of


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
    assert len(browser.find_elements(By.CSS_SELECTOR, "figure svg")) == 5
    notes = browser.find_element(By.CSS_SELECTOR, "#figures ul.note").text
    assert notes.startswith("Attention before and after: ")  # the data are made up


@needs_chromium
def test_what_looks_like_markup_stays_text(
    results: Results, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened(browser, report(results), tmp_path)
    listed(browser)[0].click()
    shown = browser.find_element(By.ID, "example")
    shown.find_element(By.CSS_SELECTOR, ".words summary").click()
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
    assert shown.count(label) == 4  # in the legends of four figures
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
        '<svg stroke-linecap="butt"><defs></defs><text aria-hidden="true" id="name-t" '
        'font-size="10px" font-family="&#x27;DejaVu Sans&#x27;, serif" '
        'fill="currentColor">style="a"</text></svg>'
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
    browser.find_element(By.CSS_SELECTOR, ".words summary").click()
    shown = browser.find_element(By.ID, "example").text
    assert "a\\x1b[2J \\u202efilm\nand a line\\x00" in shown
    assert r"layer 0, head 1: \u202e → b, b → \u202e" in shown
    assert not re.search("[\x00\x1b\u202e]", shown)
