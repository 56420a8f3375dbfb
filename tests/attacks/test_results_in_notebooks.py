"""Results as a notebook shows them: the texts, the figure and the file, with every text escaped."""

from __future__ import annotations

import pickle
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from textattack_attend import AttentionModelWrapper, HackAttendPlus, plot_attention
from textattack_attend.attacks.results import (
    FailedAttackResult,
    SkippedAttackResult,
    StructureAttackResult,
    SuccessfulAttackResult,
)
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper as Wrapper

TEXT = "the acting is superb but the plot never comes alive"
HOSTILE = "the acting is superb but the <script>alert(1)</script> plot \x1b[31m never comes alive"
SIGN = "\N{RIGHTWARDS ARROW}"


@pytest.fixture(scope="module")
def wrapper() -> Wrapper:
    return AttentionModelWrapper.from_pretrained("attend-demo")


@pytest.fixture(scope="module")
def success(wrapper: Wrapper) -> StructureAttackResult:
    result = HackAttendPlus.build(wrapper).attack(TEXT)
    assert isinstance(result, SuccessfulAttackResult)
    return result


def words_of(html: str) -> list[str]:
    """Returns the texts of a fragment, which must be well-formed."""
    return [text.strip() for text in ElementTree.fromstring(html).itertext() if text.strip()]


def predicted(result: StructureAttackResult) -> tuple[str, str]:
    return (
        result.original_result.get_colored_output(),
        result.perturbed_result.get_colored_output(),
    )


def test_a_success_shows_what_changed_and_what_is_masked(success: StructureAttackResult) -> None:
    words = words_of(success._repr_html_())
    before, after = predicted(success)
    assert words[:3] == ["Success", f": {before} {SIGN} {after}", TEXT]
    assert words[3] == "masked 3 attention units in 3 of 48 matrices (0.04% of all units)"
    assert words[6:] == [
        *("L0 H1", "never -> plot"),
        *("L2 H6", "never -> but"),
        *("L3 H4", "superb -> but"),
    ]
    assert repr(success) == (
        f"<SuccessfulAttackResult: {before} --> {after}; masked 3 attention units in 3 of 48 "
        "matrices (0.04% of all units)>"
    )


def test_a_failure_and_a_skipped_text_say_so(wrapper: Wrapper) -> None:
    weak = HackAttendPlus.build(wrapper, mask_fraction=1e-6, rounds=1)
    failed = weak.attack("a wonderful and moving film")
    assert isinstance(failed, FailedAttackResult)
    before, after = predicted(failed)
    words = words_of(failed._repr_html_())
    assert words[0] == "Failed, the last structure that was tested"
    assert words[1] in (f": {before}", f": {before} {SIGN} {after}")
    assert "[FAILED]" in repr(failed)
    skipped = weak.attack(TEXT, "positive")
    assert isinstance(skipped, SkippedAttackResult)
    assert words_of(skipped._repr_html_()) == [
        "Skipped, as the goal is reached without an attack",
        f": {predicted(skipped)[0]}",
        TEXT,
    ]
    assert repr(skipped) == f"<SkippedAttackResult: {predicted(skipped)[0]} --> [SKIPPED]>"


def test_a_text_is_text(wrapper: Wrapper) -> None:
    html = HackAttendPlus.build(wrapper).attack(HOSTILE)._repr_html_()
    assert "<script" not in html
    assert "\x1b" not in html
    assert HOSTILE.replace("\x1b", r"\x1b") in words_of(html)


def test_the_figure_shows_the_head_that_lost_most_attention(
    success: StructureAttackResult, wrapper: Wrapper
) -> None:
    found = success.attention()
    clean = wrapper.victim.capture(TEXT, None).probabilities.numpy()
    lost = {
        (layer, head): clean[layer, head, query, key]
        for layer, head, query, key in success.structure.units.tolist()
    }  # each of the three matrices has one masked unit
    assert (found.layer, found.head) == max(lost, key=lost.__getitem__)
    np.testing.assert_allclose(found.before, clean[found.layer, found.head], atol=1e-6)
    ((query, key),) = found.masked
    assert found.after[query, key] == 0
    assert (found.tokens[query], found.tokens[key]) == ("never", "plot")


def test_plot_and_plot_attention_draw_the_same(success: StructureAttackResult) -> None:
    found = success.attention()
    for figure in (
        success.plot(),
        plot_attention(success),
        plot_attention(found),
        plot_attention(found.before, found.after, found.tokens, found.masked, "a title"),
        plot_attention(
            before=found.before, after=found.after, tokens=found.tokens, masked=found.masked
        ),
    ):
        maps: list[Any] = [axes.images[0].get_array() for axes in figure.axes]
        np.testing.assert_array_equal(maps[0], found.before)
        np.testing.assert_array_equal(maps[1], found.after)
    assert success.plot().get_suptitle() == f"layer {found.layer}, head {found.head}: {TEXT}"


def test_a_result_without_its_victim_asks_for_the_wrapper(
    success: StructureAttackResult, wrapper: Wrapper
) -> None:
    alone: StructureAttackResult = pickle.loads(pickle.dumps(success))
    with pytest.raises(InvalidInputError, match=r"give its wrapper, as pairs\(wrapper\) or plot"):
        alone.plot()
    assert isinstance(alone.plot(wrapper), Figure)
    assert alone._repr_html_() == success._repr_html_()


def test_nothing_masked_is_nothing_to_draw(wrapper: Wrapper) -> None:
    skipped = HackAttendPlus.build(wrapper).attack(TEXT, "positive")
    with pytest.raises(InvalidInputError, match="expected a structure that masks a unit"):
        skipped.plot()


def test_a_saved_result_is_replayed(
    success: StructureAttackResult, wrapper: Wrapper, tmp_path: Path
) -> None:
    success.save(tmp_path / "found.safetensors")
    replay = wrapper.replay(tmp_path / "found.safetensors")
    assert (replay.text, replay.structure) == (TEXT, success.structure)
    judged = torch.as_tensor(success.perturbed_result.raw_output)
    torch.testing.assert_close(replay.logits.double().softmax(-1), judged, atol=1e-5, rtol=1e-5)
