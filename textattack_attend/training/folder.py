"""Begins, resumes and completes the output folder of a training.

A kill at any moment leaves a folder in which the same training goes on, or has ended. So the files
of the model are moved into the folder one after the other, each of them whole, and the weights are
the last: before them, transformers finds no model there.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

from ..checkpoints.card import CHECKPOINTS, NAME, WEIGHTS, Card, is_finished
from ..errors import InvalidInputError
from ..files import text_of
from ..files.writing import synchronize
from .checkpoints import clean, settle

OUTCOME = {
    "versions",
    "accuracy",
    "seconds",
    "step_seconds_ratio",
    "rows",
    "extra_rows",
    "extra_seconds",
    "identity",
    "schema",
}
"""The fields of a card that are no settings of the run, but its results and its libraries."""


def finished(card: Card, folder: Path) -> Card | None:
    """Returns the card of the same run if it has ended, and deletes the rest of its checkpoints.

    Args:
        card: the card of the run, before it begins.
        folder: the folder for the model.

    Raises:
        InvalidInputError: the folder holds the model of a run with other settings.
    """
    if not is_finished(folder):
        return None
    done = Card.of(folder)
    differing = _differing(card, done) - OUTCOME if done else set()
    if differing:
        raise InvalidInputError(
            f"{folder}: expected an empty folder, or one of an interrupted run, got the model of a "
            f"run with another {', '.join(sorted(differing))}; choose another, or overwrite it "
            "(--overwrite)"
        )
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return done


def begin(card: Card, folder: Path, overwrite: bool) -> None:
    """Makes the folder ``checkpoints`` of a run, or takes over that of an interrupted equal run.

    Args:
        card: the card of the run.
        folder: the folder for the model.
        overwrite: whether to delete the output of an earlier run first.

    Raises:
        InvalidInputError: the folder holds something else, or holds files that the run reads, or
            cannot be written.
    """
    _require_apart(card, folder)
    checkpoints = folder / CHECKPOINTS
    try:
        if overwrite:
            _delete(folder)
        if (checkpoints / NAME).is_file():
            clean(checkpoints)
            if _has_trained(checkpoints):
                _require_same(card, checkpoints / NAME)
        elif not _is_empty(folder):
            raise InvalidInputError(
                f"{folder}: expected an empty folder, or one of an interrupted run; choose "
                "another, or overwrite it (--overwrite)"
            )
        checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"{folder}: cannot be written ({error})") from error
    card.write(checkpoints)


def complete(model: Path, folder: Path) -> None:
    """Moves a saved model into its folder, and deletes the checkpoints.

    Args:
        model: the folder that the model was saved in, with its card, below the checkpoints.
        folder: the folder for the model.
    """
    settle(model)
    # A version of this package that saved in place may have been killed here.
    _delete_weights(folder)
    for path in sorted(model.iterdir(), key=lambda path: (path.name in WEIGHTS, path.name)):
        target = folder / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    synchronize(folder)
    shutil.rmtree(folder / CHECKPOINTS)


def _has_trained(checkpoints: Path) -> bool:
    """Returns whether a run left more than its card; otherwise other settings may replace it."""
    return any(not _is_card(path) for path in checkpoints.glob("*"))


def _is_empty(folder: Path) -> bool:
    """Returns whether a folder holds nothing, or only the card of a run that was killed early."""
    return all(
        path == folder / CHECKPOINTS or (path.parent.name == CHECKPOINTS and _is_card(path))
        for path in folder.rglob("*")
    )


def _is_card(path: Path) -> bool:
    """Returns whether a file is a card, or the temporary file of one."""
    return NAME in path.name


def _require_apart(card: Card, folder: Path) -> None:
    """Refuses an output folder from which the run reads its model, its data or its victim."""
    for read in (card.model, card.data, card.options.get("victim", "")):
        is_here = bool(read) and Path(read).exists()  # else it is a name on the hub
        if is_here and Path(read).resolve().is_relative_to(folder.resolve()):
            raise InvalidInputError(
                f"{folder}: expected a folder for the new model alone, but {read} is read from "
                "there; choose another"
            )


def _delete(folder: Path) -> None:
    """Deletes the files of an earlier run, and refuses a folder with any others.

    The weights go first, so that nobody loads the rest of the model, and the cards go last, because
    they show that a run of this package made the folder.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    checkpoints = folder / CHECKPOINTS
    if not ((folder / NAME).is_file() or (checkpoints / NAME).is_file()):
        raise InvalidInputError(
            f"{folder}: expected the output of an earlier run, with its {NAME}; only that is "
            "overwritten: delete the folder by hand, or choose another"
        )
    _delete_weights(folder)
    for path in [*folder.iterdir(), *checkpoints.glob("*")]:
        if path.is_dir() and not path.is_symlink():
            if path != checkpoints:
                shutil.rmtree(path)
        elif path.name != NAME:
            path.unlink()
    (checkpoints / NAME).unlink(missing_ok=True)
    (folder / NAME).unlink(missing_ok=True)


def _delete_weights(folder: Path) -> None:
    for name in WEIGHTS:
        (folder / name).unlink(missing_ok=True)


def _require_same(card: Card, path: Path) -> None:
    differing = _differing(card, Card.from_json(text_of(path), path))
    if differing:
        raise InvalidInputError(
            f"{path.parent.parent}: expected the settings of the interrupted run, got another "
            f"{', '.join(sorted(differing))}; choose another folder, or overwrite it (--overwrite)"
        )


def _differing(card: Card, other: Card) -> set[str]:
    """Returns the names of the fields that differ."""
    now, then = (json.loads(json.dumps(dataclasses.asdict(one))) for one in (card, other))
    return {name for name, value in now.items() if then[name] != value}
