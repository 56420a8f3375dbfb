"""Replay: a structure file is run again, on the victim that it was found on or on another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor

from ..data.texts import Text
from ..errors import StructureMismatchError
from ..identity import Identity
from ..identity.record import PARTS
from ..structures import Structure


@dataclass(frozen=True)
class Replay:
    """The result of running a structure file again.

    Args:
        text: the text, which is that of the file unless another one was given.
        structure: the structure of the file.
        logits: the victim's logits for the text under the structure, float32 (C,).
        clean_logits: the victim's logits for the text with nothing masked, float32 (C,).
        found_on: the victim that the structure was found on; None if the file is of version 1.
        differing: the parts and settings in which the victim differs from that one.
    """

    text: Text
    structure: Structure
    logits: Tensor
    clean_logits: Tensor
    found_on: Identity | None
    differing: tuple[str, ...]

    @property
    def flips(self) -> bool:
        """True if the victim predicts another class under the structure than without it."""
        return int(self.logits.argmax()) != int(self.clean_logits.argmax())

    @property
    def is_transfer(self) -> bool:
        """True if the structure was found on another model, whatever the settings are."""
        return any(part in self.differing for part in PARTS)


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


@contextmanager
def fitting(path: str | os.PathLike[str]) -> Iterator[None]:
    """Names the structure file in the error of a structure that does not fit.

    Raises:
        StructureMismatchError: the structure does not fit the victim, or the text.
    """
    try:
        yield
    except StructureMismatchError as error:
        raise StructureMismatchError(f"{path}: {error}") from error
