"""The ways in which a model reads a question with its choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import require_one_of

FIELD = "choice_encoding"
"""The field of a model's configuration that names its encoding; without it, it is the default."""
DEFAULT = "whole-question"


@dataclass(frozen=True)
class ChoiceEncoding:
    """The way in which a model reads a context, a question and a choice in one sequence.

    Args:
        asked: a function that joins a question and a choice.
        spares_question: whether of a sequence that is too long the context alone is cut as long as
            a token of it is left; otherwise the longer of both parts is cut.
    """

    asked: Callable[[str, str], str]
    spares_question: bool


def behind_question(question: str, choice: str) -> str:
    """Returns the question with the choice behind it."""
    return f"{question} {choice}"


def in_gap(question: str, choice: str) -> str:
    """Returns the question with the choice in place of each ``_``, or behind it without one."""
    return question.replace("_", choice) if "_" in question else behind_question(question, choice)


CHOICE_ENCODINGS = {
    DEFAULT: ChoiceEncoding(behind_question, spares_question=True),
    "released": ChoiceEncoding(in_gap, spares_question=False),
}
"""The encodings by name; that of the HackAttend paper's code is ``released``."""


def choice_encoding_of(config: Any) -> str:
    """Returns the name of the encoding that a model's configuration asks for.

    Raises:
        InvalidInputError: there is no such encoding.
    """
    named: str = getattr(config, FIELD, DEFAULT)
    require_one_of(FIELD, named, list(CHOICE_ENCODINGS))
    return named
