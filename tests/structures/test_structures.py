"""Structures, their budget, their words and their file."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from textattack_attend.errors import InvalidInputError, StructureMismatchError
from textattack_attend.identity import Identity
from textattack_attend.structures import (
    Budget,
    SavedStructure,
    Shape,
    Structure,
    describe,
    load,
    save,
    summarize,
)

SHAPE = Shape(layers=3, heads=2, tokens=4)
Unit = tuple[int, int, int, int]
units = st.sets(st.tuples(*(st.integers(0, limit - 1) for limit in (3, 2, 4, 4))))


def structure_of(rows: set[Unit]) -> Structure:
    return Structure.from_units(SHAPE, sorted(rows))


@given(units)
def test_a_structure_is_the_set_of_its_units(rows: set[Unit]) -> None:
    structure = structure_of(rows)
    assert {tuple(unit) for unit in structure.units.tolist()} == rows
    assert len(structure) == len(rows)
    assert structure.matrices == sorted({(layer, head) for layer, head, _, _ in rows})
    assert structure.layers == {layer for layer, *_ in rows}


@given(units, units)
def test_joining_is_the_union_of_sets(left: set[Unit], right: set[Unit]) -> None:
    assert structure_of(left) | structure_of(right) == structure_of(left | right)


@given(units, units)
def test_equality_and_hash_follow_the_units(left: set[Unit], right: set[Unit]) -> None:
    a, b = structure_of(left), structure_of(right)
    assert (a == b) == (left == right)
    if left == right:
        assert hash(a) == hash(b)


def test_shapes_tell_structures_apart_and_do_not_join() -> None:
    other = Structure(Shape(3, 2, 5))
    assert other != Structure(SHAPE)
    with pytest.raises(StructureMismatchError, match="cannot join"):
        other | Structure(SHAPE)


def test_hamming_distance_is_the_mean_over_perturbed_matrices() -> None:
    rows = {(0, 0, 1, 1), (0, 0, 1, 2), (2, 1, 3, 3)}
    assert structure_of(rows).hamming_distance == 1.5
    assert Structure(SHAPE).hamming_distance == 0


def test_a_whole_matrix_is_all_of_its_cells() -> None:
    structure = Structure.whole(SHAPE, [(1, 0)])
    assert len(structure) == 16
    assert structure.matrices == [(1, 0)]


@pytest.mark.parametrize("unit", [(3, 0, 0, 0), (0, 2, 0, 0), (0, 0, 4, 0), (0, 0, 0, -1)])
def test_units_outside_the_shape_are_refused(unit: Unit) -> None:
    with pytest.raises(InvalidInputError, match="inside"):
        Structure.from_units(SHAPE, [unit])


def test_a_pickled_structure_keeps_its_hash_in_another_process() -> None:
    structure = structure_of({(0, 0, 1, 1), (1, 1, 2, 3)})
    hash(structure)  # cached now; string hashes differ by process, so the cache must not travel
    check = (
        "import pickle, sys; s = pickle.load(sys.stdin.buffer);"
        "from textattack_attend.structures import Structure;"
        "assert s in {Structure.from_units(s.shape, s.units)}"
    )
    subprocess.run([sys.executable, "-c", check], input=pickle.dumps(structure), check=True)


# --- the budget ---


def test_the_paper_counts_two_units_of_a_15_by_15_matrix() -> None:
    assert Budget(0.01, spare_first_token=False).units_per_matrix(Shape(1, 1, 15), 0) == [2]


@pytest.mark.parametrize(
    ("fraction", "tokens", "expected"),
    [(0.01, 4, 1), (0.01, 11, 1), (0.01, 21, 4), (0.29, 11, 29), (1.0, 3, 4), (0.0001, 2, 1)],
)
def test_units_per_matrix_by_hand(fraction: float, tokens: int, expected: int) -> None:
    assert Budget(fraction).units_per_matrix(Shape(1, 1, tokens), 0) == [expected]


@given(st.integers(1, 10_000), st.integers(2, 200), st.booleans())
def test_the_budget_is_the_floor_of_the_decimal_share(
    per_10000: int, tokens: int, spare: bool
) -> None:
    n_attackable = (tokens - spare) ** 2
    expected = max(1, floor(Fraction(per_10000, 10_000) * n_attackable))
    assert Budget(per_10000 / 10_000, spare).units_per_matrix(Shape(1, 1, tokens), 0) == [expected]


def test_the_first_token_is_spared_in_row_and_column() -> None:
    attackable = Budget().attackable(Shape(1, 1, 3), 0)
    assert attackable.tolist() == [[False] * 3, [False, True, True], [False, True, True]]
    assert Budget(spare_first_token=False).attackable(Shape(1, 1, 3), 0).all()


def test_allows_judges_number_and_place() -> None:
    budget = Budget(0.3)  # 2 of the 9 attackable units
    assert budget.allows(structure_of({(0, 0, 1, 1), (0, 0, 2, 2), (0, 1, 3, 3)}))
    assert not budget.allows(structure_of({(0, 0, 1, 1), (0, 0, 2, 2), (0, 0, 3, 3)}))
    assert not budget.allows(structure_of({(0, 0, 0, 1)}))


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_mask_fraction_outside_0_1_is_refused(fraction: float) -> None:
    with pytest.raises(InvalidInputError, match=r"mask_fraction: expected a share in \(0, 1\]"):
        Budget(fraction)


# --- words ---


def test_a_structure_in_words() -> None:
    structure = structure_of({(2, 1, 1, 3), (0, 0, 3, 2)})
    assert describe(structure, ["[CLS]", "a", "Ġfilm", "emotional"]) == [
        "L0 H0: emotional -> film",
        "L2 H1: a -> emotional",
    ]
    assert (
        summarize(structure) == "masked 2 attention units in 2 of 6 matrices (2.08% of all units)"
    )
    one = summarize(structure_of({(2, 1, 1, 3)}))
    assert one == "masked 1 attention unit in 1 of 6 matrices (1.04% of all units)"


def test_repeated_tokens_carry_their_position() -> None:
    structure = structure_of({(0, 0, 1, 3)})
    assert describe(structure, ["[CLS]", "the", "film", "the"]) == ["L0 H0: the[1] -> the[3]"]


def test_long_structures_are_cut_and_say_so() -> None:
    shape = Shape(30, 1, 12)
    structure = Structure.whole(shape, [(layer, 0) for layer in range(30)])
    lines = describe(structure, list("abcdefghijkl"))
    assert lines[0].endswith("... and 140 more")
    assert lines[-1] == "... and 18 more matrices"


# --- the file ---

VICTIM = Identity(
    "bert",
    {"weights": "0", "configuration": "1", "tokenizer": "2"},
    {"prompt": ["the {}", ["a", "b"]], "max_tokens": 8},
)


@given(rows=units, text=st.one_of(st.text(), st.tuples(st.text(), st.text())))
def test_a_saved_structure_comes_back(
    rows: set[Unit], text: str | tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("structures") / "structure.safetensors"
    saved = SavedStructure(structure_of(rows), text, VICTIM)
    save(saved, path)
    assert load(path) == saved


def damage_nothing(path: Path) -> None:
    path.unlink()


def damage_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def damage_format(path: Path) -> None:
    save_file({"units": np.zeros((0, 4), np.int32)}, path, {"format": "something else"})


def damage_version(path: Path) -> None:
    metadata = {"format": "textattack_attend.structure", "version": "99"}
    save_file({"units": np.zeros((0, 4), np.int32)}, path, metadata)


def damage_units(path: Path) -> None:
    metadata = {"format": "textattack_attend.structure", "version": "1", "model": "m"}
    metadata |= {"layers": "1", "heads": "1", "tokens": "2", "text": json.dumps("a")}
    save_file({"units": np.full((1, 4), 7, np.int32)}, path, metadata)


@pytest.mark.parametrize(
    "damage", [damage_nothing, damage_bytes, damage_format, damage_version, damage_units]
)
def test_a_damaged_file_is_refused_in_one_line(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "structure.safetensors"
    save(SavedStructure(structure_of({(0, 0, 1, 1)}), "a", VICTIM), path)
    damage(path)
    with pytest.raises(InvalidInputError) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "structure.safetensors"
    old = SavedStructure(structure_of({(0, 0, 1, 1)}), "a", VICTIM)
    save(old, path)

    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(InvalidInputError, match="cannot be written"):
        save(SavedStructure(structure_of(set()), "b", VICTIM), path)
    monkeypatch.undo()
    assert load(path) == old
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("spared", "units"), [(True, 12), (False, 18)])
def test_the_released_budget_of_choices_counts_without_cls(spared: bool, units: int) -> None:
    """By hand, of 5 and 7 tokens: 0.24 of (4 + 6)^2 / 2 is 12, 0.25 of 12^2 / 2 is 18."""
    shape = Shape(1, 1, 12, sequences=(5, 7))
    budget = Budget(0.24 if spared else 0.25, spared, choice_budget="released")
    counts = [int(budget.attackable(shape, 0)[span, span].sum()) for span in shape.spans]
    assert budget.units_per_matrix(shape, 0) == [min(units, own) for own in counts]
