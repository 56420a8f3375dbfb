"""The package speaks the words of the glossary, in docstrings that begin with a verb or a noun."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
TERMS = re.findall(r"^\| \*\*(.+?)\*\* \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
SHIPPED = sorted((ROOT / "textattack_attend").rglob("*.py"))
ELLIPSIS = re.compile(
    r"(Of|For|From|As|In|With|Without|What|Whether|Which|Where|When|How|Those|The same|Inside,)\s"
)
"""Matches the beginning of a phrase that is no sentence and names nothing."""


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yields the place and the text of every docstring of a file, those of attributes too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for before, own in zip([None, *body], body, strict=False):
            if not (isinstance(own, ast.Expr) and isinstance(own.value, ast.Constant)):
                continue
            text = own.value.value
            is_attribute = isinstance(before, ast.Assign | ast.AnnAssign)
            if isinstance(text, str) and (before is None or is_attribute):
                yield f"{path.relative_to(ROOT)}:{own.lineno}", text


def test_the_glossary_explains_every_term_once() -> None:
    assert len(TERMS) > 40
    assert len(TERMS) == len(set(TERMS))


@pytest.fixture(scope="module")
def text() -> str:
    """Returns the package and the pages beside the glossary as one text in small letters."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    files = [*SHIPPED, *(page for page in pages if page != GLOSSARY)]
    whole = " ".join(file.read_text(encoding="utf-8") for file in files)
    return " ".join(re.sub(r"[_*`#]", " ", whole).lower().split())


@pytest.mark.parametrize("term", TERMS)
def test_the_code_or_the_documentation_uses_a_term(term: str, text: str) -> None:
    assert re.search(rf"\b{re.escape(term.lower())}(s|es|ies)?\b", text)


def test_no_docstring_begins_in_the_middle_of_a_sentence() -> None:
    found = [place for file in SHIPPED for place, text in docstrings(file) if ELLIPSIS.match(text)]
    assert found == []
