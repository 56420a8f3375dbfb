"""Structure files of strangers: refused in one line within narrow limits, or valid."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save as to_bytes

from textattack_attend.data.texts import Text
from textattack_attend.errors import AttendError, InvalidInputError
from textattack_attend.identity import Identity
from textattack_attend.structures import Reach, SavedStructure, Shape, Structure, load, save
from textattack_attend.structures import file as structure_file

from ..helpers.limits import limits

VICTIM = {
    "kind": "bert",
    "parts": {"weights": "0", "configuration": "1", "tokenizer": "2"},
    "settings": {"prompt": ["the {}", ["a", "b"]], "max_tokens": 8},
}
METADATA = {
    "format": "textattack_attend.structure",
    "version": "2",
    "layers": "3",
    "heads": "2",
    "tokens": "4",
    "reach": "[]",
    "first_is_special": "true",
    "sequences": "[]",
    "text": '"a"',
    "victim": json.dumps(VICTIM),
}
NEEDED = ("format", "version", "layers", "heads", "tokens", "text", "victim")
UNITS = np.array([[0, 0, 1, 1], [2, 1, 3, 0]], np.int32)
CAUSAL = json.dumps([[None, 0, False, False]] * 3)
ALL_SEEN = [[None, None]] * 3
DIGITS = "9" * 4000
DEEP = "[" * 100_000


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def file_of(header: Any, content: bytes) -> bytes:
    """The bytes of a file with a header of our own; a text stays as it is."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode("utf-8", "replace")
    return len(text).to_bytes(8, "little") + text + content


def described(units: Any) -> dict[str, Any]:
    """The header's description of an array."""
    names = {"f": "F", "i": "I", "u": "U"}
    dtype = "BOOL" if units.dtype.kind == "b" else f"{names[units.dtype.kind]}{units.itemsize * 8}"
    return {"dtype": dtype, "shape": units.shape, "data_offsets": [0, units.nbytes]}


def with_units(units: Any, **metadata: str) -> bytes:
    return file_of(
        {"__metadata__": {**METADATA, **metadata}, "units": described(units)}, units.tobytes()
    )


def without(name: str) -> bytes:
    return to_bytes({"units": UNITS}, {k: v for k, v in METADATA.items() if k != name})


def header(**changes: Any) -> bytes:
    """A file whose header has other entries."""
    return file_of(
        {"__metadata__": METADATA, "units": described(UNITS), **changes}, UNITS.tobytes()
    )


def settings_of(value: str) -> str:
    """The victim's field with settings that are written out."""
    return json.dumps({**VICTIM, "settings": "here"}).replace('"here"', value)


def refusal(path: Path) -> str:
    """The line in which a file is refused, within a second and little memory."""
    with pytest.raises(InvalidInputError) as refused, limits(seconds=1, mebibytes=100):
        load(path)
    line = str(refused.value)
    assert line.startswith(f"{path}: ")
    assert line.isprintable()
    assert len(line) < len(str(path)) + 400
    return line


REFUSED: list[tuple[str, bytes, str]] = [
    # name, content of the file, what the line says
    ("floats", with_units(UNITS.astype(np.float32) + 0.5), r"expected a tensor I32 .* 'F32'"),
    ("truth values", with_units(UNITS.astype(bool)), "'BOOL'"),
    ("64 bits", with_units(UNITS.astype(np.int64)), "'I64'"),
    ("one dimension", with_units(UNITS[0]), r"of the list \[4\]"),
    ("three columns", with_units(np.zeros((4, 3), np.int32)), r"of the list \[4, 3\]"),
    ("a unit twice", with_units(UNITS[[0, 1, 0]]), "every unit once, got 3 rows of 2 units"),
    ("outside", with_units(UNITS + 3), "inside 3 layers, 2 heads and 4 tokens"),
    ("negative", with_units(UNITS - 1), "inside 3 layers, 2 heads and 4 tokens"),
    ("unseen", with_units(UNITS[:, [0, 1, 3, 2]], reach=CAUSAL), r"= \(2, 1, 0, 3\)"),
    ("between choices", with_units(UNITS, sequences="[2, 2]"), "no query of a choice sees"),
    ("another tensor", header(more=described(UNITS)), "the tensor units, got"),
    ("no tensor", file_of({"__metadata__": METADATA}, b""), "the tensor units, got"),
    ("no metadata", file_of({"units": described(UNITS)}, UNITS.tobytes()), "expected metadata"),
    ("metadata as numbers", header(__metadata__={**METADATA, "layers": 3}), "that are texts"),
    ("metadata as a list", header(__metadata__=[METADATA]), "that are texts"),
    ("a header that is a list", file_of([METADATA], b""), "got the list"),
    ("a header that is null", file_of(None, b""), "got None"),
    ("a header that is no JSON", file_of("{", b""), "header: expected JSON"),
    ("a header that is deep", file_of(DEEP, b""), "header: .* too deep"),
    ("a header that is empty", file_of("", b""), "header: expected JSON"),
    ("a header that is not UTF-8", b"\2" + bytes(7) + b"\xff\xff", "utf-8"),
    ("nothing", b"", "header: expected JSON"),
    ("seven bytes", b"1234567", "metadata of at most 1048576 bytes"),
    ("a header of 10 GB", (10 * 2**30).to_bytes(8, "little") + b"{}", "got 10737418240"),
    ("a header of 2 MiB", file_of("{" + " " * 2 * 2**20 + "}", b""), "is its text too long"),
    ("units of 10 GB", header(units={"dtype": "I32", "shape": [2**30, 4]}), "at most 16777216"),
    ("minus one unit", header(units={"dtype": "I32", "shape": [-1, 4]}), "got -1"),
    ("a true number of units", header(units={"dtype": "I32", "shape": [True, 4]}), "got True"),
    ("units that are null", header(units=None), "expected a tensor I32"),
    ("data that end early", file_of(json.loads(with_units(UNITS)[8:-32]), b"1234"), "expected a f"),
    ("data that go on", with_units(UNITS) + b"1", "expected a file as"),
    ("other offsets", header(units={**described(UNITS), "data_offsets": [0, 16]}), "expected a f"),
    (
        "a field twice",
        file_of('{"__metadata__": {"text": "1", "text": "2"}, "units": {}}', b""),
        "'text' is named twice",
    ),
    *((f"no field {name}", without(name), f"got no {name}|None") for name in NEEDED),
    ("another format", with_units(UNITS, format="x"), "expected a textattack_attend.structure"),
    ("another version", with_units(UNITS, version="3"), "with the version of textattack_attend"),
    ("a long version", with_units(UNITS, version=DIGITS), "with the version of textattack_attend"),
    ("another field", with_units(UNITS, **{"a\nb\x1b[2J": "1"}), r"got the list \['a\\nb\\x1b"),
    ("no layers", with_units(UNITS[:0], layers="0"), "layers: expected a whole number"),
    ("negative layers", with_units(UNITS[:0], layers="-3"), "layers: expected a whole number"),
    ("NaN layers", with_units(UNITS, layers="NaN"), "layers: expected a whole number"),
    ("layers as Python has them", with_units(UNITS, layers="3_0"), "layers: expected a whole n"),
    ("layers in other digits", with_units(UNITS, layers="\u0663"), "layers: expected a whole n"),
    ("thousands of digits", with_units(UNITS, layers=DIGITS), "layers: expected a whole number"),
    ("a million layers", with_units(UNITS, layers="1000000"), "layers: expected at most 10000"),
    ("a million heads", with_units(UNITS, heads="1000000"), "heads: expected at most 10000"),
    ("50,000 tokens", with_units(UNITS, tokens="50000"), "tokens: expected at most 46340"),
    ("one reach", with_units(UNITS, reach="[[null, null]]"), "each of the 3 layers, got 1"),
    ("a reach of NaN", with_units(UNITS, reach="[[NaN, null]]"), "JSON has no NaN"),
    ("an infinite reach", with_units(UNITS, reach=str(ALL_SEEN).replace("None", "1e999")), "inf"),
    ("a true reach", with_units(UNITS, reach=str(ALL_SEEN).replace("None", "true")), "got True"),
    ("a negative reach", with_units(UNITS, reach=str(ALL_SEEN).replace("None", "-1")), "got -1"),
    ("a reach that is 1", with_units(UNITS, reach="1"), "reach: expected a list, got 1"),
    ("a reach of ones", with_units(UNITS, reach="[1, 1, 1]"), "reach: expected lists of 2 or 4"),
    ("a reach of three", with_units(UNITS, reach="[[1, 1, true]]"), "reach: expected lists of 2"),
    ("a reach with a null", with_units(UNITS, reach="[[1,1,0,1]]"), "each of the 3 layers, got 1"),
    ("a huge reach", with_units(UNITS, reach=f"[[-{DIGITS}, 1], [1, 1], [1, 1]]"), "at least 0"),
    ("sequences that add up to 2", with_units(UNITS[:0], sequences="[1, 1]"), "add up to the 4"),
    ("sequences below 0", with_units(UNITS[:0], sequences="[-1, 5]"), "sequences: expected at le"),
    ("sequences of halves", with_units(UNITS[:0], sequences="[2.5, 1.5]"), "whole number, got 2.5"),
    ("true sequences", with_units(UNITS[:0], sequences="[true, 3]"), "whole number, got True"),
    ("sequences that are a text", with_units(UNITS, sequences='"22"'), "expected a list, got"),
    ("a first token that is 1", with_units(UNITS, first_is_special="1"), "true or false, got 1"),
    ("a first token that is null", with_units(UNITS, first_is_special="null"), "got None"),
    ("a text that is null", with_units(UNITS, text="null"), "text: expected a text or a list"),
    ("a text that is 5", with_units(UNITS, text="5"), "text: expected a text or a list"),
    ("no texts", with_units(UNITS, text="[]"), "text: expected a text or a list"),
    ("a text and a number", with_units(UNITS, text='["a", 1]'), "text: expected a text or a list"),
    ("a deep text", with_units(UNITS, text=DEEP), "text: .* too deep"),
    ("a text that is no JSON", with_units(UNITS, text="a"), "text: expected JSON"),
    ("a victim that is null", with_units(UNITS, victim="null"), "victim: expected an identity"),
    ("a victim without parts", with_units(UNITS, victim='{"kind": "bert"}'), "victim: expected an"),
    ("a victim of lines", with_units(UNITS, victim=settings_of('{"a\\nb": 1}')), "of one line"),
    ("a deep victim", with_units(UNITS, victim=settings_of(f"{DEEP[:400]}{']' * 400}")), "victim"),
    (
        "deep settings",
        with_units(UNITS, victim=settings_of(f'{{"a": {DEEP[:400]}{"]" * 400}}}')),
        "at most 32 levels",
    ),
    ("infinite settings", with_units(UNITS, victim=settings_of('{"a": 1e999}')), "victim: .*float"),
    ("settings twice", with_units(UNITS, victim=settings_of('{"a": 1, "a": 2}')), "named twice"),
    (
        "101 settings",
        with_units(UNITS, victim=settings_of(json.dumps(dict.fromkeys(range(101))))),
        "at most 100 settings",
    ),
]


@pytest.mark.parametrize(
    ("content", "line"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_no_structure_file_has_is_refused_in_one_line(
    content: bytes, line: str, tmp_path: Path
) -> None:
    path = tmp_path / "structure"
    path.write_bytes(content)
    assert re.search(line, refusal(path))


def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """A pipe would keep its reader waiting for ever."""
    assert "expected a regular file, got a folder" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "expected a regular file, got a pipe" in refusal(tmp_path / "pipe")
    assert re.search(r"cannot be read \(.+\); is it a file\?$", refusal(tmp_path / "missing"))
    with pytest.raises(InvalidInputError, match="expected a file as Victim"):
        load(f"{tmp_path}/a\0b")


def test_the_file_that_the_table_begins_with_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "structure"
    path.write_bytes(with_units(UNITS))
    found = load(path)
    assert found.structure == Structure.from_units(Shape(3, 2, 4), UNITS)
    assert (found.text, found.victim) == ("a", Identity.from_dict(VICTIM))
    path.write_bytes(with_units(UNITS[::-1].copy()))  # the order of the rows says nothing
    assert load(path) == found


def test_many_matrices_take_no_longer_than_few(tmp_path: Path) -> None:
    path, count = tmp_path / "structure", 200_000
    number = np.arange(count, dtype=np.int32)
    units = np.stack([number // 1000, number % 1000, number * 0, number * 0], axis=1)
    path.write_bytes(with_units(units, layers="1000", heads="1000"))
    with limits(seconds=5, mebibytes=300):
        assert len(load(path).structure.matrices) == count


def test_a_path_in_a_field_opens_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    def recording(path: Any, mode: str) -> Any:
        opened.append(path)
        return open(path, mode)

    monkeypatch.setattr(structure_file, "open", recording, raising=False)
    path, elsewhere = tmp_path / "structure", json.dumps("../../etc/passwd")
    victim = settings_of(f'{{"path": {elsewhere}}}').replace("bert", "../../etc/passwd")
    path.write_bytes(with_units(UNITS, text=elsewhere, victim=victim))
    assert load(path).text == "../../etc/passwd"
    assert opened == [path]
    assert list(tmp_path.iterdir()) == [path]


# --- what is never written ---


def saved(**changes: Any) -> SavedStructure:
    fields: dict[str, Any] = {
        "structure": Structure.from_units(Shape(3, 2, 4), UNITS),
        "text": "a",
        "victim": Identity.from_dict(VICTIM),
    }
    return SavedStructure(**{**fields, **changes})


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (saved(victim=None), "with the identity of its victim"),
        (saved(text=None), "text: expected a text or a list of texts, got None"),
        (saved(text="\N{SNOWMAN}" * 200_000), "is its text too long"),
        (
            saved(structure=Structure(Shape(1, 1, 2), {(0, 5): np.arange(2, dtype=np.int32)})),
            "expected units ins",
        ),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    content: SavedStructure, line: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=line) as refused:
        save(content, tmp_path / "structure")
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


# --- units and shapes from programs ---


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_integers_of_any_width_are_units(dtype: Any) -> None:
    shape = Shape(3, 2, 4)
    assert Structure.from_units(shape, UNITS.astype(dtype)) == Structure.from_units(shape, UNITS)
    assert Structure.from_units(shape, UNITS.tolist()) == Structure.from_units(shape, UNITS)


@pytest.mark.parametrize("units", [[], np.empty((0, 4)), np.empty((0, 4), np.int32)], ids=str)
def test_no_units_are_the_empty_structure(units: Any) -> None:
    assert Structure.from_units(Shape(3, 2, 4), units) == Structure(Shape(3, 2, 4))


@pytest.mark.parametrize(
    ("units", "line"),
    [
        ([(0, 0, 1.5, 1)], r"got float64 of shape \(1, 4\)"),
        ([(0, 0, 1.0, 1)], r"got float64 of shape \(1, 4\)"),
        ([(0, 0, float("nan"), 1)], "got float64"),
        (UNITS.astype(bool), "got bool"),
        (UNITS[:, :3], r"of shape \(2, 3\)"),
        ((0, 0, 1, 1), r"of shape \(4,\)"),
        (UNITS[None], r"of shape \(1, 2, 4\)"),
        (5, r"of shape \(\)"),
        (None, "got object"),
        ([(0, 0, None, 1)], "got object"),
        ([(10**30, 0, 0, 0)], "got object"),
        ([(0, 0), (1,)], "got what is no array"),
        (["abcd"], "got <U4"),
        (np.array([[2**64 - 1, 0, 0, 0]], np.uint64), "got one outside"),
        (np.array([[2**63, 0, 0, 0]], np.uint64), "got one outside"),
        ([(0, 0, -1, 0)], "got one outside"),
    ],
    ids=repr,
)
def test_what_is_no_unit_is_refused_in_one_line(units: Any, line: str) -> None:
    with pytest.raises(InvalidInputError, match=line) as refused:
        Structure.from_units(Shape(3, 2, 4), units)
    assert "\n" not in str(refused.value)


def test_the_last_cell_of_the_largest_shape_is_kept() -> None:
    shape = Shape(10_000, 10_000, 46_340)
    last = [tuple(size - 1 for size in shape.size)]
    with limits(seconds=2, mebibytes=100):
        structure = Structure.from_units(shape, last)
        assert structure.units.tolist() == [list(last[0])]
        assert shape.num_units == 10_000 * 10_000 * 46_340**2


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"layers": 0}, "layers: expected at least 1, got 0"),
        ({"heads": True}, "heads: expected a whole number, got True"),
        ({"tokens": 4.0}, "tokens: expected a whole number, got 4.0"),
        ({"tokens": 46_341}, "tokens: expected at most 46340, got 46341"),
        ({"reach": (Reach(),)}, "each of the 3 layers, got 1"),
        ({"reach": (Reach(True),) * 3}, "reach, before: expected a whole number, got True"),
        ({"reach": (Reach(None, -1),) * 3}, "reach, after: expected at least 0, got -1"),
        ({"reach": (Reach(None, None, 1),) * 3}, "reach, decoder: expected true or false, got 1"),  # type: ignore[arg-type]
        ({"first_is_special": 1}, "first_is_special: expected true or false, got 1"),
        ({"sequences": (2, 1)}, "lengths that add up to the 4 tokens"),
    ],
    ids=str,
)
def test_what_is_no_shape_is_refused(fields: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        Shape(**{"layers": 3, "heads": 2, "tokens": 4, **fields})


distances = st.none() | st.integers(0, 7)
reaches = st.builds(Reach, distances, distances, st.booleans(), st.booleans())


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    layers, heads, sequences = draw(
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.lists(st.integers(1, 4), max_size=3))
    )
    tokens = sum(sequences) or draw(st.integers(1, 6))
    reach = draw(st.just(()) | st.tuples(*[reaches] * layers))
    return Shape(layers, heads, tokens, reach, draw(st.booleans()), tuple(sequences))


@given(shapes())
def test_what_a_query_sees_is_what_is_visible(shape: Shape) -> None:
    units = np.argwhere(np.ones(shape.size))
    seen = np.stack([np.stack([shape.visible(i)] * shape.heads) for i in range(shape.layers)])
    assert np.array_equal(shape.sees(units), seen.ravel())
    assert shape.num_units == seen.sum()
    assert np.array_equal(Structure.from_units(shape, units[shape.sees(units)]).dense(), seen)


# --- the fuzzers ---


def outcome(content: bytes, folder: Path) -> str:
    """Whether a file is refused or valid; asserts that it is one of both, with all that means."""
    path, again = folder / "structure", folder / "again"
    path.write_bytes(content)
    with limits(seconds=2, mebibytes=100):
        try:
            found = load(path)
        except AttendError as error:
            line = str(error)
            assert line.isprintable(), line
            assert line.startswith(f"{path}: ")
            assert len(line) < 600
            return "refused"
        structure = found.structure
        units = structure.units
        assert (units >= 0).all()
        assert (units < structure.shape.size).all()
        assert structure.shape.sees(units).all()
        if found.victim is None:
            return "valid, of version 1"
        save(found, again)
        assert load(again) == found
        return "valid"


def true_file(generator: random.Random) -> bytes:
    """A file as `save` writes it."""
    lengths = generator.choice([(), (2, 3), (1, 1, 4)])
    reach = generator.choice([(), (Reach(None, 0),) * 2, (Reach(1, 1, True, True), Reach())])
    shape = Shape(2, 3, sum(lengths) or 5, reach, generator.random() < 0.5, lengths)
    units = np.argwhere(np.ones(shape.size))
    units = units[shape.sees(units)]
    chosen = units[sorted(generator.sample(range(len(units)), generator.randint(0, 9)))]
    texts: list[Text] = ["a film", "half \ud83d of it", ("a", "b"), ""]
    structure = Structure.from_units(shape, chosen)
    return structure_file._content(saved(structure=structure, text=generator.choice(texts)))


def flipped(content: bytearray, generator: random.Random) -> None:
    content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)


def overwritten(content: bytearray, generator: random.Random) -> None:
    start = generator.randrange(len(content))
    new = generator.choice([generator.randbytes(4), b"0", b'"', b"\xff\xff\xff\x7f", b"null", b"}"])
    content[start : start + len(new)] = new


def inserted(content: bytearray, generator: random.Random) -> None:
    start = generator.randrange(len(content))
    content[start:start] = generator.choice([generator.randbytes(3), b" ", b"[", b"\0" * 16, b"9"])


def cut(content: bytearray, generator: random.Random) -> None:
    del content[generator.randrange(len(content)) :]


def dropped(content: bytearray, generator: random.Random) -> None:
    start = generator.randrange(len(content))
    del content[start : start + generator.randint(1, 16)]


def with_another_length(content: bytearray, generator: random.Random) -> None:
    own = int.from_bytes(content[:8], "little")
    others = [own + generator.randint(-9, 9), own + 16, 10 * 2**30, 2**64 - 1, 2**20, 0]
    content[:8] = (generator.choice(others) % 2**64).to_bytes(8, "little")


def with_other_digits(content: bytearray, generator: random.Random) -> None:
    digits = [place for place, byte in enumerate(content) if 48 <= byte < 58 and place > 8]
    if digits:
        content[generator.choice(digits)] = generator.choice(b"0123456789")


def with_other_letters(content: bytearray, generator: random.Random) -> None:
    letters = [place for place, byte in enumerate(content) if 97 <= byte < 123 and place > 8]
    if letters:
        content[generator.choice(letters)] = generator.choice(b"abcdefnu")


CHANGES: list[Callable[[bytearray, random.Random], None]] = [
    flipped,
    overwritten,
    inserted,
    cut,
    dropped,
    with_another_length,
    with_other_digits,
    with_other_letters,
]


@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.slow)])
def test_files_with_other_bytes_are_refused_or_valid(count: int, tmp_path: Path) -> None:
    generator, found = random.Random(count), Counter[str]()
    for _ in range(count):
        content = bytearray(true_file(generator))
        for _ in range(generator.choice([0, 1, 1, 1, 2, 5])):
            if content:
                generator.choice(CHANGES)(content, generator)
        found[outcome(bytes(content), tmp_path)] += 1
    assert min(found["refused"], found["valid"]) > count / 10, found


ODD = ["", "NaN", "[NaN]", "1e999", "[[null, 0]]", "-1", "0", "46341", DIGITS, DEEP, "null", "true"]
ODD += [
    '"\\ud800"',
    '{"a": 1, "a": 2}',
    "[[]]",
    "[2, 2]",
    "[true, 3]",
    json.dumps(VICTIM),
    "1",
    "2",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
values = st.sampled_from(ODD) | st.text(max_size=9) | json_values.map(json.dumps)
names = st.sampled_from([*METADATA, "model"]) | st.text(max_size=6)
dtypes = st.sampled_from([np.int32, np.int32, np.int64, np.uint8, np.float32, np.bool_, np.uint64])
arrays = hnp.arrays(
    dtypes,
    st.tuples(st.integers(0, 4), st.just(4)) | hnp.array_shapes(min_dims=0, max_dims=3, max_side=5),
    elements={"min_value": 0, "max_value": 3},
)
entries = st.sampled_from(["__metadata__", "units", "more"])


@st.composite
def honest(draw: st.DrawFn) -> tuple[dict[str, Any], Any]:
    """The fields of a structure file, and its units."""
    shape = draw(shapes())
    units = np.argwhere(np.ones(shape.size))
    units = units[shape.sees(units)]
    chosen = draw(st.sets(st.integers(0, len(units) - 1), max_size=6))
    fields = {
        "layers": str(shape.layers),
        "heads": str(shape.heads),
        "tokens": str(shape.tokens),
        "reach": json.dumps(shape.reach),
        "sequences": json.dumps(shape.sequences),
        "text": json.dumps(draw(st.text() | st.lists(st.text(), min_size=1))),
    }
    if draw(st.integers(0, 9)) == 0:
        old = {name: own for name, own in METADATA.items() if name != "victim"}
        return {**old, **fields, "version": "1", "model": "a"}, units[sorted(chosen)]
    settings = draw(st.just({}) | st.dictionaries(st.text(max_size=4), json_values, max_size=2))
    victim = json.dumps({**VICTIM, "settings": settings})
    return {**METADATA, **fields, "victim": victim}, units[sorted(chosen)]


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """A structure file in whose fields, units and header a few things are odd, or none."""
    fields, units = draw(honest())
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        fields[draw(names)] = draw(values)
    units = draw(arrays) if draw(st.integers(0, 5)) == 0 else units.astype(np.int32)
    whole: dict[str, Any] = {"__metadata__": fields, "units": described(units)}
    if draw(st.integers(0, 9)) == 0:
        whole[draw(entries)] = draw(json_values)
    return file_of(whole, units.tobytes())


@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.slow)])
def test_files_with_other_fields_are_refused_or_valid(count: int, tmp_path: Path) -> None:
    found = Counter[str]()

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,  # the counts of outcomes are asserted
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile())
    def every(content: bytes) -> None:
        found[outcome(content, tmp_path)] += 1

    every()
    assert found.total() >= count
    assert min(found["refused"], found["valid"]) > count / 20, found
    assert found["valid, of version 1"] or count < 1000
