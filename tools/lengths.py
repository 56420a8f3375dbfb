"""Measures what a structure costs in plain forward passes, on texts of several lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attention import run_rows
from textattack_attend.commands.common import examples_of
from textattack_attend.datasets import dataset_named
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.victims.victim import Victim

from .floor import timed
from .random_models import Size, demo_tokenizer, random_model
from .speed import warm_up
from .speed_victims import SST2

PASSES = 5
"""The number of plain forward passes before an attack and after it, whose median time counts."""
SURE = 10
"""The number by which the weights of a head are divided, so that its softmax is not saturated."""
FILLER = "film"
"""A word of one token, which fills up texts."""


@dataclass(frozen=True)
class LengthCost:
    """The cost of a structure on a text of one length.

    Args:
        tokens: the number of tokens of the text.
        plain: the seconds of a plain forward pass over the text alone.
        seconds: the seconds of the attack, with its clean pass and its gradient.
        queries: the number of structures that the attack evaluated.
    """

    tokens: int
    plain: float
    seconds: float
    queries: int

    @property
    def passes(self) -> float:
        """The time of the attack for a structure, in plain forward passes."""
        return self.seconds / self.queries / self.plain


def costs(size: Size, lengths: Sequence[int], sentences: Sequence[str]) -> Iterator[LengthCost]:
    """Attacks a text of each length, by HackAttend, on a model with random weights.

    The head is made for the text, so that no structure changes the answer, and the attack evaluates
    the same probes and the same number of candidates at every length.

    Args:
        size: the size of the model.
        lengths: the numbers of tokens.
        sentences: the sentences that are joined and cut to texts.
    """
    tokenizer = demo_tokenizer(max(lengths))
    model = random_model(size, tokenizer, max(lengths))
    wrapper = AttentionModelWrapper(model, tokenizer)
    attack = HackAttendLiong2024.build(wrapper)
    warm_up(wrapper, [(FILLER, 0), (FILLER, 1)])
    for tokens in lengths:
        text = text_of(wrapper.victim, sentences, tokens)
        be_sure(wrapper.victim, text)
        before = _plain(wrapper.victim, text)
        attack.attack(text, 0)  # what is taken from the system at first use is no part of the time
        result, seconds = timed(partial(attack.attack, text, 0))
        plain = median([*before, *_plain(wrapper.victim, text)])
        yield LengthCost(tokens, plain, seconds, result.perturbed_result.num_queries)


def be_sure(victim: Victim, text: str) -> None:
    """Gives a model a head that reads class 0 from what it reads of a text now."""
    head = [module for module in victim.model.modules() if isinstance(module, nn.Linear)][-1]
    read: list[Tensor] = []
    watch = head.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    victim.logits([text])
    watch.remove()
    direction = normalize(read[0].reshape(-1, head.in_features)[-1], dim=0)
    with torch.no_grad():
        head.weight.copy_(torch.stack([direction, -direction]) / SURE)


def text_of(victim: Victim, sentences: Sequence[str], tokens: int) -> str:
    """Returns a text of so many tokens for a victim: joined sentences, cut and filled up."""
    words = " ".join(sentences).split()
    fewest, most = 0, min(len(words), tokens)
    while fewest < most:
        middle = (fewest + most + 1) // 2
        if len(victim.tokens(" ".join(words[:middle]))) <= tokens:
            fewest = middle
        else:
            most = middle - 1
    text = words[:fewest]
    text += [FILLER] * (tokens - len(victim.tokens(" ".join(text))))
    return " ".join(text)


def sentences_of(shared: Path) -> list[str]:
    """Returns the sentences of SST-2's dev set."""
    return [text for text, _ in examples_of(dataset_named(f"{shared / SST2}"), 100)]


def _plain(victim: Victim, text: str) -> list[float]:
    """Returns the seconds of plain forward passes over a text alone."""
    inputs = victim.inputs.encode([text]).to(victim.model.device)
    with torch.inference_mode():
        return [
            timed(lambda: run_rows(victim.model, inputs).logits.cpu())[1] for _ in range(PASSES)
        ]
