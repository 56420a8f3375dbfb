"""Kills trainings at chosen moments, and begins them again, for `test_training_survives`.

A moment is a change in the output folder: a file that is opened to be written, renamed or deleted,
a folder that is made or deleted, and a file of weights before and in the middle of its writing.
Every training is a process of its own, forked from one that has imported the libraries.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers
from transformers import AutoModelForSequenceClassification

from textattack_attend.checkpoints.card import Card
from textattack_attend.training.defenses import defense_of
from textattack_attend.training.defenses.defense_trainer import DefenseTrainer
from textattack_attend.training.fine_tuning import fine_tune
from textattack_attend.training.tasks import task_of
from textattack_attend.victims.identity import digest_of_weights

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")
TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Moments:
    """Counts the moments of this process, and kills it at one of them.

    Args:
        output: the output folder of the training.
        last: the number of the moment to kill at, counted from 1; never by default.
    """

    def __init__(self, output: Path, last: int = 0) -> None:
        self.count = 0
        self._output = str(output)
        self._last = last
        sys.addaudithook(self._see)
        for module, name in (
            (torch, "save"),
            (safetensors.torch, "save_file"),
            (transformers.modeling_utils, "safe_save_file"),
        ):
            setattr(module, name, self._watched(getattr(module, name)))

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            is_change = bool(flags & TO_WRITE)
        else:
            path, is_change = (arguments or ("",))[0], event in CHANGES
        if is_change and self._is_ours(path, arguments):
            self._pass()

    def _is_ours(self, path: Any, arguments: tuple[Any, ...]) -> bool:
        folder = arguments[-1]
        if isinstance(folder, int) and folder > 2 and not os.path.isabs(str(path)):
            path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        return not isinstance(path, int) and os.path.abspath(path).startswith(self._output)

    def _watched(self, save: Callable[..., Any]) -> Callable[..., Any]:
        def watched(content: Any, path: Any, *arguments: Any, **options: Any) -> Any:
            self._pass()
            done = save(content, path, *arguments, **options)
            self._pass(torn=path)
            return done

        return watched

    def _pass(self, torn: Any = None) -> None:
        self.count += 1
        if self.count == self._last:
            if torn is not None:
                os.truncate(torn, os.path.getsize(torn) // 2)
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, output: Path, defense: str) -> Card:
    """Trains a tiny model for two epochs."""
    method = defense_of(defense)
    task, model, data = task_of("sst2"), str(folder / "pretrained"), folder / "reviews"
    settings: dict[str, Any] = {"learning_rate": 0.003, "batch_size": 16, "epochs": EPOCHS}
    return fine_tune(task, model, data, output, defense=method, **settings)


EPOCHS = 3


def forked(run: Callable[[], Any]) -> Any:
    """Runs a function in a child, and returns its answer, its error, or the signal it died of."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            answer = run()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(said) if said else f"signal {os.WTERMSIG(status)}"


def whole(folder: Path, output: Path, defense: str) -> dict[str, Any]:
    """Trains without a kill, and returns the number of moments and the outcome."""
    moments = Moments(output)
    card = train(folder, output, defense)
    count = moments.count
    return {"moments": count, **outcome(output, card)}


def outcome(output: Path, card: Card) -> dict[str, Any]:
    """Returns the results of a run that do not depend on whether it was killed."""
    return {
        "accuracy": card.accuracy,
        "weights": loaded(output),
        "files": sorted(str(path.relative_to(output)) for path in output.rglob("*")),
    }


def loaded(output: Path) -> str:
    """Returns the digest of the weights that transformers loads, or says that it refuses."""
    try:
        model = AutoModelForSequenceClassification.from_pretrained(output)
    except (OSError, ValueError):
        return "refused"
    return digest_of_weights(model)


def killed(folder: Path, output: Path, defense: str, moment: int) -> None:
    """Trains until a moment."""
    Moments(output, moment)
    train(folder, output, defense)


def again(folder: Path, output: Path, defense: str) -> dict[str, Any]:
    """Loads the output of a killed training, goes on with the training, and asks for it again."""
    before = loaded(output)
    card = train(folder, output, defense)
    found = {"before": before, **outcome(output, card)}

    def no_step(*_: Any) -> Any:
        raise AssertionError("a complete run trained a step")

    trainer: Any = DefenseTrainer
    trainer.training_step = no_step
    return {**found, "same": train(folder, output, defense) == card}


def main(folder: Path, defense: str, shares: Sequence[float]) -> dict[str, Any]:
    """Kills a training at some of its moments, each in a folder of its own, and returns all.

    Args:
        folder: the folder of the pretrained model and the data.
        defense: the training method.
        shares: where the moments lie, 0 for the first and 1 for the last; empty for all of them.
    """
    expected = forked(lambda: whole(folder, folder / "whole", defense))
    if "moments" not in expected:
        raise SystemExit(f"without a kill: {expected}")
    last = expected["moments"]
    moments = sorted({1 + round(share * (last - 1)) for share in shares}) or range(1, last + 1)
    trials = []
    for moment in moments:
        output = folder / f"killed-{moment}"
        died = forked(lambda m=moment, o=output: killed(folder, o, defense, m))  # type: ignore[misc]
        after = forked(lambda o=output: again(folder, o, defense))  # type: ignore[misc]
        trials.append({"moment": moment, "died": died, "after": after})
    return {"expected": expected, "trials": trials}


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, method, *given = sys.argv[1:]
    answer = main(Path(place), method, [float(share) for share in given])
    (Path(place) / "found.json").write_text(json.dumps(answer))
