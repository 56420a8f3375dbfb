"""Trials of training: starts, settings and rows that nothing, or something else, is learned from.

What users of similar tools report, and what it led to here:

- transformers #5611, #10438, #21131: a length beyond the position table is an IndexError, or sizes
  of tensors that do not match, in the middle of a run; so is a tokenizer that is larger than the
  embeddings.
- transformers #12817: labels that are not counted from 0 without a gap end in an IndexError, or on
  a GPU in an assertion of the device.
- transformers #43459: half a surrogate pair is a TypeError that speaks of types.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    BertForSequenceClassification,
    BertTokenizerFast,
)

from textattack_attend.checkpoints.card import Card
from textattack_attend.training.configuration import configuration_of
from textattack_attend.training.fine_tuning import fine_tune
from textattack_attend.training.tasks import TASKS, task_of

from ..conftest import MAX_TOKENS, SPECIAL, WORDS, tiny_config
from ..helpers.tiny_families import CONFIGS
from .files import HALF, lines, written
from .trial import Trial, command, table

GOOD = "good film\t1\nbad film\t0\n" * 4
Start = Callable[[Path], Path]


def start(words: tuple[str, ...] = (), family: str = "bert", **fields: Any) -> Start:
    """Makes a tiny pretrained model without a head; its tokenizer may know more words than it."""

    def make(folder: Path) -> Path:
        config = tiny_config(family)
        config.update(fields)
        model = AutoModel.from_config(config)
        return _saved(model, folder, words)

    return make


def fine_tuned(**fields: Any) -> Start:
    """Makes a tiny classifier."""

    def make(folder: Path) -> Path:
        config = tiny_config("bert")
        config.update(fields)
        return _saved(BertForSequenceClassification(config), folder)

    return make


def _saved(model: Any, folder: Path, words: tuple[str, ...] = ()) -> Path:
    vocabulary = written(folder / "words", "\n".join([*SPECIAL, *WORDS, *words]))
    model.save_pretrained(folder / "start")
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder / "start")
    return folder / "start"


def without(pattern: str) -> Start:
    """Makes a tiny pretrained model and deletes some of its files."""

    def make(folder: Path) -> Path:
        for path in start()(folder).glob(pattern):
            path.unlink()
        return folder / "start"

    return make


def of_other_names(folder: Path) -> Path:
    """Makes a DistilBERT, which has the names of BERT's embeddings, and says that it is a BERT."""
    path = start(family="distilbert")(folder)
    tiny_config("bert").save_pretrained(path)
    return path


def of_another_size(folder: Path) -> Path:
    """Makes a BERT of 3 layers with 16 dimensions whose configuration says 32."""
    path = start()(folder)
    config = tiny_config("bert")
    config.update({"hidden_size": 32})
    config.save_pretrained(path)
    return path


def trained(
    *arguments: object,
    model: Start | None = None,
    train: str = GOOD,
    dev: str = GOOD,
    output: str = "victim",
) -> Callable[[Path], Any]:
    """Trains on SST-2 files; how many classes the model then tells apart, after how many tokens."""

    def run(folder: Path) -> Any:
        (folder / "data").mkdir()
        written(folder / "data" / "train.tsv", train)
        written(folder / "data" / "dev.tsv", dev)
        folder_of_model = (model or start())(folder)
        where = ("--model", folder_of_model, "--data", folder / "data", "--output", folder / output)
        short = ("--epochs", 1, "--batch-size", 4)
        try:
            said = command("train", "--task", "sst2", *where, *short, *arguments)
        finally:  # what is refused before it begins leaves nothing behind
            begun = (folder / output / "checkpoints").is_dir()
            assert (
                not (folder / output).exists() or begun or (folder / output / "card.json").is_file()
            )
        assert "dev accuracy" in said
        card = Card.of(folder / output)
        assert card is not None
        return AutoConfig.from_pretrained(folder / output).num_labels, card.max_tokens

    return run


def refused_early(*arguments: object, **options: Any) -> Callable[[Path], Any]:
    """Trains, and sees to it that a refusal leaves no folder behind."""

    def run(folder: Path) -> Any:
        try:
            return trained(*arguments, **options)(folder)
        finally:
            assert not (folder / "victim").exists()

    return run


def in_python(**settings: Any) -> Callable[[Path], Any]:
    """Fine-tunes with settings that the command line would not let through."""

    def run(folder: Path) -> Any:
        written(folder / "train.tsv", GOOD)
        written(folder / "dev.tsv", GOOD)
        return fine_tune(TASKS["sst2"], "start", folder, folder / "victim", **settings)

    return run


def of_table(
    task: str, train: list[dict[str, Any]], dev: list[dict[str, Any]] | None = None, **settings: Any
) -> Callable[[Path], Any]:
    """Fine-tunes on JSON lines; how many outputs the head has."""

    def run(folder: Path) -> Any:
        (folder / "data").mkdir()
        written(folder / "data" / "train.JSONL", lines(*train))
        written(folder / "data" / "dev.JSONL", lines(*(train if dev is None else dev)))
        model = settings.pop("model", start())(folder)
        fine_tune(
            task_of(task), str(model), folder / "data", folder / "victim", epochs=1, **settings
        )
        return load_file(folder / "victim" / "model.safetensors")["classifier.weight"].shape[0]

    return run


def field(given: str) -> Callable[[Path], Any]:
    return refused_early("--config", given)


# --- settings ---

SETTINGS = [
    Trial("as long as the position table", trained("--max-tokens", MAX_TOKENS), answer=(2, 32)),
    Trial(
        "longer than the position table",
        refused_early("--max-tokens", 600),
        line="max_tokens: expected at most 32, which the model's position table has, got 600",
        reported="transformers #21131",
    ),
    Trial(
        "longer than the table of a RoBERTa, which keeps two of its rows",
        refused_early("--max-tokens", 33, model=start(family="roberta")),
        line="max_tokens: expected at most 32",
        reported="transformers #10438",
    ),
    Trial(
        "texts longer than the table, and no length asked for",
        trained(train=("good " * 60 + "\t1\nbad\t0\n") * 4),
        answer=(2, 32),
    ),
    Trial(
        "a learning rate that is NaN",
        refused_early("--learning-rate", "nan"),
        line="learning_rate: expected a finite number above 0, got nan",
    ),
    Trial(
        "a learning rate that is infinite",
        refused_early("--learning-rate", "inf"),
        line="learning_rate: expected a finite number above 0, got inf",
    ),
    Trial(
        "a learning rate of 0, which is not the default",
        in_python(learning_rate=0),
        line="learning_rate: expected a finite number above 0, got 0",
    ),
    Trial("no epoch", in_python(epochs=0), line="epochs: expected 1 or more, got 0"),
    Trial("an empty batch", in_python(batch_size=0), line="batch_size: expected 1 or more, got 0"),
    Trial(
        "a negative seed", refused_early("--seed", -1), line="seed: expected a whole number from 0"
    ),
    Trial("the largest seed", trained("--seed", 2**32 - 1), answer=(2, 32)),
    Trial(
        "a seed that is too large",
        refused_early("--seed", 2**32),
        line=r"seed: expected a whole number from 0 to 2\*\*32 - 1, got 4294967296",
    ),
    Trial(
        "an output within a file",
        trained(output="data/train.tsv/victim"),
        line="train.tsv/victim: cannot be written",
    ),
]

# --- fields of the configuration ---

FIELDS = [
    Trial("a dropout", trained("--config", "hidden_dropout_prob=0"), answer=(2, 32)),
    Trial(
        "heads that do not divide",
        field("num_attention_heads=7"),
        line="config: num_attention_heads=7: expected values that the model can be built with",
    ),
    Trial(
        "heads that divide, but are cut elsewhere",
        field("num_attention_heads=2"),
        line="config: num_attention_heads=2: .*these change the attention heads",
    ),
    Trial(
        "no head", field("num_attention_heads=0"), line="config: num_attention_heads=0: expected"
    ),
    Trial("another size", field("hidden_size=20"), line="these change bert.embeddings.* more"),
    Trial(
        "fewer layers, which would drop some",
        field("num_hidden_layers=2"),
        line="these change bert.encoder.layer.2.* and 15 more",
    ),
    Trial(
        "more layers, which would be random",
        field("num_hidden_layers=4"),
        line="these change bert.encoder.layer.3.* and 15 more",
    ),
    Trial(
        "half a layer",
        field("num_hidden_layers=1.5"),
        line="num_hidden_layers=1.5: expected values that the model can be built with",
    ),
    Trial("more words", field("vocab_size=100"), line="these change .*word_embeddings.weight"),
    Trial(
        "more positions", field("max_position_embeddings=64"), line="these change .*position_embedd"
    ),
    Trial("a dropout of 2", field("hidden_dropout_prob=2"), line="dropout probability has to be"),
    Trial(
        "a dropout that is NaN", field("hidden_dropout_prob=NaN"), line="expected a finite number"
    ),
    Trial(
        "a dropout that is a word",
        field('hidden_dropout_prob="x"'),
        line="hidden_dropout_prob: expected a number, as 0.1, got 'x'",
    ),
    Trial("a dropout that is true", field("hidden_dropout_prob=true"), line="as 0.1, got True"),
    Trial(
        "an activation that there is not",
        field("hidden_act=reloo"),
        line=r"config: hidden_act='reloo': .* \(KeyError: 'reloo'\)",
    ),
    Trial("a field misspelt", field("hidden_dropout=0"), line="did you mean 'hidden_dropout_prob'"),
    Trial(
        "the number of classes",
        field("num_labels=5"),
        line="config: num_labels: expected a field of the architecture",
    ),
    Trial(
        "the kind of the model",
        field("model_type=gpt2"),
        line="config: model_type: expected a field of the architecture",
    ),
]

# --- where it starts ---

THREE = GOOD + "dull film\t2\n"
STARTS = [
    Trial(
        "a classifier of 2 classes for 3",
        trained(model=fine_tuned(num_labels=2), train=THREE),
        answer=(3, 32),
    ),
    Trial(
        "a classifier of 3 classes for 2", trained(model=fine_tuned(num_labels=3)), answer=(2, 32)
    ),
    Trial(
        "a classifier of 3 classes for choices",
        of_table(
            "story,asked,a,b,right",
            [
                {"story": "the film", "asked": "is", "a": "good", "b": "bad", "right": n}
                for n in (0, 1)
            ],
            model=fine_tuned(num_labels=3),
        ),
        answer=1,
    ),
    Trial(
        "a regression",
        trained(model=fine_tuned(num_labels=1, problem_type="regression")),
        answer=(2, 32),
    ),
    Trial(
        "a start that gives its attention along",
        trained(model=start(output_attentions=True)),
        answer=(2, 32),
    ),
    Trial("a start that gives tuples", trained(model=start(return_dict=False)), answer=(2, 32)),
    Trial(
        "weights of another architecture",
        refused_early(model=of_other_names),
        line="expected the weights of a BertForSequenceClassification, got 4 of 55",
    ),
    Trial(
        "weights of another size",
        refused_early(model=of_another_size),
        line="expected weights of the sizes that its config.json says, got others for",
    ),
    Trial(
        "no tokenizer",
        refused_early(model=without("*[tv]o[kc]*")),
        line="start: expected the folder of a checkpoint with its tokenizer's files",
    ),
    Trial(
        "no weights",
        refused_early(model=without("model.safetensors")),
        line="start: expected the folder of a checkpoint",
    ),
    Trial(
        "a tokenizer that is larger than the embeddings",
        trained(model=start(("extra", "unseen")), train=GOOD + "unseen film\t1\n"),
        line=r"0 to 39, got 41 \('unseen'\); take the model's own tokenizer",
        reported="transformers #5611",
    ),
    Trial("such a tokenizer, but no such word", trained(model=start(("extra",))), answer=(2, 32)),
]

# --- rows ---

SENTENCE = {"text": "good film", "label": 1}
ROWS = [
    Trial(
        "labels 1 and 2",
        refused_early(train="good\t1\nbad\t2\n", dev="good\t1\n"),
        line="counted from 0 without a gap, got 1, 2",
        reported="transformers #12817",
    ),
    Trial(
        "labels with a gap",
        refused_early(train="good\t0\nbad\t2\n", dev="good\t0\n"),
        line="counted from 0 without a gap, got 0, 2",
    ),
    Trial(
        "a label of the dev set only",
        refused_early(dev=GOOD + "dull\t2\n"),
        line="expected the classes to train on, 0 to 1, in the dev set, too, got 2",
    ),
    Trial("a single row", refused_early(train="good\t1\n"), line="at least 2 classes to train on"),
    Trial(
        "two rows, and one to judge by",
        trained(train="good\t1\nbad\t0\n", dev="good\t1\n"),
        answer=(2, 32),
    ),
    Trial("no row to judge by", refused_early(dev=""), line="dev.tsv: expected sentence<TAB>label"),
    Trial(
        "an empty text",
        refused_early(train=GOOD + "  \t1\n"),
        line="row 9 of the training set: expected a text, got an empty one; remove the row",
    ),
    Trial(
        "an empty text to judge by", refused_early(dev="\t1\n" + GOOD), line="row 1 of the dev set"
    ),
    Trial(
        "a pair of which one is empty",
        of_table("a,b,label", [{"a": "good", "b": "", "label": n} for n in (0, 1)]),
        answer=2,
    ),
    Trial("Windows line ends", trained(train=GOOD.replace("\n", "\r\n")), answer=(2, 32)),
    Trial(
        "half a surrogate pair",
        of_table("text,label", [SENTENCE, {"text": HALF, "label": 0}]),
        line=r"train.JSONL: line 2: column 'text': .*\\ud83d",
        reported="transformers #43459",
    ),
    Trial(
        "null",
        of_table("text,label", [SENTENCE, {"text": None, "label": 0}]),
        line="train.JSONL: line 2: column 'text': expected a text, got null",
    ),
    Trial(
        "labels 0.0 and 1.0",
        of_table("text,label", [{"text": "good", "label": n} for n in (0.0, 1.0)]),
        answer=2,
    ),
    Trial(
        "choices of which never the last is right",
        of_table(
            "story,asked,a,b,c,right",
            [
                {"story": "the", "asked": "is", "a": "good", "b": "bad", "c": "dull", "right": n}
                for n in (0, 1)
            ],
            [{"story": "the", "asked": "is", "a": "good", "b": "bad", "c": "dull", "right": 2}],
        ),
        answer=1,
    ),
]

TRIALS = [*SETTINGS, *FIELDS, *STARTS, *ROWS]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)


# --- every family ---

DROPOUT = {
    "albert": "hidden_dropout_prob",
    "bart": "dropout",
    "gpt2": "resid_pdrop",
    "gemma": "attention_dropout",
    "llama": "attention_dropout",
    "mistral": "attention_dropout",
    "modernbert": "mlp_dropout",
    "opt": "dropout",
    "qwen2": "attention_dropout",
    "t5": "dropout_rate",
}
LAYERS = {"bart": "encoder_layers"}


@pytest.mark.parametrize("family", CONFIGS)
def test_a_dropout_can_be_set_and_layers_cannot_be_cut(family: str, tmp_path: Path) -> None:
    CONFIGS[family]().save_pretrained(tmp_path)
    dropout = DROPOUT.get(family, "hidden_dropout_prob")
    layers = LAYERS.get(family, "num_hidden_layers")
    auto = AutoModelForSequenceClassification
    config = configuration_of(str(tmp_path), auto, {dropout: 0.25}, 2)
    assert getattr(config, dropout) == 0.25

    def cut(_: Path) -> object:
        return configuration_of(str(tmp_path), auto, {layers: 1}, 2)

    # ALBERT's layers share their weights.
    if family != "albert":
        Trial(family, cut, line="leave the pretrained weights as they are").check(tmp_path)
