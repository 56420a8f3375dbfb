"""Replay: a structure file is run again on the victim that it was found on."""

from __future__ import annotations

import os
from dataclasses import dataclass

from torch import Tensor

from ..data.texts import Text
from ..errors import StructureMismatchError
from ..identity import Identity
from ..structures import Structure


@dataclass(frozen=True)
class Replay:
    """The result of running a structure file again.

    Args:
        text: the text of the file.
        structure: the structure of the file.
        logits: the victim's logits for the text under the structure, float32 (C,).
    """

    text: Text
    structure: Structure
    logits: Tensor


def require_same_victim(
    path: str | os.PathLike[str], found_on: Identity | None, own: Identity
) -> None:
    """Refuses a structure file of another victim.

    Args:
        path: the file, which the message names.
        found_on: the victim that the file names; None if the file is of version 1.
        own: the victim that is to replay it.

    Raises:
        StructureMismatchError: the file names another victim, or does not name its whole victim.
    """
    if found_on is None:
        raise StructureMismatchError(
            f"{path}: expected a file that names its whole victim, got one of format version 1, "
            "which names a sample of the weights; save the structure again, or pass any_model=True"
        )
    if differing := found_on.differing(own):
        raise StructureMismatchError(
            f"{path}: expected a structure of this victim ({own.name}), got one that was found on "
            f"another model ({found_on.name}), which differs in {', '.join(differing)}; pass "
            "any_model=True to replay it all the same"
        )
