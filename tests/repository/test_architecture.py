"""The page about the architecture names every package, in the order of the layers."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "textattack_attend"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def layers() -> list[str]:
    """Returns the layers of the import contract, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["type"] == "layers")
    found: list[str] = contract["layers"]
    return found


def test_only_errors_and_the_registry_stand_loose() -> None:
    loose = {path.name for path in PACKAGE.glob("*.py")}
    assert loose - {"__init__.py", "__main__.py", "registry.py", "errors.py"} == set()


def test_the_page_names_every_package_in_the_order_of_the_layers() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    present = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} | {"registry"}
    assert set(named) == present
    order = {name: rank for rank, layer in enumerate(layers()) for name in layer.split(" | ")}
    assert [order[name] for name in named] == sorted(order[name] for name in named)


def test_every_folder_says_what_it_is_for() -> None:
    for folder in {path.parent for path in PACKAGE.rglob("*.py")}:
        text = (folder / "__init__.py").read_text(encoding="utf-8")
        assert text.startswith('"""'), folder


def test_no_file_function_or_class_is_too_long() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                most = 200 if isinstance(node, ast.ClassDef) else 60
                assert (node.end_lineno or 0) - node.lineno < most, f"{path}: {node.name}"
