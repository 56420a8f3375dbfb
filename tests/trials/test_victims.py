"""Trials of victims in Python: what decides an answer decides the identity, too."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attacks import attack as attack_module
from textattack_attend.attention import masked_attention
from textattack_attend.identity.content import digest_of_code
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim

from ..conftest import MakeVictim, random_texts
from .trial import Trial, table

TEXT = "the film was never quite funny"
MADE: list[MakeVictim] = []
"""Makes tiny victims; the fixture fills it."""


@pytest.fixture(autouse=True, scope="module")
def made(make_victim: MakeVictim) -> Iterator[None]:
    MADE.append(make_victim)
    yield
    MADE.clear()


class Scaled(nn.Tanh):
    """An activation with an attribute of any kind, by which it scales."""

    def __init__(self, by: Any) -> None:
        super().__init__()
        self.by = by

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return super().forward(rows * (self.by() if callable(self.by) else self.by))


def number(value: float) -> float:
    return value


def told_apart(change: Callable[[Victim, float], None]) -> Callable[[Path], Any]:
    """Whether 1 and 2 give different logits, and different identities; 1 twice gives the same."""

    def tell(folder: Path) -> tuple[bool, bool, bool]:
        victims = []
        for value in (1.0, 1.0, 2.0):
            victims.append(MADE[0]())
            change(victims[-1], value)
        one, again, two = (victim.identity().name for victim in victims)
        logits = [victim.logits([TEXT]) for victim in victims]
        return one == again, one != two, not torch.equal(logits[0], logits[2])

    return tell


def pooled(by: Callable[[float], Any]) -> Callable[[Path], Any]:
    """`told_apart` for an attribute of the activation of the pooler."""

    def change(victim: Victim, value: float) -> None:
        victim.model.bert.pooler.activation = Scaled(by(value))

    return told_apart(change)


def own_forward(victim: Victim, value: float) -> None:
    pooler: Any = victim.model.bert.pooler
    forward = pooler.forward
    pooler.forward = lambda rows: forward(rows) * value


def hook(victim: Victim, value: float) -> None:
    victim.model.bert.pooler.register_forward_hook(lambda module, given, rows: rows * value)


def recursive(value: float) -> Callable[[], float]:
    """A function that holds itself, and, before it is called, an empty cell."""

    def count(left: int = 2) -> float:
        return count(left - 1) if left else value + unassigned

    def by() -> float:
        return count()

    unassigned = 0.0
    return by


def code_elsewhere(folder: Path) -> tuple[bool, bool]:
    """Whether a helper on Python's path counts, and an installed package does not."""
    (folder / "attacks").mkdir()
    (folder / "path").mkdir()
    attacks, helper = folder / "attacks" / "own.py", folder / "path" / "helper_of_a_trial.py"
    attacks.write_text("import helper_of_a_trial, numpy, textattack_attend\n")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "path")
        for text in ("SHARE = 1\n", "SHARE = 1\n", "SHARE = 2\n"):
            helper.write_text(text)
            importlib.invalidate_caches()
            found.append(digest_of_code(attacks))
    return found[0] == found[1], found[0] != found[2]


def first_result(folder: Path) -> bool:
    """Whether the first result is there before all examples have been begun."""
    victim = MADE[0]()
    attack = HackAttendLiong2024.build(AttentionModelWrapper(victim.model, victim.tokenizer))
    texts = random_texts(3 * attack_module.SIDE_BY_SIDE)
    begun: list[str] = []

    def examples() -> Iterator[tuple[str, int]]:
        for text in texts:
            begun.append(text)
            yield text, int(victim.logits([text]).argmax())

    next(attack.attack_many(examples()))
    return len(begun) <= attack_module.SIDE_BY_SIDE + 1


def shared_encoder(folder: Path) -> tuple[bool, bool]:
    """An attack on one model while another thread has masked the encoder that both share."""
    first, second = MADE[0](), MADE[0](seed=1)
    second.model.bert = first.model.bert
    other = Victim(second.model, second.tokenizer)
    structure = Structure.whole(first.empty_structure(TEXT).shape, [(0, 0)])
    warned: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: warned.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("textattack_attend").addHandler(handler)
    names = []
    reading = threading.Thread(target=lambda: names.append(other.identity().name))
    before = other.identity().name
    try:
        with masked_attention(first.model, [structure]):
            reading.start()
            reading.join()
            first.model(**first.inputs.encode([TEXT]))
            other.read([TEXT], [None])
    finally:
        logging.getLogger("textattack_attend").removeHandler(handler)
    return not warned, names == [before]


def attacked_as(label: Any, folder: Path) -> Any:
    victim = MADE[0]()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    return HackAttendLiong2024.build(wrapper).attack(TEXT, label)


TRIALS = [
    Trial("a number of a module", pooled(lambda value: value), answer=(True, True, True)),
    Trial("a plain tensor of a module", pooled(torch.tensor), answer=(True, True, True)),
    Trial("a closure", pooled(lambda value: lambda: value), answer=(True, True, True)),
    Trial("a function that holds itself", pooled(recursive), answer=(True, True, True)),
    Trial("a partial", pooled(lambda value: partial(number, value)), answer=(True, True, True)),
    Trial("an own forward of a module", told_apart(own_forward), answer=(True, True, True)),
    Trial("a closure of a hook", told_apart(hook), answer=(True, True, True)),
    Trial("a helper of an attack elsewhere on the path", code_elsewhere, answer=(True, True)),
    Trial("the first result of many", first_result, answer=True),
    Trial("two models that share an encoder", shared_encoder, answer=(True, True)),
    Trial(
        "no text at all",
        lambda folder: list(MADE[0]().logits([]).shape),
        answer=[0, 3],
    ),
    Trial(
        "a text instead of a list",
        lambda folder: MADE[0]().logits(TEXT),
        line="expected a list of texts, got the text 'the film",
    ),
    *(
        Trial(
            f"the label {label!r}",
            partial(attacked_as, label),
            line="label: expected the number of a class, 0 to 2, got .*; give that number as",
        )
        for label in (1.0, True)
    ),
    Trial(
        "the label '0'",
        partial(attacked_as, "0"),
        line="label: expected the number .*, as the model has no names for them, got '0'",
    ),
]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)
