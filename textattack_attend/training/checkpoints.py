"""The folder of a training's checkpoints: each is seen there once it is whole, or not at all.

::

    checkpoints/
      card.json           the settings of the run
      adversarial.jsonl   the rows that the method found, if it looks for some
      checkpoint-36/      whole
      unfinished/         a checkpoint that is being written or deleted, or the trained model

A folder gets its name, or loses it, in one step. So whatever a killed process left lies in
``unfinished``, which the next start deletes.
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
"""Words of the errors of what writes files in PyTorch; they are of no class of their own."""
GOES_ON = (
    "free space, and the same command, without --overwrite, goes on from the last whole checkpoint"
)
_NUMBERED = re.compile(r"checkpoint-(\d+)")


def checkpoint_name(step: int) -> str:
    """Returns the name of the folder of a step's checkpoint, as transformers' ``Trainer`` has it.

    Args:
        step: the number of steps that were trained.
    """
    return f"checkpoint-{step}"


def newest_whole(checkpoints: Path) -> str | None:
    """Returns the folder of the newest checkpoint that can be resumed from; None without one.

    Older versions of this package saved in place, so that a checkpoint may lack its last file.

    Args:
        checkpoints: the folder of the checkpoints.
    """
    whole = {step: path for step, path in _numbered(checkpoints).items() if _is_whole(path)}
    return str(whole[max(whole)]) if whole else None


def clean(checkpoints: Path) -> None:
    """Deletes what a killed process left unfinished, and checkpoints that are not whole.

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
        checkpoint: the folder for it to be in.
    """
    written = checkpoint.parent / UNFINISHED / checkpoint.name
    settle(written)
    written.rename(checkpoint)
    synchronize(checkpoint.parent)


def keep_only(checkpoints: Path, names: Collection[str]) -> None:
    """Deletes the other checkpoints.

    Args:
        checkpoints: the folder of the checkpoints.
        names: the names of those to keep.
    """
    for path in _numbered(checkpoints).values():
        if path.name not in names:
            delete(path)


def delete(checkpoint: Path) -> None:
    """Deletes a checkpoint, which is gone at once, although its files go one after the other.

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
        folder: the folder.
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
    """Inside, a file that cannot be written is one line; what was written of it is deleted.

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
    """Whether a checkpoint has its state, which transformers writes last."""
    try:
        state = json.loads((checkpoint / TRAINER_STATE_NAME).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(state, dict)


def _delete_unfinished(checkpoints: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(checkpoints / UNFINISHED)
