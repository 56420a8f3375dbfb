"""Every measurement of every family: an answer, or one line that says why there is none."""

from __future__ import annotations

from functools import cache
from math import inf
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from textattack_attend.analysis.attention_shares import attention_shares
from textattack_attend.analysis.example import Example
from textattack_attend.analysis.robustness import fewest_matrices, smallest_fractions
from textattack_attend.analysis.sanity import findings
from textattack_attend.attack_recipes import HackAttendPlus
from textattack_attend.errors import UnsupportedModelError
from textattack_attend.models.wrappers import AttentionModelWrapper
from tools.__main__ import main as tools
from tools.speed import compare, time_attack

from ..conftest import BACKENDS
from ..helpers.tiny_families import CAUSAL, COMBINATIONS, USED, tiny_victim

TEXTS = ["the actor was never dull", "a good film"]
FASTEST = {use: backend for use, backend in COMBINATIONS}
"""Models take sdpa, which keeps no attention, if they have it."""
FEW = ("albert", "deberta", "t5 crosswise", "gpt2", "llama prompted")
"""One family of each kind, for measurements that take long."""


@cache
def measured(use: str) -> tuple[AttentionModelWrapper, list[Example]]:
    """A victim in one of its uses, and examples that it has right."""
    _, options = USED[use]
    victim = tiny_victim(use, FASTEST[use])
    model = victim.model.language_model if "prompt" in options else victim.model
    wrapper = AttentionModelWrapper(model, victim.tokenizer, **options)
    return wrapper, [(text, int(wrapper.victim.logits([text]).argmax())) for text in TEXTS]


@pytest.mark.parametrize("use", USED)
def test_speed(use: str) -> None:
    wrapper, examples = measured(use)
    *_, last = compare(wrapper, examples, mask_fraction=0.3)
    assert (last.attacked, last.differing) == (2, 0)
    assert last.token_layers > 0
    assert min(last.floor.forwards, last.floor.plain, last.floor.same_kernels) > 0


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_the_speed_command_takes_a_decoder(family: str, tmp_path: Path) -> None:
    victim = tiny_victim(family)
    victim.model.save_pretrained(tmp_path)
    victim.tokenizer.save_pretrained(tmp_path)
    label = int(victim.logits([TEXTS[1]]).argmax())
    (tmp_path / "data.tsv").write_text(f"{TEXTS[1]}\t{label}\n")
    given = ["--model", str(tmp_path), "--data", str(tmp_path / "data.tsv")]
    done = CliRunner().invoke(tools, ["speed", *given])
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["different", "decisions", "0"] in lines
    assert ["examples", "attacked", "1", "of", "1"] in lines


@pytest.mark.parametrize("use", FEW)
def test_robustness_and_strength(use: str) -> None:
    wrapper, examples = measured(use)
    (smallest,) = smallest_fractions(wrapper, examples[1:])
    assert 0 < smallest.fraction <= 1 or smallest.fraction == inf
    (fewest,) = fewest_matrices(wrapper, examples[1:])
    assert 0 < fewest <= smallest.shape.layers * smallest.shape.heads or fewest == inf
    attack = HackAttendPlus.build(wrapper, mask_fraction=0.05, spare_first_token=False)
    *_, timing = time_attack(attack, examples)
    assert timing.attacked == 2


@pytest.mark.parametrize("use", [*FEW, "bart", "modernbert", "opt prompted"])
def test_check(use: str) -> None:
    wrapper, examples = measured(use)
    assert list(findings(wrapper, examples[1:])) == []


@pytest.mark.parametrize("use", USED)
def test_attention(use: str) -> None:
    """Encoders whose first token is special are measured; the others say that theirs is not."""
    wrapper, examples = measured(use)
    family, options = USED[use]
    texts = [str(text) for text, _ in examples]

    def shares() -> torch.Tensor:
        *_, last = attention_shares(wrapper.victim, texts, {"the"}, {"dull"})
        return torch.tensor([*vars(last).values()])

    if family in (*CAUSAL, "t5") or (family == "bart" and "prompt" not in options):
        with pytest.raises(UnsupportedModelError, match="expected an encoder"):
            shares()
    else:
        torch.testing.assert_close(shares().sum(), torch.tensor(1.0))


def test_both_backends_are_measured() -> None:
    assert set(FASTEST.values()) == set(BACKENDS)
