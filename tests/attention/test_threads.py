"""Threads: whatever runs side by side on one model, every logit is right and nothing stays behind.

Without locks, four threads that called `Victim.logits` got 238 of 240 logits wrong.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attention import masked_attention
from textattack_attend.attention.forwards import changed_forwards
from textattack_attend.attention.threads import lock_of, one_thread
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim

from ..conftest import MakeVictim, hooks_of, random_texts

TEXTS = random_texts(12)


def masked(victim: Victim, text: str, seed: int = 0) -> Structure:
    """A structure of a few random units, in every layer."""
    shape = victim.empty_structure(text).shape
    draw = random.Random(f"{text} {seed}")
    units = [
        (layer, draw.randrange(shape.heads), draw.randrange(shape.tokens), key)
        for layer in range(shape.layers)
        for key in range(1, shape.tokens - 1)
    ]
    return Structure.from_units(shape, units)


def all_at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Starts each call in a thread of its own, all together, and returns their results."""
    ready = threading.Barrier(len(calls))

    def when_ready(call: Callable[[], Any]) -> Any:
        ready.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(when_ready, calls))


@pytest.fixture
def own_victim(make_victim: MakeVictim) -> Victim:
    return make_victim()


def test_logits_of_many_threads_are_those_of_one(own_victim: Victim) -> None:
    structures = [masked(own_victim, text) for text in TEXTS]
    pairs = list(zip(TEXTS, structures, strict=True))
    expected = [own_victim.logits([text], [structure]) for text, structure in pairs]
    clean = [own_victim.logits([text]) for text in TEXTS]
    assert sum(not torch.equal(a, b) for a, b in zip(expected, clean, strict=True)) > 9

    def every(turn: int) -> list[Tensor]:
        order = pairs[turn:] + pairs[:turn]
        found = [own_victim.logits([text], [structure]) for text, structure in order]
        return found[len(pairs) - turn :] + found[: len(pairs) - turn]

    for found in all_at_once([partial(every, turn) for turn in range(4)]):
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert hooks_of(own_victim.model) == []


def test_attacks_logits_and_plain_calls_do_not_meet(own_victim: Victim) -> None:
    """The stress test: two attacks, masked logits and plain calls, some of which raise."""
    wrapper = AttentionModelWrapper(own_victim.model, own_victim.tokenizer)
    examples = [(text, int(own_victim.logits([text]).argmax())) for text in TEXTS]
    inputs = [own_victim.inputs.encode([text]) for text in TEXTS]
    structures = [masked(own_victim, text) for text in TEXTS]

    def attacked(build: Any) -> Callable[[], Any]:
        attack = build(wrapper, mask_fraction=0.1)
        return lambda: [
            (type(result).__name__, result.structure, result.num_queries)
            for _ in range(2)
            for result in attack.attack_many(examples)
        ]

    def logits() -> list[list[float]]:
        return [
            wrapper.victim.logits([text], [structure])[0].tolist()
            for _ in range(4)
            for text, structure in zip(TEXTS, structures, strict=True)
        ]

    def plain() -> list[list[float]]:
        with torch.inference_mode():
            return [own_victim.model(**own).logits[0].tolist() for _ in range(20) for own in inputs]

    def raising() -> list[str]:
        said = []
        for text in TEXTS * 4:
            try:
                with masked_attention(own_victim.model, [masked(own_victim, text)]):
                    raise KeyError(text)
            except KeyError as error:
                said.append(str(error))
        return said

    calls = [attacked(HackAttendLiong2024.build), attacked(HackAttendPlus.build), logits, plain]
    alone = [call() for call in [*calls, raising]]
    together = all_at_once([*calls, plain, raising])
    assert together == [*alone[:4], alone[3], alone[4]]
    assert hooks_of(own_victim.model) == []


def test_a_plain_call_meets_no_mask_of_another_thread(own_victim: Victim) -> None:
    text = TEXTS[0]
    inputs = own_victim.inputs.encode([text])
    with torch.inference_mode():
        clean = own_victim.model(**inputs).logits
    found: list[Tensor] = []

    def plain() -> None:
        with torch.inference_mode():
            found.append(own_victim.model(**inputs).logits)

    with masked_attention(own_victim.model, [masked(own_victim, text)]):
        with torch.inference_mode():
            own = own_victim.model(**inputs).logits
        other = threading.Thread(target=plain)
        other.start()
        other.join()
    assert not torch.equal(own, clean)
    assert torch.equal(found[0], clean)


def test_a_second_thread_waits_until_the_first_is_done(own_victim: Victim) -> None:
    text = TEXTS[0]
    structure = masked(own_victim, text)
    expected = own_victim.logits([text], [structure])
    found: list[Tensor] = []
    with masked_attention(own_victim.model, [masked(own_victim, text, seed=1)]):
        second = threading.Thread(
            target=lambda: found.append(own_victim.logits([text], [structure]))
        )
        second.start()
        time.sleep(0.2)
        assert not found
        own_victim.model(**own_victim.inputs.encode([text]))
    second.join()
    assert torch.equal(found[0], expected)


def test_an_exception_in_one_thread_leaves_the_model_to_the_others(own_victim: Victim) -> None:
    text = TEXTS[0]
    before = own_victim.logits([text])

    def failing() -> None:
        two = masked_attention(own_victim.model, [masked(own_victim, text)] * 2)
        with pytest.raises(RuntimeError, match="a batch of"), two:
            own_victim.model(**own_victim.inputs.encode([text]))

    all_at_once([failing] * 4)
    assert hooks_of(own_victim.model) == []
    assert torch.equal(own_victim.logits([text]), before)


def test_layers_with_gradient_checkpoints_run_again_as_changed() -> None:
    """On a device the backward pass has threads of its own; here it is the caller's."""
    layer = nn.Linear(2, 2)
    rows = torch.ones(1, 2, requires_grad=True)

    def tripled(forward: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: 3 * forward(*args)

    with changed_forwards([layer], {0: tripled}):
        loss = torch.utils.checkpoint.checkpoint(layer, rows, use_reentrant=False).sum()
        loss.backward()
    assert rows.grad is not None
    assert torch.allclose(rows.grad, 3 * layer.weight.sum(0)[None])


def test_one_thread_gives_back_all_threads_whoever_leaves_last() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        all_at_once([lambda: _compute_on_one_thread()] * 8)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def _compute_on_one_thread() -> None:
    for _ in range(50):
        with one_thread():
            torch.ones(4, 4) @ torch.ones(4, 4)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_does_not_wait_for_threads_that_it_lacks(own_victim: Victim) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with masked_attention(own_victim.model, [masked(own_victim, TEXTS[0])]):
            held.set()
            release.wait(60)
            own_victim.model(**own_victim.inputs.encode(TEXTS[:1]))

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    try:
        clean = own_victim.model(**own_victim.inputs.encode(TEXTS[:1])).logits.detach()
        loaded = list(DataLoader(_Logits(own_victim), batch_size=None, num_workers=1, timeout=60))
    finally:
        release.set()
        holder.join()
    assert torch.equal(loaded[0], clean)


class _Logits(torch.utils.data.Dataset[Tensor]):
    """One item: clean logits, computed where it is loaded."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim

    def __len__(self) -> int:
        return 1

    def __getitem__(self, position: int) -> Tensor:
        if position:
            raise IndexError
        torch.set_num_threads(1)
        with lock_of(self.victim.model), torch.no_grad():
            logits: Tensor = self.victim.model(**self.victim.inputs.encode(TEXTS[:1])).logits
        return logits
