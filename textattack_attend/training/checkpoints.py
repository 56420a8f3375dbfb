"""Writes and deletes the checkpoints of a training so that each is seen whole, or not at all.

::

    checkpoints/
      card.json           the settings of the run
      adversarial.jsonl   the rows that the method found, if it looks for some
      checkpoint-36/      whole
      unfinished/         a checkpoint that is being written or deleted, or the trained model

A folder gets its name, or loses it, in one step. So everything that a killed process left behind
lies in ``unfinished``, which the next start deletes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError
from transformers.trainer import TRAINER_STATE_NAME

from ..errors import AttendError, SavingError
from ..errors.printable import in_one_line
from ..files.writing import synchronize

UNFINISHED = "unfinished"
TORCH_WRITERS = ("inline_container", "iostream error")
"""Words in the errors that PyTorch raises when it cannot write a file, as they have no class."""
GOES_ON = (
    "free space, and the same command, without --overwrite, goes on from the last whole checkpoint"
)
_NUMBERED = re.compile(r"checkpoint-(\d+)")


def checkpoint_name(step: int) -> str:
    """Returns the name that transformers' ``Trainer`` gives to the folder of a step's checkpoint.

    Args:
        step: the number of steps that were trained.
    """
    return f"checkpoint-{step}"


def newest_whole(checkpoints: Path) -> str | None:
    """Returns the folder of the newest checkpoint from which a run can resume, or None.

    Older versions of this package saved in place, so a checkpoint may lack its last file.

    Args:
        checkpoints: the folder of the checkpoints.
    """
    whole = {step: path for step, path in _numbered(checkpoints).items() if _is_whole(path)}
    return str(whole[max(whole)]) if whole else None


def clean(checkpoints: Path) -> None:
    """Deletes unfinished files of a killed process, and checkpoints that are not whole.

    Args:
        checkpoints: the folder of the checkpoints.
    """
    _delete_unfinished(checkpoints)
    for path in _numbered(checkpoints).values():
        if not _is_whole(path):
            delete(path)


def publish(checkpoint: Path) -> None:
    """Moves a checkpoint out of ``unfinished`` once all of it is on the disk.

    Args:
        checkpoint: the folder in which the checkpoint is to be.
    """
    written = checkpoint.parent / UNFINISHED / checkpoint.name
    settle(written)
    written.rename(checkpoint)
    synchronize(checkpoint.parent)


def keep_only(checkpoints: Path, names: Collection[str]) -> None:
    """Deletes all checkpoints except those that are named.

    Args:
        checkpoints: the folder of the checkpoints.
        names: the names of the checkpoints to keep.
    """
    for path in _numbered(checkpoints).values():
        if path.name not in names:
            delete(path)


def delete(checkpoint: Path) -> None:
    """Deletes a checkpoint, which disappears at once, although its files are deleted one by one.

    Args:
        checkpoint: the folder of the checkpoint.
    """
    unfinished = checkpoint.parent / UNFINISHED
    unfinished.mkdir(exist_ok=True)
    checkpoint.rename(unfinished / checkpoint.name)
    _delete_unfinished(checkpoint.parent)


def settle(folder: Path) -> None:
    """Gives all files of a new folder one mode, and waits until they are on the disk.

    The mode is that of every new file, which the umask decides. Files of safetensors have another,
    which only their owner can read.

    Args:
        folder: the folder whose files are to be settled.
    """
    probe = folder / ".mode"
    probe.touch()
    mode = probe.stat().st_mode & 0o7777
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)
        synchronize(path)
    synchronize(folder)


@contextmanager
def saving(checkpoints: Path) -> Iterator[None]:
    """Reports in one line, inside the context, a file that cannot be written, and deletes its rest.

    Args:
        checkpoints: the folder of the checkpoints.

    Raises:
        SavingError: a file cannot be written, as on a full disk.
    """
    try:
        yield
    except (AttendError, OSError, RuntimeError, SafetensorError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        with suppress(OSError):
            _delete_unfinished(checkpoints)
        raise SavingError(
            f"{checkpoints.parent}: expected a folder in which the training can be saved, got an "
            f"error ({reason}); {GOES_ON}"
        ) from error


def _reason(error: Exception) -> str | None:
    """Returns why a file could not be written; None for an error of another kind."""
    if isinstance(error, AttendError):  # of a file that this package writes
        return str(error.__cause__) if isinstance(error.__cause__, OSError) else None
    if isinstance(error, RuntimeError) and any(word in str(error) for word in TORCH_WRITERS):
        return "PyTorch could not write all of a file"
    is_of_a_file = isinstance(error, OSError | SafetensorError)
    return in_one_line(str(error)) if is_of_a_file else None


def _numbered(checkpoints: Path) -> dict[int, Path]:
    """Returns the folders of checkpoints by their steps."""
    found = ((_NUMBERED.fullmatch(path.name), path) for path in checkpoints.glob("*"))
    return {int(match[1]): path for match, path in found if match and path.is_dir()}


def _is_whole(checkpoint: Path) -> bool:
    """Returns whether a checkpoint has its state, which transformers writes last."""
    try:
        state = json.loads((checkpoint / TRAINER_STATE_NAME).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(state, dict)


def _delete_unfinished(checkpoints: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(checkpoints / UNFINISHED)
