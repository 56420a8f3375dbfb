"""Recipe files that somebody wrote to break their reader: an answer or one line, within limits."""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textattack_attend.benchmark import Recipe, read_recipe
from textattack_attend.benchmark.recipe import known_recipes
from textattack_attend.errors import InvalidInputError, described, listed
from textattack_attend.files import text_of

from ..helpers.limits import limits

SECONDS, MEBIBYTES = 1, 200
LONGEST_LINE = 8_000
"""The most characters of a line that refuses a recipe: 20 mistakes, each with its place."""
RECIPE = """
data: data.tsv^text,label
victims: {tiny: victim}
attacks:
  one: &one {recipe: hackattend, options: OPTIONS}
"""


def options(said: str) -> str:
    return RECIPE.replace("OPTIONS", said)


def plain(more: str = "") -> str:
    return options("{seed: 3}") + more


def bomb(levels: int, merge: bool = False) -> str:
    """Aliases of aliases, nine a level."""
    lines = ["{seed: {a0: &a0 {k: 1}"]
    for level in range(1, levels):
        aliases = [f"*a{level - 1}"] * 9
        inside = (
            f"<<: [{', '.join(aliases)}]"
            if merge
            else ", ".join(f"k{number}: {alias}" for number, alias in enumerate(aliases))
        )
        lines.append(f"a{level}: &a{level} {{{inside}}}")
    return options(", ".join(lines) + "}}")


COUNTED = "once aliases and variables are filled in, got more"
HOSTILE: dict[str, tuple[str, str]] = {
    "a bomb of aliases": (bomb(9), f"expected at most 5,000 values {COUNTED}"),
    "a bomb of merge keys": (bomb(9, merge=True), f"at most 5,000 values {COUNTED}"),
    "a long text with many aliases": (
        plain(f"examples: [&t '{'x' * 100_000}'{', *t' * 2_000}]\n"),
        f"expected at most 131,072 letters {COUNTED}",
    ),
    "a list inside itself": ("&a [*a]", r"alias of what stands before it, got \*a inside"),
    "a mapping inside itself": (options("&o {seed: *o}"), r"got \*o inside what it stands for"),
    "a key inside its mapping": ("&a {*a : 1}", r"got \*a inside what it stands for"),
    "a mapping merged into itself": (options("&o {<<: *o}"), r"got \*o inside what it stands for"),
    "a date": (options("{seed: 2024-01-01}"), "line 5, column .*got '2024-01-01', .*!!timestamp"),
    "a time": (options("{seed: 2024-01-01 10:00:00}"), "YAML reads as !!timestamp; put it into q"),
    "a set": (options("{seed: !!set {a, b}}"), "a mapping without a tag, got !!set; leave the tag"),
    "bytes": (options("{seed: !!binary aGVsbG8=}"), "got 'aGVsbG8=', which YAML reads as !!binary"),
    "an ordered mapping": (options("{seed: !!omap [a: 1]}"), "a list without a tag, got !!omap"),
    "pairs": (options("{seed: !!pairs [a: 1]}"), "expected a list without a tag, got !!pairs"),
    "a tag for another type": (options("{seed: !!str {=: x}}"), "a mapping without a tag, got !!s"),
    "a call of Python": (
        "data: !!python/object/apply:os.system [true]",
        "expected a list without a tag, got !!python/object/apply:os.system; leave",
    ),
    "a tag with an escape sequence": ("!<%1B%5B31m> [1]", r"without a tag, got '\\x1b\[31m'"),
    "a value that its tag does not allow": (
        options("{seed: !!bool 3}"),
        "that fits its tag, got '",
    ),
    "a seed of 24 digits": (
        plain("seeds: 123456789012345678901234\n"),
        "line 6, column 8: expected a whole number of at most 18 decimal digits, got '1234567890",
    ),
    "a seed of 100,000 digits": (
        plain(f"seeds: {'9' * 100_000}\n"),
        "of at most 18 decimal digits",
    ),
    "a seed in base 16": (
        plain(f"seeds: 0x{'f' * 20_000}\n"),
        "at most 18 decimal digits, got '0x",
    ),
    "a number in base 8": (plain("examples: 010\n"), "at most 18 decimal digits, got '010', which"),
    "a number in base 60": (plain("examples: 1:30\n"), "decimal digits, got '1:30', which YAML re"),
    "many digits in base 60": (
        plain(f"examples: 1{':30' * 40_000}\n"),
        "18 decimal digits, got '1",
    ),
    "a number with underscores": (plain("examples: 1_000\n"), "decimal digits, got '1_000', which"),
    "a number that overflows": (options("{seed: 1.0e+400}"), "expected a finite number .*0e.400'"),
    "not a number": (
        options("{seed: .nan}"),
        "expected a finite number in decimal digits, got '.na",
    ),
    "the sign of a value": (options("{seed: =}"), "got '=', which YAML reads as !!value; put it"),
    "a merge key as a value": (options("{seed: <<}"), "got '<<', which YAML reads as !!merge; put"),
    "a merge of numbers": (
        options("{<<: [1, 2]}"),
        "column .*: expected a mapping behind <<, or a",
    ),
    "a merge of a text": (options("{<<: text}"), "expected a mapping behind <<, or a list of map"),
    "a key that is a number": (options("{seed: {1: 2}}"), "a text as label or key, got '1', which"),
    "a key that is nothing": (plain("~: 1\n"), "expected a text as label or key, got '~', which Y"),
    "a key that is a list": (plain("[a]: 1\n"), "line 6, .*text as label or key, got a list; put"),
    "a key that is a mapping": (
        plain("{a: b}: 1\n"),
        "text as label or key, got a mapping; put it",
    ),
    "a list of 17 levels": (
        options("[" * 14 + "]" * 14),
        "expected at most 16 levels of lists and",
    ),
    "a list of 9,999 levels": (options("[" * 9999), "expected at most 16 levels of lists and mapp"),
    "aliases that are too deep": (
        options("{seed: {a: &a [[[[[]]]]], b: &b [[[[*a]]]], c: [[[[*b]]]]}}"),
        "line 5, column .*: expected at most 16 levels of lists and mappings, got more",
    ),
    "blocks that are too deep": (
        "\n".join(f"{' ' * depth}a:" for depth in range(300)),
        "line 16, column .*: expected at most 16 levels",
    ),
    "many documents": (f"{plain()}---\n" * 50, "line 6, .*but found another document"),
    "a version of YAML with 5,000 digits": (f"%YAML 1.{'9' * 5000}\n--- a", "Exceeds the limit"),
    "an escape beyond Unicode": ('"\\UFFFFFFFF"', "expected YAML, got an error: "),
    "a file of 5 MB": (plain("#" * 5_000_000), "file of at most 131,072 bytes, got 5,000,"),
    "30,000 values": (plain(f"seeds: [{'7,' * 30_000}]\n"), f"at most 5,000 values {COUNTED}"),
    "10,000 victims": (
        plain().replace("{tiny: victim}", "{" + "".join(f"v{n}: v,\n" for n in range(9_999)) + "}"),
        f"at most 5,000 values {COUNTED}",
    ),
    "2,000 victims that are numbers": (
        plain().replace("{tiny: victim}", "{" + "".join(f"v{n}: 3,\n" for n in range(2_000)) + "}"),
        r"^2000 mistakes: \(1\) victim 'v0': .*; \(20\) victim 'v19': .*; and 1980 more$",
    ),
    "a label of 100,000 letters": (
        f"? '{'x' * 100_000}'\n: 1\n",
        "expected one of the keys .*, got 'x{60}' and 99940 more letters",
    ),
    "a path of 100,000 letters": (
        plain().replace("data.tsv", "x" * 100_000),
        "data: expected at most 4096 letters, got 'x{60}' and 99951 more letters",
    ),
    "an alias of 100,000 letters": (f"*{'x' * 100_000}", "found undefined alias 'x{120}"),
    "an escape sequence in a label": (plain('"\\e[31m": 1\n'), r"got '\\x1b\[31m'$"),
    "an escape sequence in an option": (
        options(r'{recipe: "\e[31m"}').replace("recipe: hackattend", r'recipe: "a\e[31m"'),
        r"attack 'one': recipe: .*control characters, got 'a\\x1b\[31m'",
    ),
    "a NUL byte in a name": (plain().replace("victim}", '"a\\0b"}'), r"control .*, got 'a\\x00b'"),
    "a variable that names 2,000 others": (
        plain(f"seeds: [{', '.join(f'$NO_SUCH_{n}' for n in range(2_000))}]\n"),
        "expected the environment variables NO_SUCH_0, .* and 1980 more that it names",
    ),
}


def refusal(text: str | bytes, folder: Path) -> str:
    """Returns the line that refuses a recipe, or an empty text if it is read, within the limits."""
    path = folder / "recipe.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        with limits(seconds=SECONDS, mebibytes=MEBIBYTES):
            recipe = read_recipe(path)
    except InvalidInputError as error:
        line = str(error).removeprefix(f"{path}: ")
        assert line.isprintable(), "a line without escape sequences and line breaks"
        assert 0 < len(line) <= LONGEST_LINE
        return line
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    return ""


@pytest.mark.parametrize(("text", "line"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_recipe_is_refused_in_one_line(text: str, line: str, tmp_path: Path) -> None:
    said = refusal(text, tmp_path)
    with pytest.raises(AssertionError, match=line):
        raise AssertionError(said)


@pytest.mark.parametrize(
    ("merging", "found"),
    [
        ("{<<: *one, recipe: hackattend-plus}", {"recipe": "hackattend-plus", "seed": 3}),
        ("{recipe: hackattend-plus, <<: *one}", {"recipe": "hackattend-plus", "seed": 3}),
        ("{<<: *one, options: {seed: 4}}", {"recipe": "hackattend", "seed": 4}),
        ("{<<: *one, <<: *two}", {"recipe": "textfooler", "seed": 5}),
        ("{<<: [*one, *two]}", {"recipe": "hackattend", "seed": 3}),
        ("{<<: [*two, *one], recipe: a}", {"recipe": "a", "seed": 5}),
        ("{<<: &three {<<: *two, recipe: b}, recipe: a}", {"recipe": "a", "seed": 5}),
        ("*one", {"recipe": "hackattend", "seed": 3}),
    ],
)
def test_merge_keys_may_be_overridden(merging: str, found: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    two = "  two: &two {recipe: textfooler, options: {seed: 5}}\n"
    path.write_text(plain(f"{two}  merging: {merging}\n  after: {{<<: *two, options: {{}}}}\n"))
    attacks = read_recipe(path).attacks
    merged = attacks["merging"]
    assert {"recipe": merged.recipe, **merged.options} == found
    assert (attacks["one"].recipe, attacks["one"].options) == ("hackattend", {"seed": 3})
    assert (attacks["after"].recipe, attacks["after"].options) == ("textfooler", {})


@pytest.mark.parametrize("value", ["{a: [1, 2]}", "*one", "!!set {a}", "a: b", "[" * 500, "&a b"])
def test_yaml_in_a_variable_is_text(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTILE", value)
    path = tmp_path / "recipe.yaml"
    path.write_text(plain("encoder: $HOSTILE\n"))
    assert read_recipe(path).encoder == value


def test_enormous_variables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE", "x" * 100_000)
    line = refusal(plain().replace("data.tsv", "$HOSTILE" * 2_000), tmp_path)
    assert f"131,072 letters {COUNTED}" in line
    assert "seeds: expected a whole number" in refusal(plain("seeds: $HOSTILE\n"), tmp_path)


def test_a_variable_has_the_type_of_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(plain("examples: $HOSTILE\n"))
    monkeypatch.setenv("HOSTILE", "12")
    assert read_recipe(path).examples == 12
    for value in ("1:30", "2024-01-01", "0x10", "=", "<<"):
        monkeypatch.setenv("HOSTILE", value)
        assert f"got '{value}', which YAML reads as" in refusal(path.read_text(), tmp_path)


# --- what is no regular file ---


def special(kind: str, folder: Path) -> Path:
    """Makes something that is no regular file, with the name of a table."""
    path = folder / "special.tsv"
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(os.path.relpath(path))
        case "a device":
            path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a socket", "a device"])
@pytest.mark.timeout(60)
def test_only_regular_files_are_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = special(kind, tmp_path)
    for read in (text_of, read_recipe):
        with (
            limits(seconds=SECONDS, mebibytes=MEBIBYTES),
            pytest.raises(InvalidInputError, match=f"expected a regular file, got {kind}; write"),
        ):
            read(path)


def test_a_file_that_does_not_fit_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tsv"
    with path.open("wb") as file:
        file.truncate(2**36)  # a file with a hole takes no place on the disk
    with (
        limits(seconds=SECONDS, mebibytes=MEBIBYTES),
        pytest.raises(InvalidInputError, match=r"cannot be read \(it does not fit into memory\)$"),
    ):
        text_of(path)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("special.tsv^sst2", "expected a regular file, got a pipe"),
        ("special.tsv^text,label", "expected a regular file, got a pipe"),
        ("/dev/zero^sst2", "/dev/zero: expected a file as published, or the name of a data set on"),
        ("/dev/zero^text,label", "/dev/zero: expected a file that ends in .csv"),
        ("attacks.py^dataset", r"attacks.py\^dataset: expected one of .* behind the file, or col"),
        ("attacks.py^text,label", "attacks.py: expected a file that ends in .csv, .tsv, .jsonl"),
    ],
)
@pytest.mark.timeout(60)
def test_data_that_are_no_data_file(
    data: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a pipe nor an endless device keeps a run waiting, and no code is executed."""
    from textattack_attend.datasets import dataset_named

    monkeypatch.chdir(tmp_path)
    special("a pipe", tmp_path)
    (tmp_path / "attacks.py").write_text("raise SystemExit('executed')")
    with pytest.raises(InvalidInputError, match=line):
        dataset_named(data)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../../etc",
            "/etc",
            "/",
            "~",
            "--help",
            "$(id)",
            "; id",
            "a b",
            "a/b/c",
            "org/name@main",
        ),
        *("http://127.0.0.1:1/x", "https://127.0.0.1:1/x/config.json", "hf://a/b", "file:///etc"),
        *("/dev/zero", "/dev/stdin", "special.tsv", "x" * 4_000, "a\0b"),
    ],
)
@pytest.mark.timeout(60)
def test_a_checkpoint_that_is_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address is asked, as transformers would, and neither a pipe nor a device is read."""
    from textattack_attend.checkpoints.loading import architectures

    monkeypatch.chdir(tmp_path)
    special("a pipe", tmp_path)
    with (
        limits(seconds=10, mebibytes=MEBIBYTES),
        pytest.raises(InvalidInputError, match="expected the folder of a checkpoint") as refused,
    ):
        architectures(name)
    said = str(refused.value)
    assert "\n" not in said
    assert said.endswith("give the folder, and not its address") == ("://" in name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_read_permission(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(plain())
    path.chmod(0)
    with pytest.raises(InvalidInputError, match=r"cannot be read .*Permission denied"):
        read_recipe(path)


# --- messages ---


def test_a_message_describes_the_beginning_of_a_value_without_building_the_rest() -> None:
    shared: list[Any] = ["x" * 1_000_000]
    for _ in range(40):  # 2**40 texts of a million letters each
        shared = [shared, shared]
    itself: list[Any] = []
    itself.append(itself)
    with limits(seconds=SECONDS, mebibytes=MEBIBYTES):
        assert described(shared) == f"the list {'[' * 41 + repr('x' * 70)[: 60 - 41]}..."
        assert described(itself) == f"the list {'[' * 60}..."
        assert described({"a": [1, "b"], "c": {}}) == "the mapping {'a': [1, 'b'], 'c': {}}"
        assert described(10**5000) == "a number of 16610 bits"
        assert listed([str(number) for number in range(22)]).endswith("; (20) 19; and 2 more")


# --- fuzzing ---

SPLINTERS = (
    "&a ", "*a", "<<: *a", "<<: ", "!!set ", "!!binary ", "!!omap ", "!", "!!python/name:os ",
    "\t", "- ", "? ", ": ", "{", "}", "[", "]", ",", "|\n", ">\n", "'", '"', "#", "%YAML 1.1\n---",
    "---\n", "...\n", "\\", "\0", "\x1b[31m", "\ufeff", "\u2028", "$HOME", "${NO_SUCH}", "~", "yes",
    "1:30", "1_0", "0x1F", "1e400", ".inf", "-.nan", "2024-01-01", "9" * 30, "[" * 40, "=", "💥",
)  # fmt: skip
"""The values that a mutation puts into a file."""


def mutated(number: int) -> bytes:
    """Returns one of the package's recipes with a few bytes or lines changed."""
    draw = random.Random(number)
    content = draw.choice([path.read_bytes() for path in known_recipes().values()])
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        lines = content.splitlines(keepends=True) or [b""]
        at, to = sorted(draw.choices(range(len(content) + 1), k=2))
        line = draw.randrange(len(lines))
        match draw.randrange(6):
            case 0:  # a byte of any value
                content = content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]
            case 1:  # a splinter
                content = content[:at] + draw.choice(SPLINTERS).encode() + content[at:]
            case 2:  # a part that is left out, or cut off
                content = content[:at] + draw.choice((content[min(to, at + 9) :], b""))
            case 3:  # a line again, elsewhere
                lines.insert(draw.randrange(len(lines)), lines[line])
                content = b"".join(lines)
            case 4:  # a line that is left out
                content = b"".join(lines[:line] + lines[line + 1 :])
            case 5:  # another indentation
                lines[line] = b" " * draw.randrange(6) + lines[line].lstrip(b" ")
                content = b"".join(lines)
    return content


ODD = (
    "a", "hackattend", "no/such^text,label", "3", "0.5", "~", "yes", "''", "-1", "1e-3", "007",
    "1:30", "1_0", "0x1F", "1.0e+999", ".nan", "2024-01-01", "9" * 30, "=", "<<", "$HOME", "$NO",
    '"\\e[31m"', '"a\\nb"', '"\\ud83d"', '"\\0"', "👩\u200d💻", "x" * 5_000,
)  # fmt: skip
SCALARS = st.one_of(st.sampled_from(ODD), st.integers().map(str), st.floats().map(str))
ANCHORS = ("", "", "", "&a ", "&b ", "&c ")
TAGS = ("", "", "", "", "", "!!str ", "!!set ", "!!map ", "!!seq ", "!!binary ", "!!int ", "!x ")
FIELDS = {
    "data": ["data.tsv^text,label", "attend-demo"],
    "victims": ["{tiny: victim}", "{tiny: &a [a, b], other: c}"],
    "attacks": ["{one: hackattend}", "{one: &b {recipe: a, options: {seed: 3}}, two: {<<: *b}}"],
    "examples": ["3", "~"],
    "queries": ["100"],
    "seconds": ["1", "0.5"],
    "max_tokens": ["64"],
    "seeds": ["3", "[1, 2, 3]", "&c [1]"],
    "encoder": ["victim"],
    "published": ["{source: a paper, rows: [{victim: BERT, ASR: 0.5, n: 3}]}"],
}
REQUIRED = ("data", "victims", "attacks")


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> str:
    """A node of YAML in flow style: with an anchor, a tag, aliases and merge keys, or without."""
    kind = draw(st.sampled_from(["scalar", "scalar", "alias", "list", "mapping"]))
    if kind == "alias":
        return draw(st.sampled_from(["*a", "*b", "*c"]))
    before = draw(st.sampled_from(ANCHORS)) + draw(st.sampled_from(TAGS))
    if kind == "scalar" or depth == 0:
        return before + draw(SCALARS)
    items = draw(st.lists(nodes(depth - 1), max_size=4))
    if kind == "list":
        return f"{before}[{', '.join(items)}]"
    keys = st.one_of(
        st.sampled_from(["recipe", "options", "seed", "<<", "source", "rows"]), nodes(0)
    )
    return f"{before}{{{', '.join(f'? {draw(keys)} : {item}' for item in items)}}}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A recipe of which any field may have a wrong value, or be missing, and others be added."""
    lines = []
    for name, right in FIELDS.items():
        needed = name in REQUIRED
        if not draw(st.integers(0, 19 if needed else 2)):
            continue
        is_right = draw(st.integers(0, 9 if needed else 3))
        lines.append(f"{name}: {draw(st.sampled_from(right)) if is_right else draw(nodes())}")
    if not draw(st.integers(0, 5)):
        lines.append(f"? {draw(nodes(1))}\n: {draw(nodes(1))}")
    return "\n".join(draw(st.permutations(lines))) + "\n"


def outcomes(strategy: st.SearchStrategy[Any], examples: int, folder: Path) -> Counter[str]:
    """Counts how many recipes of a strategy are read, and how many are refused."""
    counted: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,  # the counts of outcomes are asserted
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def read(text: str | bytes) -> None:
        counted["refused" if refusal(text, folder) else "read"] += 1

    read()
    return counted


FUZZERS = {"bytes": st.integers(0, 2**40).map(mutated), "structure": documents()}
SIZES = [75, pytest.param(1000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("examples", SIZES)
@pytest.mark.parametrize("strategy", FUZZERS.values(), ids=FUZZERS)
def test_a_fuzzed_recipe_is_read_or_refused_in_one_line(
    strategy: st.SearchStrategy[Any],
    examples: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DATA", "ENCODER", "MASKED_LM", "RUNS", "VICTIM"):
        monkeypatch.setenv(name, "somewhere")
    counted = outcomes(strategy, examples, tmp_path)
    assert counted.total() >= examples / 2  # hypothesis leaves out what it drew before
    assert counted["read"] > examples / 50
    assert counted["refused"] > examples / 50
