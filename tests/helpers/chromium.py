"""Drives Chromium, without a screen and without a network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="chromium and chromedriver are missing; CI installs them and runs this",
)


def chromium() -> Iterator[webdriver.Chrome]:
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


def opened(browser: webdriver.Chrome, page: str, folder: Path, view: str = "") -> None:
    """Opens a page from disk, at a view, and waits until its examples are unpacked."""
    (folder / "report.html").write_text(page, encoding="utf-8")
    browser.get(f"{(folder / 'report.html').as_uri()}{view}")
    WebDriverWait(browser, 30).until(
        lambda b: re.search(r"\d example", b.find_element(By.ID, "found").text)
    )


def themed(browser: webdriver.Chrome, theme: str, width: int) -> None:
    """Gives the browser a theme, light or dark, and the width of a window or of a phone."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def listed(browser: webdriver.Chrome) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, "#list button")


def logged(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def column(browser: webdriver.Chrome, number: int) -> list[str]:
    """Returns the cells of a column of the comparison."""
    cells = browser.find_elements(By.CSS_SELECTOR, f"#tables tbody :nth-child({number}):is(th, td)")
    return [cell.text for cell in cells]


def luminance(color: str) -> float:
    """Relative, as WCAG has it, of rgb(...)."""
    parts = [int(part) / 255 for part in color.strip("rgba() ").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one: str, other: str) -> float:
    """Returns the contrast of two colours, 1 to 21."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)
