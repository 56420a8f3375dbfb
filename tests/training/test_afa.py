"""AFA: the policy, what it samples, the signs, and a step by hand."""

from __future__ import annotations

import logging
from itertools import permutations
from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import TrainerCallback

from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.training.defenses import AFA, Defense, defense_of
from textattack_attend.training.defenses.word_policy import explored, policy_over, sampled

from ..conftest import hooks_of, tiny_model
from ..helpers.defense_steps import FAMILIES, batch, trainer, without_dropout
from ..helpers.tiny_families import tiny

WORDS = torch.tensor([[False, True, True, True, False]])
POLICY = torch.tensor([[0.0, 0.5, 0.3, 0.2, 0.0]])


def test_the_policy_is_attention_to_words() -> None:
    attention = torch.tensor([[0.3, 0.3, 0.1, 0.2, 0.1]])
    expected = torch.tensor([[0.0, 0.6, 0.2, 0.4, 0.0]]) / 1.2
    torch.testing.assert_close(policy_over(WORDS, attention), expected)


def test_exploration_mixes_in_a_uniform_draw() -> None:
    found = explored(POLICY, WORDS, 0.4)
    torch.testing.assert_close(found, torch.tensor([[0.0, 1.3, 0.94, 0.76, 0.0]]) / 3)
    assert torch.equal(explored(POLICY, WORDS, 0.0), POLICY)
    torch.testing.assert_close(explored(POLICY, WORDS, 1.0), WORDS / 3)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_decoders_policy_is_that_of_its_last_token(
    family: str, side: str, tmp_path: Path, vocabulary: Path
) -> None:
    """The policy of two layers' first head, by hand; the last token and padding are no words."""
    model: Any = without_dropout(tiny(family, "eager"))
    model.config.pad_token_id = 0
    options = AFA(exploration=0.5, layers=(0, 1), heads=(0,))
    training: Any = trainer(options, model, tmp_path, vocabulary)
    inputs = batch()
    if side == "left":
        inputs = {n: rows.roll(3, 1) if rows.ndim > 1 else rows for n, rows in inputs.items()}
        inputs["attention_mask"][[0, 2]] = inputs["attention_mask"][1].clone()
        inputs["input_ids"] *= inputs["attention_mask"]
    seen: list[Tensor] = []
    training._watch = lambda policy, words, deception: seen.extend([policy.detach(), words])
    training.training_step(model, dict(inputs))
    policy, words = seen
    attentions = model(**inputs, output_attentions=True).attentions
    for row in range(3):
        real = inputs["attention_mask"][row].bool()
        ids = inputs["input_ids"][row]
        last = int(real.nonzero()[-1])
        is_word = real & (ids > 4) & (torch.arange(9) != last)
        assert torch.equal(words[row], is_word)
        attention = (attentions[0][row, 0, last] + attentions[1][row, 0, last]) * is_word
        expected = 0.5 * attention / attention.sum() + 0.5 * is_word / is_word.sum()
        torch.testing.assert_close(policy[row], expected, atol=1e-5, rtol=1e-4)


def test_texts_without_words_are_refused(tmp_path: Path, vocabulary: Path) -> None:
    training: Any = trainer(AFA(), tiny_model("bert"), tmp_path, vocabulary)
    inputs = batch()
    inputs["input_ids"][:] = 2
    with pytest.raises(InvalidInputError, match="afa: expected texts with words to mask, got 3"):
        training.training_step(training.model, inputs)


def test_layers_that_the_model_lacks_are_refused(tmp_path: Path, vocabulary: Path) -> None:
    with pytest.raises(InvalidInputError, match="layers: expected numbers from 0 to"):
        trainer(AFA(layers=(9,)), tiny_model("bert"), tmp_path, vocabulary)
    with pytest.raises(InvalidInputError, match="heads: expected numbers from 0 to"):
        trainer(AFA(heads=(9,)), tiny_model("bert"), tmp_path, vocabulary)


def test_samples_come_as_often_as_their_likelihood_says() -> None:
    """Two of three words in order: each order's frequency, and the likelihood that is given."""
    torch.manual_seed(0)
    rows = 20000
    drawn, likelihood = sampled(POLICY.expand(rows, -1), WORDS.expand(rows, -1), 2 / 3)
    assert (drawn.sum(1) == 2).all()
    by_hand = {
        (a, b): log(POLICY[0, a]) + log(POLICY[0, b] / (1 - POLICY[0, a]))
        for a, b in permutations([1, 2, 3], 2)
    }
    given = {round(float(value), 4) for value in likelihood}
    assert given == {round(value, 4) for value in by_hand.values()}
    for order, value in by_hand.items():
        share = float((likelihood - value).abs().lt(1e-4).float().mean())
        twins = [o for o, v in by_hand.items() if abs(v - value) < 1e-4]
        expected = sum(2.718281828 ** by_hand[o] for o in twins)
        assert share == pytest.approx(expected, abs=0.015), order


def test_words_that_chance_draws_have_the_likelihood_of_the_policy() -> None:
    """One of three words: each as often as the others, and the policy's own logarithm."""
    torch.manual_seed(0)
    rows = 9000
    chance = WORDS.float().expand(rows, -1)
    drawn, likelihood = sampled(POLICY.expand(rows, -1), WORDS.expand(rows, -1), 1 / 3, chance)
    assert drawn.float().mean(0).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0], abs=0.02)
    torch.testing.assert_close(likelihood, (POLICY * drawn).sum(1).log())


def test_at_least_one_word_is_drawn_and_never_another_token() -> None:
    torch.manual_seed(0)
    for _ in range(50):
        drawn, likelihood = sampled(POLICY, WORDS, 0.01)
        assert drawn.sum() == 1
        assert not (drawn & ~WORDS).any()
        assert torch.isfinite(likelihood).all()


def test_a_policy_of_one_word_has_finite_likelihoods() -> None:
    certain = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]])
    drawn, likelihood = sampled(certain, WORDS, 1.0)
    assert drawn.sum() == 3
    assert torch.isfinite(likelihood).all()


class Fixed(torch.nn.Module):
    """A discriminator that answers what it is told."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, rows: Tensor) -> Tensor:
        return self.logits.repeat(2, 1)


def test_a_step_is_the_tasks_loss_and_the_policys(
    tmp_path: Path, vocabulary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With known samples and rewards: gradients by hand; deceived rows lose attention."""
    model = without_dropout(tiny_model("bert", "eager"))
    training: Any = trainer(AFA(weight=0.7), model, tmp_path, vocabulary)
    rewards = torch.tensor([[2.0], [-1.0], [0.5]])
    training.companion = Fixed(rewards)
    training._baseline = 0.4
    masked = torch.zeros(3, 9, dtype=torch.bool)
    masked[[0, 1, 2], [2, 3, 4]] = True

    def one_word(policy: Tensor, words: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        return masked, (policy * masked).sum(-1).log()

    monkeypatch.setattr("textattack_attend.training.defenses.afa.sampled", one_word)
    loss = training.training_step(model, batch())
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    assert hooks_of(model) == []

    model.zero_grad()
    inputs = batch()
    output = model(**inputs, output_attentions=True)
    words = inputs["attention_mask"].bool() & (inputs["input_ids"] > 4)
    to_words = output.attentions[-1][:, :, 0].mean(1) * words
    chosen = (to_words * masked).sum(-1) / to_words.sum(-1)
    advantage = rewards[:, 0].sigmoid() - 0.4
    expected = output.loss + 0.7 * (advantage * chosen.log()).mean()
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    own = [p.grad for p in model.parameters() if p.grad is not None]
    for one, other in zip(found, own, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)
    mean = float(rewards.sigmoid().mean())
    assert training._baseline == pytest.approx(0.9 * 0.4 + 0.1 * mean)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_weight_trains_as_usual_bit_for_bit(
    family: str, tmp_path: Path, vocabulary: Path
) -> None:
    trained = []
    for defense in (Defense(), AFA(weight=0.0)):
        model = tiny_model(family)
        trainer(defense, model, tmp_path / defense.name, vocabulary).train()
        trained.append(model.state_dict())
    for name, weight in trained[0].items():
        assert torch.equal(weight, trained[1][name])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_discriminator_learns_and_is_logged(
    family: str, tmp_path: Path, vocabulary: Path
) -> None:
    model = tiny_model(family)
    training: Any = trainer(AFA(), model, tmp_path, vocabulary, logging_steps=1)
    before = [w.clone() for w in training.companion.parameters()]
    training.train()
    after = list(training.companion.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    logged = [entry for entry in training.state.log_history if "loss" in entry]
    assert all(0 < entry["deception"] < 1 and 0 < entry["entropy"] <= 1 for entry in logged)
    assert len(logged) == 3


class StopAfterOne(TrainerCallback):
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop = True


def test_a_resumed_run_has_its_discriminator(tmp_path: Path, vocabulary: Path) -> None:
    ends = []
    for steps in ([3], [1, 3]):
        folder = tmp_path / str(len(steps))
        for number, last in enumerate(steps):
            model = tiny_model("bert")
            training: Any = trainer(AFA(), model, folder, vocabulary, save_steps=1)
            training.args.max_steps = 3
            if last == 1:
                training.add_callback(StopAfterOne())
            training.train(resume_from_checkpoint=bool(number))
        ends.append([*model.parameters(), *training.companion.parameters()])
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_a_collapse_is_said_once(
    tmp_path: Path, vocabulary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    training: Any = trainer(AFA(), tiny_model("bert"), tmp_path, vocabulary)
    certain = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            training._watch(certain, WORDS, torch.tensor([0.5]))
    assert caplog.text.count("the masking policy collapsed") == 1


def test_a_model_with_two_stacks_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="afa: expected a model whose head reads"):
        trainer(AFA(), tiny("bart"), tmp_path, vocabulary)


def test_options_that_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"mask_share: expected a share in \[0, 1\)"):
        defense_of("afa", mask_share=1.5)
