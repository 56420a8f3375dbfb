"""Errors a user can cause; each message says what was expected, what came and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AttendError(Exception):
    """Base of every error this package raises on purpose."""


class UnsupportedModelError(AttendError):
    """The model or tokenizer cannot be attacked by this package."""


class InvalidInputError(AttendError, ValueError):
    """An option, a text or a label is outside what the attack accepts."""


class StructureMismatchError(AttendError, ValueError):
    """A structure belongs to another model, or to a text of another length."""


class ModelOutputError(AttendError):
    """The model answered with logits that cannot be judged (NaN or infinite)."""


class TrainingDivergedError(AttendError):
    """A loss became NaN or infinite in training."""


class StoreError(AttendError):
    """The file of a benchmark's results cannot be read or written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
