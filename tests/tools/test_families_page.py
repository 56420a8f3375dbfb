"""The table of families in the documentation."""

from __future__ import annotations

import pytest

from textattack_attend.attention import FAMILIES
from textattack_attend.structures import Reach, Shape
from textattack_attend.versions import fits
from tools.commands.families_page import PAGE, TABLE, table
from tools.tiny_families.measured import attackable

NEWEST = max(family.since for family in FAMILIES.values())


def rows_of(text: str) -> list[list[str]]:
    """The cells of the rows under the two lines of the heading."""
    return [line.strip("| ").split(" | ") for line in text.splitlines()[2:]]


def committed() -> list[list[str]]:
    found = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    return rows_of(found.group())


def test_the_page_has_every_family_once_with_its_versions() -> None:
    rows = committed()
    assert [row[0].strip("`") for row in rows] == sorted(
        FAMILIES, key=lambda name: (FAMILIES[name].kind, name)
    )
    for row in rows:
        assert row[2] == (FAMILIES[row[0].strip("`")].since or "4.57, 5")


def test_every_committed_error_is_that_of_single_precision() -> None:
    assert max(float(row[-1]) for row in committed()) <= 1e-4


def test_attackable_in_words() -> None:
    near, causal, both = Reach(3, 0), Reach(None, 0), Reach()
    decoder = Reach(None, 0, True, True)
    assert attackable(Shape(2, 1, 5)) == "every pair"
    assert attackable(Shape(2, 1, 5, (causal, causal))) == "earlier tokens"
    assert attackable(Shape(2, 1, 5, (near, near))) == "earlier tokens within windows"
    assert attackable(Shape(2, 1, 5, (near, causal))) == (
        "earlier tokens, in some layers within windows"
    )
    assert attackable(Shape(2, 1, 5, (both, decoder))) == (
        "encoder: every pair; decoder: earlier tokens"
    )


@pytest.mark.slow
@pytest.mark.skipif(not fits(NEWEST), reason=f"the table needs transformers {NEWEST} or newer")
def test_the_committed_table_is_that_of_the_code() -> None:
    assert [row[:-1] for row in rows_of(table())] == [row[:-1] for row in committed()]
