"""DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

``dream`` has all questions, ``dream-first`` the first one of each dialogue.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..cells import require_text, require_texts
from .registry import PUBLISHED, Entries, Example, PublishedSet, json_list


def _questions(path: Path) -> Entries:
    """Yields the questions of DREAM, each with its turns, and an entry of another form as it is."""
    for place, entry in json_list(path):
        match entry:
            case [turns, [*questions], _]:
                for asked in questions:
                    yield place, (turns, asked)
            case _:
                yield place, entry


def _example(entry: Any, place: str) -> Example:
    turns, asked = entry
    choices = require_texts(asked["choice"], place)
    if choices.count(asked["answer"]) != 1:
        raise ValueError(f"{choices.count(asked['answer'])} choices are the answer")
    context = " ".join(require_texts(turns, place))
    question = require_text(asked["question"], place)
    return (context, question, *choices), choices.index(asked["answer"])


def _first_of_each_dialogue(entries: Entries) -> Entries:
    """Yields the first question of each dialogue, and an entry of another form as it is."""
    before = None
    for place, entry in entries:
        turns = entry[0] if isinstance(entry, tuple) else None
        if turns is None or turns != before:
            yield place, entry
        before = turns


dream = PUBLISHED.register(
    "dream",
    PublishedSet(
        _questions,
        _example,
        "(turns, questions, id) with an answer among its choices",
        files=("train.json", "dev.json"),
        is_multiple_choice=True,
    ),
)
dream_first = PUBLISHED.register("dream-first", replace(dream, chosen=_first_of_each_dialogue))
"""The questions that the code behind the paper's tables asks."""
