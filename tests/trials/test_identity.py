"""Trials of identity and stores: no number under the name of another, no store read by guessing.

What users of similar tools have reported:

- lm-evaluation-harness #2715, #4063: a cache that is keyed by the request alone gives one model's
  answers out as another's, and its score with them; composer #1061, outlines #872 and axolotl #33:
  the same with another tokenizer.
- socorro #4984: half of a pair of surrogates in a record ends every program that shows it.
"""

from __future__ import annotations

import atexit
import dataclasses
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sqlite_utils.db import Table
from transformers import BertTokenizerFast

from textattack_attend.benchmark import Results, Store, read_recipe
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.benchmark.running.recording import ERROR_LETTERS, error_row
from textattack_attend.checkpoints.card import Card
from textattack_attend.checkpoints.loading import load as load_checkpoint
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import AttendError, StoreError
from textattack_attend.structures import load
from textattack_attend.victims.identity import trained_parts
from textattack_attend.victims.victim import Victim
from tools.identity import measure

from ..conftest import SPECIAL, WORDS, tiny_model
from .trial import Trial, command, table

EXAMPLES = 3
RECIPE = f"""
data: data.tsv^text,label
victims:
  one: one
attacks:
  quick: {{recipe: hackattend-plus, options: {{mask_fraction: 0.5, rounds: 1}}}}
examples: {EXAMPLES}
"""
TEXTS = """text\ttitle\tlabel
a warm and funny film\tlove\t0
dull cold film\twar\t1
NEVER brave\ttime\t0
"""


@cache
def _template() -> Path:
    """A tiny victim, some texts, a recipe that attacks them, and the store of that."""
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder)
    tiny_model("bert", labels=2).save_pretrained(folder / "one")
    (folder / "words").write_text("\n".join([*SPECIAL, *WORDS]))
    BertTokenizerFast(str(folder / "words")).save_pretrained(folder / "one")
    (folder / "data.tsv").write_text(TEXTS)
    (folder / "recipe.yaml").write_text(RECIPE)
    store = Store(folder / "store.sqlite")
    assert Benchmark(read_recipe(folder / "recipe.yaml"), store).run() == EXAMPLES
    store.close()
    return folder


def prepared(folder: Path, *, attacked: bool = True) -> Path:
    """A copy of the template, elsewhere: its store has all rows of its recipe."""
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    if not attacked:
        (folder / "store.sqlite").unlink()
    return folder


def run(folder: Path) -> int:
    """How many examples a run attacks that the store has no row of."""
    return Benchmark(read_recipe(folder / "recipe.yaml"), Store(folder / "store.sqlite")).run()


def run_again_after(change: Callable[[Path], Any]) -> Callable[[Path], int]:
    """Changes something after a run, and gives how many examples are attacked again."""

    def trial(folder: Path) -> int:
        prepared(folder)
        change(folder)
        return run(folder)

    return trial


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def edit_json(file: str, *place: str | int, value: Any) -> Callable[[Path], None]:
    *outer, last = place

    def change(folder: Path) -> None:
        path = folder / file
        whole = inner = json.loads(path.read_text())
        for name in outer:
            inner = inner[name]
        assert inner.get(last) != value
        inner[last] = value
        path.write_text(json.dumps(whole))

    return change


def last_byte_of_the_weights(folder: Path) -> None:
    path = folder / "one" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def one_row_of_the_embeddings(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "one" / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "word_embeddings" in name)
    weights[name][12] += 1
    save_file(weights, path, {"format": "pt"})


def moved(folder: Path) -> None:
    (folder / "one").rename(folder / "other")
    (folder / "data.tsv").rename(folder / "texts.tsv")
    renamed = RECIPE.replace("one: one", "another label: other").replace("data.tsv", "texts.tsv")
    (folder / "recipe.yaml").write_text(renamed.replace("quick:", "slow:"))


def both_victims(folder: Path) -> list[str]:
    """The demo beside a copy that does not lower the case: their confidences on one text."""
    prepared(folder, attacked=False)
    shutil.rmtree(folder / "one")
    shutil.copytree(VICTIM_PATH, folder / "one")
    shutil.copytree(VICTIM_PATH, folder / "two")
    lower = edit_json("two/tokenizer.json", "normalizer", "lowercase", value=False)
    lower(folder)
    edit_json("two/tokenizer_config.json", "do_lower_case", value=False)(folder)
    (folder / "data.tsv").write_text("text\tlabel\n" + "DULL AND BORING\t0\n" * EXAMPLES)
    (folder / "recipe.yaml").write_text(RECIPE.replace("one: one", "one: one\n  two: two"))
    command("benchmark", folder / "recipe.yaml", "--store", folder / "store.sqlite")
    rows = Results.of(Store(folder / "store.sqlite")).rows
    return [f"{name} {len(own)}" for name, own in rows.groupby(["victim", "confidence_before"])]


RERUN = [
    ("the last byte of the weights", last_byte_of_the_weights, "lm-evaluation-harness #4063"),
    ("one row of the embeddings", one_row_of_the_embeddings, ""),
    ("gelu becomes relu", edit_json("one/config.json", "hidden_act", value="relu"), ""),
    (
        "the tokenizer keeps capitals",
        lambda folder: (
            edit_json("one/tokenizer.json", "normalizer", "lowercase", value=False)(folder),
            edit_json("one/tokenizer_config.json", "do_lower_case", value=False)(folder),
        ),
        "outlines #872",
    ),
    (
        "the other truncation side",
        edit_json("one/tokenizer_config.json", "truncation_side", value="left"),
        "",
    ),
    (
        "another padding side",
        edit_json("one/tokenizer_config.json", "padding_side", value="left"),
        "",
    ),
    ("a shorter maximum", edit_json("one/tokenizer_config.json", "model_max_length", value=9), ""),
    ("max_tokens", edit("recipe.yaml", "examples:", "max_tokens: 9\nexamples:"), ""),
    ("an option", edit("recipe.yaml", "rounds: 1", "rounds: 1, decay: 0.25"), ""),
    ("a word of the data", edit("data.tsv", "warm", "cold"), ""),
    ("a label of the data", edit("data.tsv", "war\t1", "war\t0"), ""),
    ("the columns", edit("recipe.yaml", "^text,label", "^title,label"), ""),
    ("a budget of queries", edit("recipe.yaml", "examples:", "queries: 50\nexamples:"), ""),
    ("the seed", edit("recipe.yaml", "examples:", "seeds: 1\nexamples:"), ""),
]
KEPT = [
    ("nothing", lambda folder: None),
    ("folder, files and labels are renamed", moved),
    (
        "a default is written out",
        edit("recipe.yaml", "rounds: 1", "rounds: 1, decay: 0.5"),
    ),
    ("a note lies beside the weights", lambda folder: (folder / "one" / "NOTES").write_text("a")),
    (
        "the path and the version in the configuration",
        edit_json("one/config.json", "transformers_version", value="4.50.0"),
    ),
    ("fewer examples", edit("recipe.yaml", "examples: 3", "examples: 2")),
]

# --- stores and cards ---


def store_of_version_0(folder: Path) -> Path:
    """Writes files as the version before did: with a sample of the weights and no version."""
    path = prepared(folder) / "store.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("drop table writers")
        ((key,),) = database.execute("select key from cells").fetchall()
        old: dict[str, Any] = {
            "model": "bert-0123456789abcdef",
            "attack": "hackattend-plus",
            "options": {},
        }
        old |= {"data": "0123", "queries": None, "seconds": None, "max_tokens": None}
        old |= {"encoder": None, "seed": 765, "versions": json.loads(key)["versions"]}
        database.execute("update cells set key = ?", [json.dumps(old)])
        database.execute("pragma user_version = 0")
    database.close()
    return path


def on_a_store(sql: str, *given: str) -> Callable[[Path], str]:
    """Changes a store by hand and shows its results."""

    def trial(folder: Path) -> str:
        prepared(folder)
        with sqlite3.connect(folder / "store.sqlite") as database:
            database.execute(sql)
        database.close()
        return command(*(given or ("results",)), "--store", folder / "store.sqlite")

    return trial


def old_store(*given: str) -> Callable[[Path], bool]:
    def trial(folder: Path) -> bool:
        path = store_of_version_0(folder)
        before = path.read_bytes()
        arguments = [path if word == "STORE" else word for word in given]
        said = command(*arguments) if arguments else ""
        assert path.read_bytes() == before
        return "quick" in said

    return trial


def report_of_an_old_store(folder: Path) -> bool:
    """The page says why it shows no attention."""
    path = store_of_version_0(folder)
    page = folder / "page.html"
    command("report", "--store", path, "--output", page, "--attention")
    return "got some of a store of version 0" in page.read_text()


def add_to_an_old_store(folder: Path) -> str:
    path = store_of_version_0(folder)
    return command("benchmark", folder / "recipe.yaml", "--store", path)


CARD = Card("sst2", "none", {}, "m", "d", 1e-5, 32, 3, 128, {}, 0, "float32")


def with_card(**fields: Any) -> Callable[[Path], bool]:
    """A victim with a card, some fields of which are not as this version writes them."""

    def trial(folder: Path) -> bool:
        prepared(folder)
        whole = {**dataclasses.asdict(CARD), **fields}
        known = {name: value for name, value in whole.items() if value != "MISSING"}
        (folder / "one" / "card.json").write_text(json.dumps(known))
        return "quick" in command(
            "benchmark", folder / "recipe.yaml", "--store", folder / "store.sqlite"
        )

    return trial


def card_of_its_own(folder: Path) -> bool:
    parts = trained_parts(*load_checkpoint(str(_template() / "one")))
    return with_card(identity=parts)(folder)


def exported(kind: str) -> Callable[[Path], str]:
    """The version that an exported table carries."""

    def trial(folder: Path) -> str:
        prepared(folder)
        output = folder / f"table.{kind}"
        arguments = ["--table", "rows", "--output", output]
        command("results", "--store", folder / "store.sqlite", *arguments)
        if kind == "json":
            assert len(pd.read_json(output, orient="table")) == EXAMPLES
            return str(json.loads(output.read_text())["schema"]["textattack_attend"])
        assert len(pd.read_parquet(output)) == EXAMPLES
        return str(parquet.read_schema(output).metadata[b"textattack_attend"].decode())

    return trial


# --- rows ---


class OddError(Exception):
    """An error whose message cannot be read."""

    def __str__(self) -> str:
        raise ValueError


def kept(row: Row) -> Callable[[Path], dict[str, Any]]:
    """A row as a store gives it back, without what is empty."""

    def trial(folder: Path) -> dict[str, Any]:
        store = Store(folder / "store.sqlite")
        store.add("cell", row)
        (found,) = store.rows(["cell"], 9).astype(object).to_dict("records")
        names = ("outcome", "label", "text", "error")
        return {name: found[name] for name in names if not pd.isna(found[name])}

    return trial


def unreadable_texts(folder: Path) -> None:
    """Half of a pair of surrogates between two texts."""
    prepared(folder, attacked=False)
    lines = [{"text": "a warm film", "label": 1}, {"text": "\ud83d", "label": 0}]
    written = [*map(json.dumps, lines), json.dumps({"text": "a dull film", "label": 0})]
    (folder / "data.jsonl").write_text("\n".join(written))
    (folder / "recipe.yaml").write_text(RECIPE.replace("data.tsv", "data.jsonl"))
    run(folder)


def exception(message: str) -> Row:
    return error_row(0, ["a text"], 1, RuntimeError(message))


# --- structures and files that changed ---


def replayed(change: Callable[[Path], Any], any_model: bool = False) -> Callable[[Path], str]:
    """A structure saved on a victim, and replayed on what became of it."""

    def trial(folder: Path) -> str:
        prepared(folder)
        victim = Victim(*load_checkpoint(str(folder / "one")))
        path = folder / "structure.safetensors"
        victim.save_structure(path, "a film", victim.empty_structure("a film"))
        change(folder)
        other = Victim(*load_checkpoint(str(folder / "one")))
        return str(other.replay(path, any_model=any_model).text)

    return trial


def of_version_1(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    path = folder / "structure.safetensors"
    units = load_file(path)
    metadata = {"format": "textattack_attend.structure", "version": "1", "layers": "3"}
    metadata |= {"heads": "4", "tokens": "4", "text": '"a film"', "model": "bert-01234567"}
    save_file(units, path, metadata)


def with_another_field(folder: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    path = folder / "structure.safetensors"
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, {**metadata, "more": "1"})


def changed_while_it_runs(change: Callable[[Path], None]) -> Callable[[Path], int]:
    """Something changes after a run entered its cells, before it attacks the first."""

    def trial(folder: Path) -> int:
        prepared(folder, attacked=False)
        store = Store(folder / "store.sqlite")
        benchmark = Benchmark(read_recipe(folder / "recipe.yaml"), store)
        original = store.enter

        def entering(*arguments: Any) -> None:
            original(*arguments)
            change(folder)
            benchmark._worker._loaded = None  # as with several checkpoints in a recipe

        vars(store)["enter"] = entering
        return benchmark.run()

    return trial


TRIALS = [
    *(Trial(f"changed: {n}", run_again_after(c), EXAMPLES, reported=r) for n, c, r in RERUN),
    *(Trial(f"kept: {n}", run_again_after(c), 0) for n, c in KEPT),
    Trial("results of a store of version 0", old_store("results", "--store", "STORE"), True),
    Trial("two runs of version 0 compared", old_store("compare", "STORE", "STORE"), True),
    Trial("the report of a store of version 0", report_of_an_old_store, True),
    Trial(
        "adding to a store of version 0",
        add_to_an_old_store,
        line=r"version 2 to add to, got one of version 0.*give --store a new file",
    ),
    Trial(
        "results of a newer store",
        on_a_store("pragma user_version = 7"),
        line=r"of version 2 or older, got one of version 7.*update the package",
    ),
    Trial(
        "a store with a column more",
        on_a_store("alter table examples add column mood text"),
        line="the columns of a store of version 2, but examples differs in mood",
    ),
    Trial(
        "a store with a column less",
        on_a_store("alter table examples drop column tokens"),
        line="examples differs in tokens",
    ),
    Trial(
        "a store whose recipe has another field",
        on_a_store("update runs set recipe = json_set(recipe, '$.mood', 1)"),
        line="the recipe of its run .* cannot be understood .*'mood'",
    ),
    Trial(
        "a store whose recipe is cut off",
        on_a_store("update runs set recipe = substr(recipe, 1, 20)"),
        line="the recipe of its run .* cannot be understood .*invalid JSON",
    ),
    Trial(
        "a store whose cell lost its key",
        on_a_store("update cells set key = 'x'"),
        line="to say what its rows depend on, got 'x'",
    ),
    Trial(
        "a store that lost a cell", on_a_store("delete from cells"), line="expected the cell .*none"
    ),
    Trial(
        "a store whose card has another field",
        on_a_store("""update entries set card = '{"mood": 1}'"""),
        line=r"store.sqlite: expected the card of a trained model \(task: Field required",
    ),
    Trial("a card of version 0", with_card(schema="MISSING", identity="MISSING"), True),
    Trial("a card of the model beside it", card_of_its_own, True),
    Trial(
        "a card of a newer version",
        with_card(schema=2, mood=1),
        line="expected a card of version 1 or older, got version 2; update",
    ),
    Trial(
        "a card with a version that is none",
        with_card(schema="new"),
        line="card.json: expected a card of version 1 or older, got version 'new'",
    ),
    Trial("a card with another field", with_card(mood=1), line=r"\(mood: Unexpected keyword"),
    Trial("a card without a field", with_card(seed="MISSING"), line=r"\(seed: Field required"),
    Trial("a card with a text for a number", with_card(epochs="three"), line=r"\(epochs: Input"),
    Trial(
        "a card of another model",
        with_card(identity={"weights": "0", "configuration": "1", "tokenizer": "2"}),
        line="the model that its card was written for, got one that differs in weights, configurat",
    ),
    Trial(
        "a card of another model, which another version of transformers trained",
        with_card(identity={"weights": "0"}, versions={"transformers": "4.50.0"}),
        True,
    ),
    Trial("the version of a table in JSON", exported("json"), "2"),
    Trial("the version of a table in Parquet", exported("parquet"), "2"),
    Trial(
        "half of a pair of surrogates",
        kept(error_row(0, ["\ud83d film"], 1, TypeError("\udc00"))),
        {
            "outcome": "error",
            "label": 1,
            "text": "\\ud83d film",
            "error": "TypeError: \\udc00",
        },
        reported="socorro #4984",
    ),
    Trial(
        "a zero byte",
        kept(exception("a\0b")),
        {"outcome": "error", "label": 1, "text": "a text", "error": "RuntimeError: a\0b"},
    ),
    Trial(
        "a message of several lines",
        kept(exception("one\n  two\t three\r\n")),
        {"outcome": "error", "label": 1, "text": "a text", "error": "RuntimeError: one two three"},
    ),
    Trial(
        "a message that cannot be had",
        kept(error_row(0, ["a text"], 1, OddError())),
        {
            "outcome": "error",
            "label": 1,
            "text": "a text",
            "error": "OddError: its message raised ValueError",
        },
    ),
    Trial(
        "an exception without a message, of a text that is none",
        kept(error_row(0, [None, 3], "positive", KeyError())),
        {"outcome": "error", "text": "None\n3", "error": "KeyError: "},
    ),
    Trial(
        "a message of a million letters",
        lambda folder: len(kept(exception("x" * 10**6))(folder)["error"]) < ERROR_LETTERS + 40,
        True,
    ),
    Trial(
        "a text of ten million letters",
        lambda folder: len(kept(error_row(0, ["é" * 10**7], 1, ValueError("no")))(folder)["text"]),
        10**7,
    ),
    Trial("a structure on its victim", replayed(lambda folder: None), "a film"),
    Trial(
        "a structure on another activation",
        replayed(edit_json("one/config.json", "hidden_act", value="relu")),
        line="found on another model .*, which differs in configuration; pass any_model=True",
    ),
    Trial(
        "a structure on another truncation side",
        replayed(edit_json("one/tokenizer_config.json", "truncation_side", value="left")),
        line="which differs in tokenizer",
    ),
    Trial(
        "a structure on one changed row of the embeddings",
        replayed(one_row_of_the_embeddings),
        line="which differs in weights",
    ),
    Trial(
        "a structure that is to be transferred",
        replayed(one_row_of_the_embeddings, any_model=True),
        "a film",
    ),
    Trial(
        "a structure file of version 1",
        replayed(of_version_1),
        line="names its whole victim, got one of format version 1",
    ),
    Trial(
        "a structure file of version 1 that is to be transferred",
        replayed(of_version_1, any_model=True),
        "a film",
    ),
    Trial(
        "a structure file with another field",
        replayed(with_another_field),
        line=r"expected the fields of version 2, got the list \['more'\], too",
    ),
    Trial(
        "the identity of a victim, printed",
        lambda folder: (
            re.match(
                r"identity +bert-[0-9a-f]{32}\nweights +[0-9a-f]{32}\n",
                command("identity", "--model", prepared(folder) / "one"),
            )
            is not None
        ),
        True,
    ),
    Trial(
        "the identity of what is no victim",
        lambda folder: command("identity", "--model", folder / "nothing"),
        line="nothing: expected the folder of a checkpoint",
    ),
    Trial(
        "weights that change while a run goes on",
        changed_while_it_runs(last_byte_of_the_weights),
        line="expected what the run began with, but its victim changed since; run the recipe again",
    ),
]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)


def test_two_tokenizers_are_two_rows(tmp_path: Path) -> None:
    """The issue's case: the printed accuracy of the second was that of the first."""
    assert len(both_victims(tmp_path)) == 2


def test_the_texts_around_an_unreadable_one_are_attacked(tmp_path: Path) -> None:
    line = refused(lambda: unreadable_texts(tmp_path))
    if line:  # where the file is read, with its line
        assert "line 2" in line
    else:
        texts = Results.of(Store(tmp_path / "store.sqlite")).rows.sort_values("position")["text"]
        assert list(texts) == ["a warm film", "\\ud83d", "a dull film"]


def test_a_store_is_made_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Table.create

    def full(self: Table, *arguments: Any, **options: Any) -> Any:
        if self.name == "runs":
            raise sqlite3.OperationalError("database or disk is full")
        return original(self, *arguments, **options)

    path = tmp_path / "store.sqlite"
    with monkeypatch.context() as patched:
        patched.setattr(Table, "create", full)
        with pytest.raises(StoreError, match="disk is full"):
            Store(path)
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from sqlite_schema").fetchone() == (0,)
        assert database.execute("pragma user_version").fetchone() == (0,)
    database.close()
    assert Store(path).version == 2


@pytest.mark.slow
def test_a_bert_base_is_named_in_a_second() -> None:
    found = measure(None)
    assert found.weight_bytes > 430e6
    assert found.seconds < 1
    assert found.seconds_again < found.seconds / 3


# --- laws: an answer or one line, never a traceback ---


def refused(do: Callable[[], Any]) -> str:
    """The line in which something is refused; nothing if it is done."""
    try:
        do()
    except AttendError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def whole() -> Path:
    """A folder with a store and a structure file."""
    folder = _template()
    victim = Victim(*load_checkpoint(str(folder / "one")))
    victim.save_structure(folder / "structure", "a film", victim.empty_structure("a film"))
    return folder


SMALL = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CELLS = [
    ("runs", "recipe"),
    ("runs", "size"),
    ("cells", "key"),
    ("entries", "card"),
    ("entries", "seed"),
    ("entries", "victim"),
    ("examples", "outcome"),
    ("examples", "tokens"),
    ("examples", "position"),
    ("examples", "queries"),
]
odd = st.none() | st.integers(-3, 3) | st.text(max_size=8) | st.sampled_from(["{}", "[]", "null"])


@SMALL
@given(place=st.sampled_from(CELLS), value=odd)
def test_a_store_that_was_changed_is_shown_or_refused(
    place: tuple[str, str], value: Any, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes((whole / "store.sqlite").read_bytes())
    name, column = place
    database = sqlite3.connect(path)
    try:
        with database:
            database.execute(f"update {name} set {column} = ?", [value])
    except sqlite3.Error:
        return  # the tables take no such value
    finally:
        database.close()
    assert "\n" not in refused(lambda: command("results", "--store", path))


@SMALL
@given(data=st.data())
def test_a_structure_file_that_was_damaged_is_read_or_refused(
    data: st.DataObject, whole: Path, tmp_path: Path
) -> None:
    content = bytearray((whole / "structure").read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    path = tmp_path / "structure"
    path.write_bytes(content)
    assert "\n" not in refused(lambda: load(path))


card_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@SMALL
@given(name=st.sampled_from([f.name for f in dataclasses.fields(Card)]), value=card_values)
def test_a_card_that_was_changed_is_read_or_refused(name: str, value: Any) -> None:
    text = json.dumps({**dataclasses.asdict(CARD), name: value})
    line = refused(lambda: Card.from_json(text))
    assert "\n" not in line
    assert line or Card.from_json(text).to_json()


@SMALL
@given(text=st.text(st.characters(exclude_categories=[]), max_size=20), label=card_values)
@example(text="", label=2**63)  # SQLite has no such number
def test_an_error_row_can_always_be_written(
    text: str, label: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.getbasetemp() / "errors.sqlite")
    row = error_row(0, [text], label, RuntimeError(text))
    store.add("other", dataclasses.replace(row, position=1))
    store.add("cell", row)
    (found,) = store.rows(["cell"], 1).to_dict("records")
    assert found["text"] == text.encode("utf-8", "backslashreplace").decode()
    store.close()
