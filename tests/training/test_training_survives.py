"""A training that is killed, or whose disk is full, goes on; nothing half passes for whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from textattack_attend.checkpoints.card import WEIGHTS, Card
from textattack_attend.checkpoints.loading import load
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError, SavingError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.training.defenses.defense_trainer import DefenseTrainer
from textattack_attend.training.fine_tuning import fine_tune
from textattack_attend.training.folder import begin
from textattack_attend.training.tasks import task_of

from ..helpers.killed_training import loaded, outcome
from ..helpers.limits import largest_file
from ..helpers.tiny_training import write_pretrained, write_reviews

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = {"learning_rate": 0.003, "batch_size": 16, "epochs": 3}
GOES_ON = (
    "free space, and the same command, without --overwrite, goes on from the last whole checkpoint"
)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Path:
    """A folder with a model to start from, and with texts to learn."""
    folder = tmp_path_factory.mktemp("start")
    write_pretrained(folder / "pretrained", vocabulary)
    write_reviews(folder / "reviews", 96, 16)
    return folder


@pytest.fixture(scope="module")
def undisturbed(start: Path) -> dict[str, Any]:
    """The outcome of a training that nothing disturbed."""
    return outcome(start / "victim", train(start, start / "victim"))


@pytest.fixture
def folder(start: Path, tmp_path: Path) -> Path:
    """An empty folder with links to the model and the texts."""
    for name in ("pretrained", "reviews"):
        (tmp_path / name).symlink_to(start / name)
    return tmp_path


def train(folder: Path, output: Path, **settings: Any) -> Card:
    model, data = str(folder / "pretrained"), folder / "reviews"
    return fine_tune(task_of("sst2"), model, data, output, **{**SETTINGS, **settings})


def command(folder: Path, output: Path, *more: str) -> Result:
    arguments = ["--task", "sst2", "--model", f"{folder}/pretrained", "--data", f"{folder}/reviews"]
    settings = ["--learning-rate", "0.003", "--batch-size", "16", "--epochs", "3"]
    return CliRunner().invoke(
        main, ["train", *arguments, *settings, "--output", str(output), *more]
    )


# --- kills ---


def test_a_killed_training_ends_as_one_that_was_not(folder: Path) -> None:
    require_survived(folder, "none", 0.5, 0.85)


@pytest.mark.slow
@pytest.mark.parametrize(("defense", "kills"), [("none", 30), ("afa", 4), ("hackattend-at", 4)])
def test_a_training_survives_kills_at_all_its_moments(
    folder: Path, defense: str, kills: int
) -> None:
    require_survived(folder, defense, *(number / (kills - 1) for number in range(kills)))


def require_survived(folder: Path, defense: str, *shares: float) -> None:
    arguments = [str(folder), defense, *map(str, shares)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.killed_training", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((folder / "found.json").read_text())
    expected = found["expected"]
    count = expected.pop("moments")
    assert count > 100  # three checkpoints, one that is deleted, and the model
    assert len(found["trials"]) == len(set(shares))
    for trial in found["trials"]:
        assert trial["died"] == f"signal {signal.SIGKILL.value}"
        assert isinstance(trial["after"], dict), f"moment {trial['moment']}: {trial['after']}"
        before = trial["after"].pop("before")
        assert before in ("refused", expected["weights"]), f"moment {trial['moment']}: half a model"
        assert trial["after"].pop("same") is True
        assert trial["after"] == expected, f"moment {trial['moment']}"


def test_a_checkpoint_that_an_older_version_left_half_is_not_resumed_from(
    folder: Path, undisturbed: dict[str, Any]
) -> None:
    with stopped_at_the_third_epoch():
        train(folder, folder / "victim")
    newest = folder / "victim" / "checkpoints" / "checkpoint-12"
    (newest / "trainer_state.json").write_text('{"best_metric": 0.')
    assert outcome(folder / "victim", train(folder, folder / "victim")) == undisturbed


def test_a_training_goes_on_from_another_working_folder(
    folder: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with stopped_at_the_third_epoch():
        train(folder, Path("victim"))
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert outcome(folder / "victim", train(folder, Path("../victim"))) == undisturbed


class stopped_at_the_third_epoch:
    """Inside, a training is interrupted after its second epoch; the interrupt ends there."""

    def __enter__(self) -> None:
        self._patch = pytest.MonkeyPatch()
        original = DefenseTrainer.training_step

        def step(trainer: Any, *arguments: Any, **options: Any) -> Any:
            if trainer.state.global_step == 12:
                raise KeyboardInterrupt
            return original(trainer, *arguments, **options)

        self._patch.setattr(DefenseTrainer, "training_step", step)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        self._patch.undo()
        return kind is KeyboardInterrupt


def test_a_request_to_terminate_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def terminate(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)

    handler = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(DefenseTrainer, "training_step", terminate)
        done = command(folder, folder / "victim")
    assert done.exit_code == 1
    assert done.output.endswith("Error: interrupted; the same command goes on from here\n")
    assert signal.getsignal(signal.SIGTERM) is handler
    assert command(folder, folder / "victim").exit_code == 0


# --- full disks ---


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    folder: Path, undisturbed: dict[str, Any]
) -> None:
    output = folder / "victim"
    with stopped_at_the_third_epoch():
        train(folder, output)
    left = sorted(path.name for path in (output / "checkpoints").iterdir())
    # The configuration, the weights and the state of the optimizer are written by three libraries.
    for size in (1200, 5_000, 60_000):
        with largest_file(size):
            full = command(folder, output)
        assert full.exit_code == 1
        assert isinstance(full.exception, SystemExit)  # no traceback
        assert len(re.findall(rf"Error: {output}: .*; {GOES_ON}\n", full.output)) == 1
        assert sorted(path.name for path in (output / "checkpoints").iterdir()) == left
    again = command(folder, output)
    assert again.exit_code == 0, again.output
    found = Card.of(output)
    assert found is not None
    assert outcome(output, found) == undisturbed


def test_a_full_disk_as_the_model_is_saved_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = DefenseTrainer.save_model

    def save(trainer: Any, output_dir: Any = None, _internal_call: bool = False) -> None:
        with largest_file(300 if not _internal_call else 10**9):
            original(trainer, output_dir, _internal_call)

    with monkeypatch.context() as patch:
        patch.setattr(DefenseTrainer, "save_model", save)
        with pytest.raises(SavingError, match=GOES_ON):
            train(folder, folder / "victim")
    with pytest.raises(InvalidInputError, match="got the output of a training that has not ended"):
        wrapper_for(str(folder / "victim"))
    monkeypatch.setattr(DefenseTrainer, "training_step", None)  # nothing is trained again
    assert train(folder, folder / "victim").accuracy is not None


# --- complete runs ---


def test_a_complete_run_says_so_and_ends_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    output = folder / "victim"
    first = command(folder, output).stdout.splitlines()[-1]
    assert first.startswith("dev accuracy ")
    kept = {path: path.read_bytes() for path in output.rglob("*")}
    (output / "checkpoints").mkdir()  # as a kill leaves it that comes while they are deleted
    monkeypatch.setattr(DefenseTrainer, "training_step", None)
    again = command(folder, output)
    assert again.exit_code == 0
    assert again.stdout.splitlines() == [first]
    assert f"{output}: this run is complete already; nothing is trained again" in caplog.messages
    assert {path: path.read_bytes() for path in output.rglob("*")} == kept
    other = command(folder, output, "--seed", "1", "--max-tokens", "16")
    assert other.exit_code == 1
    assert "got the model of a run with another max_tokens, seed; choose another" in other.output


def test_a_card_that_was_being_written_is_no_content(folder: Path) -> None:
    card = train(folder, folder / "victim")
    (folder / "killed" / "checkpoints").mkdir(parents=True)
    (folder / "killed" / "checkpoints" / "card.json.123.tmp").write_text('{"task":')
    begin(card, folder / "killed", overwrite=False)
    (folder / "foreign" / "checkpoints" / "unfinished").mkdir(parents=True)
    with pytest.raises(InvalidInputError, match="expected an empty folder, or one of an interr"):
        begin(card, folder / "foreign", overwrite=False)
    assert (folder / "foreign" / "checkpoints" / "unfinished").is_dir()


def test_an_output_that_is_overwritten_can_be_overwritten_again_after_a_kill(
    folder: Path, start: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card.of(start / "victim")
    assert card is not None
    killed_at = 0
    while True:
        output = folder / f"victim-{killed_at}"
        shutil.copytree(start / "victim", output)
        shutil.copytree(start / "victim", output / "checkpoints" / "checkpoint-6")
        card.write(output / "checkpoints")
        with monkeypatch.context() as patch:
            deleted = interrupting_deletions(patch, killed_at)
            with suppress(KeyboardInterrupt):
                begin(card, output, overwrite=True)
        if deleted.count < killed_at:
            break
        assert loaded(output) == (undisturbed["weights"] if killed_at == 1 else "refused")
        begin(card, output, overwrite=True)
        assert [path.name for path in output.rglob("*")] == ["checkpoints", "card.json"]
        killed_at += 1
    assert killed_at > 12  # transformers 5 writes fewer files


class interrupting_deletions:
    """Counts deletions of files and folders, and interrupts one instead of carrying it out."""

    def __init__(self, patch: pytest.MonkeyPatch, last: int) -> None:
        self.count = 0
        self._last = last
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, delete: Any) -> Any:
        def counted(path: Any, **options: Any) -> None:
            if Path(path).name not in WEIGHTS[1:]:  # which are not there
                self.count += 1
                if self.count == self._last:
                    raise KeyboardInterrupt
            delete(path, **options)

        return counted


# --- the files of an output ---


def test_all_files_have_the_mode_of_the_umask_and_none_is_a_pickle(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        train(folder, folder / "victim", epochs=1)
    finally:
        os.umask(before)
    files = [path for path in (folder / "victim").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"card.json", "config.json", "model.safetensors"}
    assert {path.stat().st_mode & 0o7777 for path in files} == {0o640}
    for path in files:
        assert path.suffix in (".json", ".safetensors", ".txt")
        assert not path.read_bytes().startswith((b"PK", b"\x80"))
    load(str(folder / "victim"))


@pytest.mark.slow
def test_two_processes_save_as_one(folder: Path) -> None:
    script = "import sys; from textattack_attend.commands.main import main; main(sys.argv[1:])"
    (folder / "train.py").write_text(script)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = ["--task", "sst2", "--model", "pretrained", "--data", "reviews", "--output", "two"]
    settings = ["--epochs", "3", "--batch-size", "16", "--learning-rate", "0.003"]
    asked = [sys.executable, *launch, "train.py", "train", *arguments, *settings]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(2):  # the second time it is complete
        done = subprocess.run(
            asked, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("dev accuracy ") == 1
    train(folder, folder / "one")
    names = [sorted(path.name for path in (folder / name).iterdir()) for name in ("one", "two")]
    assert names[0] == names[1]
    load(str(folder / "two"))
