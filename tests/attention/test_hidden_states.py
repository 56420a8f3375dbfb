"""The hidden states that a capture records, against those of transformers; nothing stays."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from textattack_attend.attention.hidden_states import recorded_hidden_states, recorded_outputs
from textattack_attend.victims.victim import Victim

from ..conftest import MakeVictim, hooks_of
from ..helpers.tiny_families import tiny_victim

TEXT = "the film was quite good"


def hidden_of(victim: Victim) -> tuple[torch.Tensor, ...]:
    (run,) = victim.forward_passes([TEXT], [], [None])
    return run.sequences[0].hidden


@pytest.mark.parametrize("family", ["bert", "distilbert", "electra", "roberta"])
def test_they_are_those_of_transformers(make_victim: MakeVictim, family: str) -> None:
    victim = make_victim(family)
    require_those_of_transformers(victim)


def test_they_are_those_of_transformers_where_layers_share_their_weights() -> None:
    require_those_of_transformers(tiny_victim("albert"))


def require_those_of_transformers(victim: Victim) -> None:
    found = hidden_of(victim)
    assert hooks_of(victim.model) == []
    pickle.dumps(victim.model)
    inputs = victim.tokenizer(TEXT, return_tensors="pt")
    with torch.no_grad():
        expected = victim.model(**inputs, output_hidden_states=True).hidden_states
    assert len(found) == len(expected) == victim.model.config.num_hidden_layers + 1
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other[0], atol=1e-6, rtol=1e-6)


class Doubling(nn.Module):
    def forward(self, hidden_states: torch.Tensor, factor: int = 2) -> tuple[torch.Tensor, str]:
        return hidden_states * factor, "attention"


def test_layers_by_hand() -> None:
    """The third layer, the first one again, gets its input by name."""
    first, second = Doubling(), Doubling()
    one = torch.ones(1, 1, 1)
    with recorded_hidden_states([first, second, first]) as states:
        first(hidden_states=second(first(one)[0], factor=3)[0])
    assert [float(state) for state in states.values()] == [1, 2, 6, 12]
    with recorded_hidden_states([]) as nothing:
        first(one)
    assert nothing == {}


def test_every_call_of_a_module_is_recorded_until_the_end() -> None:
    module = Doubling()
    with recorded_outputs(module) as outputs:
        module(torch.ones(1))
        module(torch.ones(1), factor=5)
    module(torch.ones(1))
    assert [float(output) for output in outputs] == [2, 5]
    assert "forward" not in vars(module)
