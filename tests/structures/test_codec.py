"""The codec of structures: what it writes, every version that it reads, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textattack_attend.errors import InvalidInputError
from textattack_attend.structures import Reach, Shape, Structure, decode, encode

UNUSUAL = {
    "local attention": Shape(2, 2, 5, reach=(Reach(2, 2), Reach())),
    "a decoder": Shape(2, 2, 5, reach=(Reach(None, 0, True, True),) * 2, first_is_special=False),
    "choices": Shape(2, 2, 5, sequences=(2, 3)),
    "no special token": Shape(2, 2, 5, first_is_special=False),
}


@st.composite
def structures(draw: st.DrawFn, shapes: st.SearchStrategy[Shape]) -> Structure:
    shape = draw(shapes)
    cells = {m: np.flatnonzero(shape.visible(m[0])) for m in np.ndindex(shape.size[:2])}
    chosen = {
        m: sorted(draw(st.sets(st.sampled_from(own.tolist()), max_size=6)))
        for m, own in cells.items()
    }
    return Structure(shape, {m: np.array(c, np.int32) for m, c in chosen.items()})


PLAIN = st.builds(Shape, st.integers(1, 3), st.integers(1, 3), st.integers(1, 9))


@given(structures(PLAIN | st.sampled_from(list(UNUSUAL.values()))))
def test_a_structure_is_decoded_without_anything_else(structure: Structure) -> None:
    again = decode(encode(structure))
    assert again == structure
    assert again.shape == structure.shape
    assert encode(again) == encode(structure)


def test_where_all_tokens_see_each_other_the_first_version_says_all() -> None:
    structure = Structure.from_units(Shape(2, 3, 4), [(1, 2, 2, 1), (0, 1, 1, 2), (1, 2, 3, 3)])
    assert encode(structure) == '{"shape":[2,3,4],"matrices":[[0,1,[6]],[1,2,[9,6]]]}'


@pytest.mark.parametrize("kind", UNUSUAL)
def test_other_structures_carry_a_version_and_all_of_their_shape(kind: str) -> None:
    structure = Structure.from_units(UNUSUAL[kind], [(1, 0, 1, 1), (1, 1, 4, 3)])
    fields = json.loads(encode(structure))
    assert fields["version"] == 2
    assert fields["shape"] == [2, 2, 5]
    assert fields["matrices"] == [[1, 0, [6]], [1, 1, [23]]]


@pytest.mark.parametrize("kind", UNUSUAL)
def test_what_the_first_version_left_out_is_decoded_to_the_same_units(kind: str) -> None:
    structure = Structure.from_units(UNUSUAL[kind], [(1, 0, 1, 1), (1, 1, 4, 3)])
    older = {n: v for n, v in json.loads(encode(structure)).items() if n in ("shape", "matrices")}
    again = decode(json.dumps(older))
    assert again.shape == Shape(2, 2, 5)
    np.testing.assert_array_equal(again.units, structure.units)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"shape": [2, 2]}, "shape: expected a list"),
        ({"shape": [2, 2, 0]}, "tokens: expected at least 1, got 0"),
        ({"shape": [2, 2, True]}, "tokens: expected a whole number"),
        ({"matrices": {}}, "matrices: expected a list"),
        ({"matrices": [[0, 2, [1]]]}, r"expected a matrix of the shape, got .*\[0, 2\]"),
        ({"matrices": [[0, False, [1]]]}, "expected a matrix of the shape"),
        ({"matrices": [[0, 0, [1]], [0, 0, [2]]]}, "the units of each matrix once"),
        ({"matrices": [[0, 0, []]]}, "expected steps from unit to unit"),
        ({"matrices": [[0, 0, [True]]]}, "expected steps from unit to unit"),
        ({"matrices": [[0, 0, [1.0]]]}, "expected steps from unit to unit"),
        ({"matrices": [[0, 0, [-1]]]}, "expected steps from unit to unit"),
        ({"matrices": [[0, 0, [2**70]]]}, "expected units below 25"),
        ({"matrices": [[0, 0, [-(2**70)]]]}, "expected steps from unit to unit"),
        ({"matrices": [[0, 0, [3, 0]]]}, "expected steps from unit to unit"),
        ({"matrices": [[0, 0, [3]], [0, 1, [4, 0]]]}, "expected steps from unit to unit"),
        ({"matrices": [[0, 0, [24, 1]]]}, "expected units below 25, got 25"),
        ({"version": 3}, "masked units of version 2 or older, got 3; update"),
        ({"version": True}, "masked units of version 2 or older"),
        ({"version": 1, "sequences": [5]}, "expected the fields of version 1"),
        ({"sequences": [5]}, "expected the fields of version 1"),
        ({"version": 2, "sequences": [4]}, "lengths that add up to the 5 tokens"),
        ({"version": 2, "sequences": [2, 3]}, "expected units whose query sees the key"),
        ({"version": 2, "reach": [[0, 0], [1]]}, "reach: expected lists of 2 or 4 values"),
        ({"version": 2, "mood": "good"}, "expected masked units with shape and matrices"),
    ],
)
def test_what_is_no_structure(changes: dict[str, Any], line: str) -> None:
    fields = {"shape": [2, 2, 5], "matrices": [[0, 0, [1, 3]]]} | changes
    with pytest.raises(InvalidInputError, match=line) as caught:
        decode(json.dumps(fields))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "NaN", "[" * 50_000, "1" * 5_000])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(InvalidInputError):
        decode(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_any_fields_are_refused_in_one_kind_of_error(value: Any) -> None:
    for name in ("shape", "matrices", "version", "reach", "first_is_special", "sequences"):
        fields = {"version": 2, "shape": [2, 2, 5], "matrices": [[0, 0, [1, 3]]], name: value}
        try:
            decode(json.dumps(fields))
        except InvalidInputError:
            continue
