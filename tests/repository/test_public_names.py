"""The names at the top of the package: complete, lazy, and known to editors and type checkers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import textattack_attend

HEAVY = ("torch", "textattack", "transformers", "matplotlib", "pandas", "numpy", "pydantic")
SOURCE = Path(str(textattack_attend.__file__)).read_text(encoding="utf-8")


def imported_for_type_checkers() -> dict[str, str]:
    """Returns the module of every name that is imported under ``TYPE_CHECKING``."""
    (block,) = (node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_all_three_lists_name_the_same() -> None:
    assert imported_for_type_checkers() == textattack_attend.PUBLIC
    assert textattack_attend.__all__ == sorted(textattack_attend.PUBLIC)


@pytest.mark.parametrize("name", textattack_attend.__all__)
def test_a_name_is_that_of_its_module(name: str) -> None:
    found = getattr(textattack_attend, name)
    assert found.__name__ == name
    assert found.__doc__
    assert found.__module__.startswith(
        f"textattack_attend.{textattack_attend.PUBLIC[name]}".rsplit(".", 1)[0]
    )


def test_no_name_is_that_of_a_module() -> None:
    """An import of the module would replace the name."""
    package = Path(str(textattack_attend.__file__)).parent
    modules = {path.stem for path in package.iterdir()} | set(textattack_attend.MOVED)
    assert modules.isdisjoint(textattack_attend.__all__)


def test_nothing_heavy_is_imported_before_a_name_is_used() -> None:
    code = (
        "import sys, textattack_attend; names = dir(textattack_attend);"
        f"assert not set(sys.modules) & set({HEAVY!r}), set(sys.modules) & set({HEAVY!r});"
        "assert set(textattack_attend.__all__) <= set(names);"
        "textattack_attend.Structure; assert 'torch' not in sys.modules;"
        "textattack_attend.Recipe; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_names_can_be_imported_at_once() -> None:
    code = "from textattack_attend import *; AttentionModelWrapper, Benchmark, write_report"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'HackAttendMinus'"):
        _ = textattack_attend.HackAttendMinus
