"""Training victims: on tiny data, to the end, and on from where it stopped."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForSequenceClassification,
    TrainerCallback,
)

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.checkpoints.card import Card
from textattack_attend.checkpoints.loading import load
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper, wrapper_for
from textattack_attend.training import fine_tuning
from textattack_attend.training.defenses import defense_of
from textattack_attend.training.defenses.defense_trainer import DefenseTrainer
from textattack_attend.training.fine_tuning import fine_tune
from textattack_attend.training.tasks import TASKS, task_of
from textattack_attend.victims.identity import trained_parts

from ..conftest import random_text, tiny_config
from ..helpers.tiny_training import write_pretrained, write_reviews


@pytest.fixture
def pretrained(vocabulary: Path, tmp_path: Path) -> str:
    """A tiny BERT without a head, drawn so that it can learn."""
    return write_pretrained(tmp_path / "pretrained", vocabulary)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A text is positive if it has the word good."""
    return write_reviews(tmp_path / "reviews")


@pytest.fixture
def dialogues(tmp_path: Path) -> Path:
    """The answer is the choice with the word good."""
    folder, generator = tmp_path / "dialogues", random.Random(0)
    folder.mkdir()
    for name, count in (("train.json", 192), ("dev.json", 32)):
        entries = []
        for number in range(count):
            choices = ["good good", "bad bad", "dull dull"]
            generator.shuffle(choices)
            asked = {"question": "the film is", "choice": choices, "answer": "good good"}
            entries.append([[random_text(generator)], [asked], str(number)])
        (folder / name).write_text(json.dumps(entries))
    return folder


def test_the_card_that_is_returned_is_the_one_that_is_saved(
    pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    defense = defense_of("s-attend", layers=(0, 1), heads=(0,))
    card = fine_tune(
        task_of("sst2"), pretrained, reviews, tmp_path / "victim", defense=defense, epochs=1
    )
    assert Card.of(tmp_path / "victim") == card


def test_a_sentence_classifier_learns_and_is_an_ordinary_checkpoint(
    pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "victim"
    arguments = ["train", "--task", "sst2", "--model", pretrained, "--data", str(reviews)]
    arguments += ["--output", str(output), "--learning-rate", "0.003", "--epochs", "6"]
    arguments += ["--batch-size", "8"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert re.findall(r"^epoch (\d) of 6: dev accuracy", done.stderr, re.MULTILINE) == [*"123456"]
    (data,) = reviews.glob("dev.*")
    advice = f"attack --recipe hackattend --model {output} --data '{data}^sst2'"
    assert f"next: textattack-attend {advice}" in done.stderr
    accuracy = float(done.stdout.split("dev accuracy ")[1].split("%")[0])
    assert accuracy > 90
    model = AutoModelForSequenceClassification.from_pretrained(output)
    wrapper = AttentionModelWrapper(model, AutoTokenizer.from_pretrained(output))
    lines = [line.split("\t") for line in (reviews / "dev.tsv").read_text().splitlines()]
    found = wrapper([text for text, _ in lines]).argmax(1).tolist()
    right = sum(a == int(label) for a, (_, label) in zip(found, lines, strict=True))
    assert right / len(lines) == pytest.approx(accuracy / 100, abs=0.04)
    assert not (output / "checkpoints").exists()


def test_a_model_that_scores_choices_learns_and_can_be_attacked(
    pretrained: str, dialogues: Path, tmp_path: Path
) -> None:
    output = tmp_path / "victim"
    settings: dict[str, Any] = {"learning_rate": 0.003, "batch_size": 8, "epochs": 6}
    card = fine_tune(TASKS["dream"], pretrained, dialogues, output, **settings)
    assert card.accuracy is not None
    assert card.accuracy > 0.9
    assert card.step_seconds_ratio == 1
    model = AutoModelForMultipleChoice.from_pretrained(output)
    wrapper = AttentionModelWrapper(model, AutoTokenizer.from_pretrained(output), max_tokens=32)
    HackAttendLiong2024.build(wrapper)  # accepted: the head is a trained one


def test_an_interrupted_run_ends_as_one_that_was_not(
    pretrained: str, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = dataclasses.replace(TASKS["sst2"], batch_size=16, epochs=3, learning_rate=0.001)
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    fine_tune(task, pretrained, reviews, whole)

    class Interrupt(TrainerCallback):
        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.epoch >= 2:
                raise KeyboardInterrupt

    class Interrupted(DefenseTrainer[Any]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            add: Any = self.add_callback
            add(Interrupt())

    with monkeypatch.context() as patch:
        patch.setattr(fine_tuning, "trainer_of", lambda defense: Interrupted)
        with pytest.raises(KeyboardInterrupt):
            fine_tune(task, pretrained, reviews, halved)
    assert not (halved / "model.safetensors").exists()
    fine_tune(task, pretrained, reviews, halved)
    one, other = (
        AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
        for folder in (whole, halved)
    )
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], atol=1e-6, rtol=1e-5)


def test_the_settings_are_those_of_table_9() -> None:
    settings = {
        name: (t.learning_rate, t.batch_size, t.epochs, t.warmup, t.max_tokens)
        for name, t in TASKS.items()
    }
    assert settings == {
        "dream": (3e-5, 16, 8, 0.1, 128),
        "dream-first": (3e-5, 16, 8, 0.1, 128),
        "hellaswag": (2e-5, 32, 3, 0.1, 128),
        "reclor": (2e-5, 24, 6, 0.06, 128),
        "sst2": (2e-5, 32, 3, 0.06, 128),
    }


@pytest.mark.parametrize(
    ("capability", "precision"),
    [("amx_bf16", "bfloat16"), ("avx512_bf16", "bfloat16"), ("avx2", "float32")],
)
def test_a_processor_that_would_emulate_bfloat16_is_spared(
    capability: str,
    precision: str,
    pretrained: str,
    reviews: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True}, raising=False)
    computed: list[bool] = []

    def step(self: DefenseTrainer[Any], *args: Any) -> torch.Tensor:
        computed.append(self.args.bf16)
        raise KeyboardInterrupt

    monkeypatch.setattr(DefenseTrainer, "training_step", step)
    output = tmp_path / "victim"
    for given in (None, "float32", "bfloat16"):
        with pytest.raises(KeyboardInterrupt):
            fine_tune(TASKS["sst2"], pretrained, reviews, output, precision=given, overwrite=True)
        card = json.loads((output / "checkpoints" / "card.json").read_text())
        assert card["precision"] == (given or precision)
    assert computed == [precision == "bfloat16", False, True]


def test_a_model_is_judged_in_float32_whatever_it_was_trained_in(
    pretrained: str, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the accuracy on the card is that before an attack."""
    seen: set[tuple[bool, torch.dtype]] = set()
    linear = torch.nn.Linear.forward

    def watched(self: Any, given: torch.Tensor) -> torch.Tensor:
        computed = linear(self, given)
        seen.add((self.training, computed.dtype))
        return computed

    monkeypatch.setattr(torch.nn.Linear, "forward", watched)
    settings: dict[str, Any] = {"learning_rate": 0.003, "batch_size": 8, "epochs": 2}
    output = tmp_path / "victim"
    card = fine_tune(TASKS["sst2"], pretrained, reviews, output, precision="bfloat16", **settings)
    assert seen == {(True, torch.bfloat16), (False, torch.float32)}
    lines = [line.split("\t") for line in (reviews / "dev.tsv").read_text().splitlines()]
    found = wrapper_for(output)([text for text, _ in lines]).argmax(1).tolist()
    right = sum(a == int(label) for a, (_, label) in zip(found, lines, strict=True))
    assert card.accuracy == right / len(lines)


def test_what_cannot_be_trained_is_one_line(pretrained: str, tmp_path: Path) -> None:
    arguments = ["train", "--task", "dream", "--model", pretrained, "--data", str(tmp_path)]
    done = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "victim")])
    assert done.exit_code == 1
    assert "train.json: cannot be read" in done.output
    assert not (tmp_path / "victim").exists()
    file = ["train", "--task", "sst2", "--model", pretrained, "--data", f"{pretrained}/config.json"]
    done = CliRunner().invoke(main, [*file, "--output", str(tmp_path / "victim")])
    assert done.exit_code == 1
    assert "config.json: expected the folder of train.tsv and dev.tsv, got a file" in done.output
    (tmp_path / "train.tsv").write_text("good\t1\nbad\t0\n")
    (tmp_path / "dev.tsv").write_text("good\t2\n")
    sentences = ["train", "--task", "sst2", "--data", str(tmp_path)]
    sentences += ["--output", str(tmp_path / "victim")]
    done = CliRunner().invoke(main, [*sentences, "--model", pretrained])
    assert done.exit_code == 1
    assert "expected the classes to train on, 0 to 1, in the dev set, too, got 2" in done.output
    (tmp_path / "dev.tsv").write_text("good\t1\n")
    done = CliRunner().invoke(main, [*sentences, "--model", str(tmp_path / "typo")])
    assert done.exit_code == 1
    assert "typo: expected the folder of a checkpoint" in done.output
    assert not (tmp_path / "victim").exists()
    with pytest.raises(
        InvalidInputError, match="task: expected one of dream, dream-first, hellaswag"
    ):
        task_of("imdb")


def test_fields_of_the_configuration_are_set(
    pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "victim"
    arguments = ["train", "--task", "sst2", "--model", pretrained, "--data", str(reviews)]
    arguments += ["--output", str(output), "--epochs", "1"]
    fields = ["--config", "attention_probs_dropout_prob=0.25", "--config", "hidden_act=relu"]
    done = CliRunner().invoke(main, [*arguments, *fields])
    assert done.exit_code == 0, done.output
    model = AutoModelForSequenceClassification.from_pretrained(output)
    assert model.bert.encoder.layer[0].attention.self.dropout.p == 0.25
    assert model.config.hidden_act == "relu"
    card = json.loads((output / "card.json").read_text())
    assert card["identity"] == trained_parts(*load(str(output)))
    assert card["config"] == {"attention_probs_dropout_prob": 0.25, "hidden_act": "relu"}
    wrong = CliRunner().invoke(main, [*arguments, "--overwrite", "--config", "dropuot=0"])
    assert wrong.exit_code == 1
    assert "has no field 'dropuot'" in wrong.output
    assert CliRunner().invoke(main, [*arguments, "--config", "dropout"]).exit_code == 2


def test_texts_of_about_one_length_share_a_batch(
    pretrained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, shares = random.Random(0), []
    for name in ("train.tsv", "dev.tsv"):
        texts = [random_text(generator, 2, 20) for _ in range(256)]
        lines = [f"{text}\t{number % 2}" for number, text in enumerate(texts)]
        (tmp_path / name).write_text("\n".join(lines))

    class Watched(DefenseTrainer[Any]):
        def defended_step(self, model: Any, inputs: dict[str, Any], items: Any) -> Any:
            shares.append(float(inputs["attention_mask"].float().mean()))
            return super().defended_step(model, inputs, items)

    monkeypatch.setattr(fine_tuning, "trainer_of", lambda defense: Watched)
    fine_tune(TASKS["sst2"], pretrained, tmp_path, tmp_path / "victim", epochs=1, batch_size=8)
    assert sum(shares) / len(shares) > 0.9


# --- tables ---


@pytest.fixture
def entailments(tmp_path: Path) -> Path:
    """A pair entails if both texts have the word good; neither alone tells."""
    folder, generator = tmp_path / "entailments", random.Random(0)
    folder.mkdir()
    for name, count in (("train.csv", 256), ("dev.csv", 64)):
        lines = ["premise,hypothesis,class"]
        for _ in range(count):
            one, other = generator.choice(["good", "bad"]), generator.choice(["good", "bad"])
            lines.append(f"the {one} {one},a {other} {other},{int(one == other)}")
        (folder / name).write_text("\n".join(lines))
    return folder


def test_pairs_of_a_table_are_learned(pretrained: str, entailments: Path, tmp_path: Path) -> None:
    output = tmp_path / "victim"
    arguments = ["train", "--task", "premise,hypothesis,class", "--model", pretrained]
    arguments += ["--data", str(entailments), "--output", str(output), "--learning-rate", "0.003"]
    arguments += ["--epochs", "8", "--batch-size", "8", "--defense", "s-attend", "--alpha", "0.02"]
    done = CliRunner().invoke(main, [*arguments, "--max-tokens", "16"])
    assert done.exit_code == 0, done.output
    assert float(done.stdout.split("dev accuracy ")[1].split("%")[0]) > 90
    assert json.loads((output / "card.json").read_text())["max_tokens"] == 16
    wrapper = wrapper_for(str(output))
    pairs = [("the good good", "a good good"), ("the good good", "a bad bad")]
    assert wrapper(pairs).argmax(1).tolist() == [1, 0]


def test_questions_of_a_table_are_learned(pretrained: str, tmp_path: Path) -> None:
    for name in ("train.jsonl", "dev.jsonl"):
        entries = [
            {"story": "the film", "asked": "is", "a": "good", "b": "bad", "right": 0},
            {"story": "the film", "asked": "is", "a": "bad", "b": "good", "right": 1},
        ]
        (tmp_path / name).write_text("\n".join(json.dumps(entry) for entry in entries * 16))
    task = task_of("story,asked,a,b,right")
    settings: dict[str, Any] = {"learning_rate": 0.003, "batch_size": 8, "epochs": 8}
    card = fine_tune(task, pretrained, tmp_path, tmp_path / "victim", **settings)
    assert card.accuracy == 1


def test_tables_that_cannot_be_learned_from(
    pretrained: str, entailments: Path, tmp_path: Path
) -> None:
    task = task_of("premise,hypothesis,class")
    with pytest.raises(InvalidInputError, match=r"expected a folder with train\.csv and dev\.csv"):
        fine_tune(task, pretrained, "org/name", tmp_path / "victim")
    with pytest.raises(InvalidInputError, match=r"line 1: expected a column 'text'"):
        fine_tune(task_of("text,class"), pretrained, entailments, tmp_path / "victim")
    (entailments / "train.tsv").write_text("premise\thypothesis\tclass\n")
    with pytest.raises(InvalidInputError, match=r"one file train.\*, got train.csv, train.tsv"):
        fine_tune(task, pretrained, entailments, tmp_path / "victim")
    with pytest.raises(InvalidInputError, match=r"expected one of dream.*, or columns"):
        task_of("a,b,c,label")


# --- defenses, cards, folders ---


def test_a_defended_model_comes_with_its_card(
    pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "defended"
    arguments = ["train", "--task", "sst2", "--model", pretrained, "--data", str(reviews)]
    arguments += ["--output", str(output), "--learning-rate", "0.003", "--epochs", "6"]
    arguments += ["--batch-size", "8", "--defense", "s-attend", "--alpha", "0.1", "--layers", "0,2"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    card = json.loads((output / "card.json").read_text())
    assert (card["task"], card["defense"], card["epochs"]) == ("sst2", "s-attend", 6)
    assert card["options"] == {
        "preset": "",
        "alpha": 0.1,
        "granularity": "unit",
        "growth": 0.0,
        "layers": [0, 2],
        "heads": [],
    }
    assert card["accuracy"] > 0.9
    assert f"dev accuracy {card['accuracy']:.1%}" in done.output
    assert card["versions"]["torch"] == version("torch")
    assert 0 < card["step_seconds_ratio"] < 100


def test_the_best_epoch_is_kept(
    pretrained: str, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = iter([0.5, 0.9, 0.7])
    seen: list[float] = []

    def accuracy(_: Any) -> dict[str, float]:
        seen.append(next(judged, 0.9))
        return {"accuracy": seen[-1]}

    kept: list[Any] = []

    class Keeping(DefenseTrainer[Any]):
        def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
            model: Any = self.model
            kept.append([w.clone() for w in model.state_dict().values()])
            return super().evaluate(*args, **kwargs)

    monkeypatch.setattr(fine_tuning, "_accuracy", accuracy)
    monkeypatch.setattr(fine_tuning, "trainer_of", lambda defense: Keeping)
    task = dataclasses.replace(TASKS["sst2"], epochs=3, learning_rate=0.001)
    assert fine_tune(task, pretrained, reviews, tmp_path / "victim").accuracy == 0.9
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "victim")
    for weight, best in zip(model.state_dict().values(), kept[1], strict=True):
        torch.testing.assert_close(weight, best)


def test_a_run_that_is_killed_before_it_saved_the_best_epoch_trains_no_step_again(
    pretrained: str, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = iter([0.9, 0.5])
    monkeypatch.setattr(fine_tuning, "_accuracy", lambda _: {"accuracy": next(judged)})
    task = dataclasses.replace(TASKS["sst2"], epochs=2)

    def killed(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Card, "write", _but_for_the_end(killed))
        with pytest.raises(KeyboardInterrupt):
            fine_tune(task, pretrained, reviews, tmp_path / "victim")
    monkeypatch.setattr(DefenseTrainer, "training_step", killed)
    assert fine_tune(task, pretrained, reviews, tmp_path / "victim").accuracy == 0.9


def _but_for_the_end(killed: Any) -> Any:
    """Writes the card of a run that begins, not that of one that is done."""
    original = Card.write

    def write(card: Card, folder: Path) -> None:
        (original if card.accuracy is None else killed)(card, folder)

    return write


def test_a_folder_with_something_else_is_refused_unless_overwritten(
    pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    output = tmp_path / "victim"
    output.mkdir()
    (output / "thesis.txt").write_text("precious")
    task = dataclasses.replace(TASKS["sst2"], epochs=1)
    with pytest.raises(InvalidInputError, match="expected an empty folder, or one of an interr"):
        fine_tune(task, pretrained, reviews, output)
    with pytest.raises(InvalidInputError, match="only that is overwritten: delete the folder by"):
        fine_tune(task, pretrained, reviews, output, overwrite=True)
    assert (output / "thesis.txt").read_text() == "precious"
    (output / "checkpoints").mkdir()
    (output / "thesis.txt").rename(output / "checkpoints" / "thesis.txt")  # of another program
    with pytest.raises(InvalidInputError, match="expected an empty folder, or one of an interr"):
        fine_tune(task, pretrained, reviews, output)
    (output / "checkpoints" / "thesis.txt").unlink()
    (output / "checkpoints").rmdir()
    fine_tune(task, pretrained, reviews, output, overwrite=True)
    (output / "notes.txt").write_text("of the run before")
    fine_tune(task, pretrained, reviews, output, overwrite=True)
    assert not (output / "notes.txt").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_that_the_run_reads_is_refused(
    overwrite: bool, pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for output in (pretrained, reviews, tmp_path):
        with pytest.raises(InvalidInputError, match="is read from there; choose another"):
            fine_tune(TASKS["sst2"], pretrained, reviews, output, overwrite=overwrite)
    assert kept == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_an_interrupted_run_of_other_settings_is_not_gone_on_with(
    pretrained: str, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(DefenseTrainer[Any]):
        def training_step(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    task = dataclasses.replace(TASKS["sst2"], epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(fine_tuning, "trainer_of", lambda defense: Interrupted)
        with pytest.raises(KeyboardInterrupt):
            fine_tune(task, pretrained, reviews, tmp_path / "victim")
    checkpoint = tmp_path / "victim" / "checkpoints" / "checkpoint-1"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="got another batch_size, seed; choose another"):
        fine_tune(task, pretrained, reviews, tmp_path / "victim", seed=1, batch_size=7)


def test_a_run_that_failed_before_its_first_checkpoint_can_be_begun_otherwise(
    pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    task = dataclasses.replace(TASKS["sst2"], epochs=1)
    with pytest.raises(InvalidInputError, match="victim: expected the model to attack"):
        fine_tune(task, pretrained, reviews, tmp_path / "victim", defense=defense_of("ada"))
    assert fine_tune(task, pretrained, reviews, tmp_path / "victim").defense == "none"


def test_what_nothing_can_be_learned_from_is_refused(
    pretrained: str, reviews: Path, tmp_path: Path
) -> None:
    lines = (reviews / "train.tsv").read_text().splitlines()
    (reviews / "train.tsv").write_text("\n".join(line for line in lines if line[-1] == "1"))
    with pytest.raises(InvalidInputError, match="expected texts of at least 2 classes"):
        fine_tune(TASKS["sst2"], pretrained, reviews, tmp_path / "victim")


def test_a_head_for_another_number_of_classes_is_made_anew(
    pretrained: str, reviews: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tiny_config("bert")
    config.num_labels = 3
    start = BertForSequenceClassification(config)
    start.save_pretrained(tmp_path / "three")
    AutoTokenizer.from_pretrained(pretrained).save_pretrained(tmp_path / "three")
    fine_tune(
        dataclasses.replace(TASKS["sst2"], epochs=1, learning_rate=1e-9),
        str(tmp_path / "three"),
        reviews,
        tmp_path / "victim",
    )
    said = [r.getMessage() for r in caplog.records if r.name.startswith("textattack_attend")]
    assert said == [
        f"{tmp_path}/three: its head was trained for another number of outputs; a new one, for 2, "
        "takes its place and learns from nothing"
    ]
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "victim")
    assert model.config.num_labels == 2
    torch.testing.assert_close(model.bert.state_dict(), start.bert.state_dict())
