"""Trials of examples: only those that are asked for count, and each is judged by itself.

What users of similar tools report, and what it led to here:

- TextAttack #547: the 46th example of SNLI, whose label is -1, ends a run of 1000 in a KeyError.
- TextAttack #651: no data set without a network, and no word of why.
- transformers #43459, tiktoken #82: half a surrogate pair is a TypeError that speaks of types.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset as HubDataset
from textattack import AttackArgs
from textattack.datasets import HuggingFaceDataset
from transformers import BertTokenizerFast

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.benchmark import Recipe, Store
from textattack_attend.benchmark.recipe_fields import NamedAttack
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.benchmark.running import worker as worker_module
from textattack_attend.benchmark.running.task import Task
from textattack_attend.benchmark.running.worker import Worker
from textattack_attend.data import published
from textattack_attend.datasets import dataset_named, from_name
from textattack_attend.datasets.identity import data_identity
from textattack_attend.errors import InvalidInputError
from textattack_attend.host.data import examples_asked_for
from textattack_attend.models.wrappers import AttentionModelWrapper

from ..conftest import SPECIAL, WORDS, tiny_model
from .files import HALF, lines, paper, rows, written
from .trial import Trial, command, table

QUESTION = {"question": "Who?", "choice": ["a", "b"], "answer": "b"}
ENDINGS = {"ctx": "A man", "endings": ["sits.", "runs."], "label": 1}

# --- only what is asked for ---

BAD_ROW = "text,label\n" + "good,1\n" * 8 + "bad,-1\n" + "good,0\n" * 4


def asked(**options: Any) -> Callable[[Path], Any]:
    """How a run reads a file whose ninth example has the label -1."""

    def run(folder: Path) -> Any:
        path = written(folder / "a.csv", BAD_ROW)
        attack_args = AttackArgs(**options)
        start, count = examples_asked_for(
            CommandLine(**vars(attack_args), dataset_from_file=f"{path}^text,label")
        )
        found = from_name(str(path), "text,label", start=start, count=count)
        return [found[at][1] for at in range(start, len(found))]

    return run


class CommandLine(AttackArgs):
    """The options of an attack with those of its data, as TextAttack's command line has them."""

    def __init__(self, dataset_from_file: str, **options: Any) -> None:
        super().__init__(**options)
        self.dataset_from_file = dataset_from_file
        self.filter_by_labels = None


def hub(entries: list[dict[str, Any]], read: Callable[[str], Any]) -> Callable[[Path], Any]:
    """Reads a data set in the layout of the hub."""

    def run(folder: Path) -> Any:
        (folder / "sst2").mkdir()
        written(folder / "sst2" / "validation.jsonl", lines(*entries))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("datasets.config.HF_DATASETS_CACHE", folder / "cache")
            return read(str(folder / "sst2"))

    return run


def hashes(path: str) -> int:
    """How many hashes a data set has when one, two, or all of its examples are read."""
    data = f"{path}^sst2"
    read = (dataset_named(data, count=count) for count in (1, 2, None))
    return len({data_identity(data, dataset) for dataset in read})


ASKED = [
    Trial(
        "four examples, and a bad one behind them",
        asked(num_examples=4),
        answer=[1] * 4,
        reported="TextAttack #547",
    ),
    Trial("nine examples, of which the last is bad", asked(num_examples=9), line="line 10: .*'-1'"),
    Trial("all examples", asked(num_examples=-1), line="line 10: .*'-1'"),
    Trial(
        "examples behind the bad one", asked(num_examples=3, num_examples_offset=9), answer=[0] * 3
    ),
    Trial("examples that are drawn", asked(num_examples=4, shuffle=True), line="line 10: .*'-1'"),
    Trial(
        "as many attacks as asked for, whatever they take",
        asked(num_examples=4, attack_n=True),
        line="line 10: .*'-1'",
    ),
    Trial(
        "examples behind the end",
        asked(num_examples=4, num_examples_offset=50),
        line="expected rows with text, got none after 50",
    ),
    Trial(
        "an offset below 0",
        asked(num_examples=4, num_examples_offset=-1),
        line="num_examples_offset: expected 0 or more, got -1",
    ),
    Trial(
        "a row that is no row, behind the last that is asked for",
        rows("a.csv", 'text,label\na,1\n"b', count=1),
        answer=[(("a",), 1)],
    ),
    Trial(
        "JSON that is none, behind the last that is asked for",
        rows("a.jsonl", '{"text": "a", "label": 1}\n{"tex', count=1),
        answer=[(("a",), 1)],
    ),
    Trial(
        "questions of DREAM, by position",
        paper(published.dream, [[["M: Hm."], [{}, QUESTION, QUESTION, {}], "1"]], start=1, count=2),
        answer=[(("M: Hm.", "Who?", "a", "b"), 1)] * 2,
    ),
    Trial(
        "HellaSwag, with other numbers of endings behind",
        paper(published.hellaswag, [ENDINGS, ENDINGS | {"endings": []}], count=1),
        answer=[(("A man", "", "sits.", "runs."), 1)],
    ),
    Trial(
        "an unlabelled entry of the hub behind",
        hub(
            [{"sentence": "a", "label": 1}, {"sentence": "b", "label": -1}],
            lambda path: published.sst2(path, count=1),
        ),
        answer=[(("a",), 1)],
    ),
    Trial(
        "a null of the hub",
        hub([{"sentence": "a", "label": 1}, {"sentence": None, "label": 1}], published.sst2),
        line="entry 2: expected a text, got null",
    ),
    Trial(
        "a data set of the hub is the same, however much of it is read",
        hub([{"sentence": text, "label": 1} for text in "abc"], hashes),
        answer=1,
    ),
]

# --- names ---


def named(data: str) -> Callable[[Path], Any]:
    return lambda folder: len(dataset_named(data))


def unreachable(folder: Path) -> Any:
    return dataset_named("bert-base-uncased-sst2")


NAMES = [
    Trial(
        "a name that TextAttack does not know",
        named("bert-base-uncased-sst"),
        line="expected PATH.NAME, or the name of a data set of TextAttack, got 'bert-base-uncased-"
        "sst'; did you mean 'bert-base-uncased-sst2'",
    ),
    Trial(
        "a hub that cannot be reached",
        unreachable,
        line=r"the data set that TextAttack has for 'bert-base-uncased-sst2' could not be loaded "
        r"\((?!ValueError)\w+: .+\); give a file",
        reported="TextAttack #651",
    ),
    Trial(
        "a file without its columns",
        named("reviews.csv"),
        line="reviews.csv: expected a data file, got none",
    ),
    Trial("a data set misspelt", named("dev.tsv^sst"), line="did you mean 'sst2'"),
    Trial(
        "a mistake in a file is told as it is",
        named("nowhere.csv^text,label"),
        line="nowhere.csv: cannot be read",
    ),
    Trial("the demo's reviews", named("attend-demo"), answer=220),
]

# --- in Python ---


def tokenizer(folder: Path) -> BertTokenizerFast:
    vocabulary = written(folder / "vocab.txt", "\n".join([*SPECIAL, *WORDS]))
    return BertTokenizerFast(str(vocabulary))


def attack(example: Any, label: Any = 0) -> Callable[[Path], Any]:
    def run(folder: Path) -> Any:
        return HackAttendLiong2024.build(_wrapper(folder)).attack(example, label)

    return run


def _wrapper(folder: Path) -> AttentionModelWrapper:
    return AttentionModelWrapper(tiny_model(), tokenizer(folder))


def one_by_one(folder: Path) -> Any:
    """Attacks good examples and a bad one; the results before it come, then its line."""
    found = []
    try:
        for result in HackAttendLiong2024.build(_wrapper(folder)).attack_many(
            [("a good film", 0), ("the plot", 1), (None, 0), ("a film", 0)]
        ):
            found.append(result.original_text())
    except InvalidInputError as error:
        found.append(str(error).split(":")[0])
    return found


def many(*examples: Any) -> Callable[[Path], Any]:
    return lambda folder: list(HackAttendLiong2024.build(_wrapper(folder)).attack_many(examples))


def logits(*texts: Any) -> Callable[[Path], Any]:
    return lambda folder: _wrapper(folder).victim.logits(list(texts))


PYTHON = [
    Trial("None", attack(None), line="text None: expected a string, an OrderedDict of strings"),
    Trial("bytes", attack(b"a film"), line=r"text b'a film': expected a string, .* got bytes"),
    Trial("a number", attack(5), line="text 5: expected a string"),
    Trial("a list of columns", attack(["a", "b"]), line="expected a string, an OrderedDict"),
    Trial("no columns", attack(OrderedDict()), line="expected a string, an OrderedDict"),
    Trial("a column that is None", attack(OrderedDict(a="x", b=None)), line="expected a string"),
    Trial(
        "half a surrogate pair in Python", attack(HALF), line=r"got \\ud83d, half of a surrogate"
    ),
    Trial(
        "a label that is a name of no class",
        attack("a film", "good"),
        line="the model has no names for them, got 'good'",
    ),
    Trial(
        "a bad example among good ones", one_by_one, answer=["a good film", "the plot", "text None"]
    ),
    Trial(
        "an example without a class",
        many("a film"),
        line="example 'a film': expected a pair of a text and its class",
    ),
    Trial(
        "an example that is None",
        many(None),
        line="example None: expected a pair of a text and its class",
    ),
    Trial(
        "None in a batch", logits("a film", None), line="text None: expected a string, or a tuple"
    ),
    Trial("a list in a batch", logits(["a", "b"]), line="expected a string, or a tuple of strings"),
    Trial("half a surrogate pair in a batch", logits("a film", HALF), line=r"got \\ud83d, half"),
]

# --- an example that cannot be attacked is a row ---


def recipe(folder: Path, data: str, examples: int | None = None) -> Recipe:
    tiny_model(labels=2).save_pretrained(folder / "victim")
    tokenizer(folder).save_pretrained(folder / "victim")
    return Recipe(
        data=f"{written(folder / 'data.jsonl', data)}^text,label",
        victims={"tiny": [str(folder / "victim")]},
        attacks={
            "HackAttend": NamedAttack(recipe="hackattend"),
            "deleting": NamedAttack(recipe=f"{written(folder / 'a.py', WORDS_ATTACK)}^x"),
        },
        examples=examples,
    )


WORDS_ATTACK = """
from textattack import Attack
from textattack.goal_functions import UntargetedClassification
from textattack.search_methods import GreedySearch
from textattack.transformations import WordDeletion

def x(wrapper):
    return Attack(UntargetedClassification(wrapper), [], WordDeletion(), GreedySearch())
"""


def outcomes(*entries: dict[str, Any], examples: int | None = None) -> Callable[[Path], Any]:
    """Runs a benchmark of two attacks; the errors of each, by position."""

    def run(folder: Path) -> Any:
        benchmark = Benchmark(recipe(folder, lines(*entries), examples), Store(folder / "s.sqlite"))
        benchmark.run()
        return [_errors(benchmark._worker, task) for _, task in benchmark._entries({})]

    return run


def _errors(worker: Worker, task: Task) -> dict[int, str]:
    found: list[Row] = []
    worker.attack(task, range(len(worker.dataset)), found.append)
    assert {row.position for row in found} == set(range(len(worker.dataset)))
    return {row.position: str(row.error)[:40] for row in found if row.outcome == "error"}


def of_textattack(folder: Path) -> Any:
    """A data set of TextAttack's own with a null, a label -1, and an example that raises."""
    texts = ["a good film", None, "the plot", "a bad film", HALF]
    entries = [
        {"text": text, "label": label} for text, label in zip(texts, (0, 0, -1, 2, 0), strict=True)
    ]
    whole = HuggingFaceDataset(
        HubDataset.from_list(entries[:4]), dataset_columns=(["text"], "label")
    )
    whole._dataset = entries
    whole.label_map = {0: 0, -1: -1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_module, "dataset_named", lambda data, **part: whole)
        worker = Worker(recipe(folder, "").model_copy(update={"data": "of-textattack"}))
    task = Task(str(folder / "victim"), worker._recipe.attacks["HackAttend"], 0)
    return {position: said.split(":")[0] for position, said in _errors(worker, task).items()}


EMPTY = "InvalidInputError: empty text '': expect"
GOOD = {"text": "a good film", "label": 0}
ROWS = [
    Trial(
        "an empty text",
        outcomes(GOOD, {"text": "", "label": 0}, GOOD),
        answer=[{1: EMPTY}] * 2,
    ),
    Trial(
        "a class that the model has not is refused before the first attack",
        outcomes(GOOD, {"text": "a film", "label": 2}, GOOD),
        line="example 1 of the dataset: label 2: expected one of the model's 2 classes",
    ),
    Trial(
        "half a surrogate pair is refused where the file is read",
        outcomes(GOOD, {"text": HALF, "label": 0}),
        line=r"data.jsonl: line 2: .*\\ud83d",
    ),
    Trial(
        "it is not read where it is not asked for",
        outcomes(GOOD, {"text": HALF, "label": 0}, {"text": "a", "label": -1}, examples=1),
        answer=[{}] * 2,
    ),
    Trial(
        "a data set of TextAttack's with a null, a label -1, and no class at all",
        of_textattack,
        answer={
            1: "InvalidInputError",
            2: "InvalidInputError",
            3: "KeyError",
            4: "InvalidInputError",
        },
        reported="TextAttack #547",
    ),
    Trial(
        "a run grows: its data stay the same",
        lambda folder: len(
            {Worker(recipe(folder, lines(GOOD, GOOD), n)).data for n in (1, 2, None)}
        ),
        answer=1,
    ),
    Trial(
        "one character of a row that was not read changes them",
        lambda folder: len(
            {Worker(recipe(folder, lines(GOOD, GOOD | {"text": t}), 1)).data for t in ("a", "b")}
        ),
        answer=2,
    ),
]

# --- the command line ---


def printed(data: str, *arguments: object) -> Callable[[Path], Any]:
    """Runs a command of ``textattack-attend`` on a recipe that names the data."""

    def run(folder: Path) -> Any:
        written(folder / "recipe.yaml", recipe(folder, data, 2).model_dump_json())
        return command(*arguments, folder / "recipe.yaml").splitlines()[0].rpartition(", ")[2]

    return run


COMMANDS = [
    Trial(
        "validate reads as many as it says",
        printed(lines(GOOD, GOOD, {"text": 1}), "validate"),
        answer="the first 2 examples",
    ),
    Trial(
        "validate says how many there are, if fewer",
        printed(lines(GOOD), "validate"),
        answer="fewer than the 2 asked for",
    ),
    Trial(
        "validate refuses what is asked for",
        printed(lines(GOOD, {"text": 1, "label": 0}), "validate"),
        line="data.jsonl: line 2: column 'text': expected a text, got 1",
    ),
]

TRIALS = [*ASKED, *NAMES, *PYTHON, *ROWS, *COMMANDS]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)
