"""The command that measures the numbers of the docs' page, and what it is made of."""

from __future__ import annotations

import subprocess
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.victims.prompt import Prompt
from tools import floor, phases
from tools.__main__ import main as tools
from tools.commands import numbers
from tools.in_turn import in_turn
from tools.lengths import costs, text_of
from tools.phases import PHASES, Clock, phases_of
from tools.random_models import HEADS, Size, demo_tokenizer, random_model
from tools.speed import compare
from tools.speed_victims import SPEED_VICTIMS, SpeedVictim, load, predicted

ROOT = Path(__file__).parents[2]
SENTENCES = ["a gripping film", "a dull and lifeless story that nobody asked for", "so good"]
PROMPT = Prompt("review : {} sentiment :", ("negative", "positive"))
TINY = Size("bert", 2, 2, 8)
QUESTION = OrderedDict(
    context="a film about war", question="what is it about ?", one="war", two="love", three="time"
)


def wrapper_of(size: Size) -> AttentionModelWrapper:
    tokenizer = demo_tokenizer(64)
    prompt = PROMPT if size.head == "language" else None
    return AttentionModelWrapper(random_model(size, tokenizer, 64), tokenizer, prompt=prompt)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Makes a folder of shared files with a few sentences."""
    folder = tmp_path / "shared" / "data" / "sst2"
    folder.mkdir(parents=True)
    lines = [f"{text}\t{number % 2}\n" for number, text in enumerate(SENTENCES)]
    (folder / "dev.tsv").write_text("".join(lines))
    return tmp_path / "shared"


# --- where the time goes ---


def test_a_clock_counts_the_innermost_phase_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 3.0, 7.0, 15.0])
    monkeypatch.setattr(phases, "now", lambda: next(times))
    clock = Clock()  # at 0
    with clock.phase("passes"):  # from 1 on, but for the phase inside it from 3 to 7
        clock.around(lambda: None, "units")()
    assert clock.seconds == dict.fromkeys(PHASES, 0.0) | {"rest": 1, "passes": 2 + 8, "units": 4}


def test_the_clock_of_one_thread_stands_still_while_a_process_sleeps() -> None:
    assert torch.get_num_threads() == 1
    slept = floor.timed(lambda: subprocess.run(["sleep", "0.2"], check=True))[1]
    assert torch.cuda.is_available() or slept < 0.1


@pytest.mark.parametrize("recipe", [HackAttendLiong2024, HackAttendPlus])
def test_the_phases_of_an_attack(recipe: type) -> None:
    wrapper = wrapper_of(TINY)
    examples = [(text, predicted(wrapper, text)) for text in SENTENCES]
    skipped = (SENTENCES[0], 1 - examples[0][1])
    attack = recipe.build(wrapper)  # type: ignore[attr-defined]
    found = phases_of(attack, [*examples, skipped])
    assert found.attacked == len(examples)
    assert sum(map(found.share, PHASES)) == pytest.approx(1)
    assert found.per_attack == pytest.approx(sum(found.seconds.values()) / 3)
    assert min(found.share(name) for name in ("passes", "units", "confirmation", "rest")) > 0
    assert (found.share("probes") > 0) == (recipe is HackAttendLiong2024)
    assert found.share("candidates") > 0 or recipe is HackAttendPlus  # it asks for its last rounds


# --- victims with random weights ---


@pytest.mark.parametrize("head", HEADS)
def test_every_kind_of_head_is_compared(head: str) -> None:
    family = "llama" if head == "language" else "bert"
    wrapper = wrapper_of(Size(family, 2, 2, 8, key_heads=1, head=head))
    texts = [QUESTION] if head == "choices" else SENTENCES
    *_, last = compare(wrapper, [(text, predicted(wrapper, text)) for text in texts], 0.2)
    assert (last.attacked, last.differing) == (len(texts), 0)


@pytest.mark.parametrize("name", SPEED_VICTIMS)
def test_a_victim_has_the_size_of_its_checkpoint(name: str) -> None:
    """The sizes are those that the models' cards give: layers, heads, width."""
    size = SPEED_VICTIMS[name].size
    expected = {
        "minilm-sst2": (6, 12, 384),
        "minilm-dream": (6, 12, 384),
        "mpnet-sst2": (12, 12, 768),
        "gpt2-sst2": (4, 8, 128),
        "llama-sst2": (4, 8, 128),
        "smollm2-hf": (30, 9, 576),
    }[name]
    assert (size.layers, size.heads, size.heads * size.head_size) == expected


def test_weights_are_random_where_no_folder_has_the_victim(shared: Path) -> None:
    victim = SpeedVictim("tiny", TINY, examples=2)
    loaded = load(victim, [shared], shared, 2)
    assert loaded.weights == "random"
    wrapper = loaded.wrapper
    assert loaded.examples == [(text, predicted(wrapper, text)) for text in SENTENCES[:2]]
    (shared / "tiny").symlink_to(VICTIM_PATH)
    loaded = load(victim, [shared], shared, 2)
    assert loaded.weights == "real"
    assert loaded.examples == [(SENTENCES[0], 0), (SENTENCES[1], 1)]


# --- lengths ---


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_every_length_is_asked_equally_much(family: str) -> None:
    found = list(costs(Size(family, 2, 2, 8), (8, 33, 64), SENTENCES * 9))
    assert [cost.tokens for cost in found] == [8, 33, 64]
    # The clean text, 2 layers, 2 heads of each of them, and a candidate for each head.
    assert [cost.queries for cost in found] == [1 + 2 + 4 + 4] * 3
    for cost in found:
        assert cost.passes == pytest.approx(cost.seconds / cost.queries / cost.plain)


@pytest.mark.parametrize("tokens", [3, 8, 17, 64])
def test_a_text_has_the_wanted_length(tokens: int) -> None:
    victim = wrapper_of(TINY).victim
    text = text_of(victim, SENTENCES, tokens)
    assert len(victim.tokens(text)) == tokens
    assert text.startswith("a gripping film"[: len(text)])


# --- the commands ---


def test_the_command_prints_a_row_for_each_attack(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LENGTHS": (8, 12), "LAYERS": 2, "HEADS": 2}.items():
        monkeypatch.setattr(numbers, name, value)
    monkeypatch.setitem(SPEED_VICTIMS, "minilm-sst2", SpeedVictim("tiny", TINY, examples=3))
    done = CliRunner().invoke(tools, ["numbers", "minilm-sst2", "lengths", "--shared", str(shared)])
    assert done.exit_code == 0, done.output
    heading, one, other, *rest = (line.split() for line in done.stdout.splitlines())
    assert heading == [*numbers.COLUMNS, *PHASES]
    assert one[:4] == ["tiny", "random", "hackattend", "3/3"]
    assert one[7] == "0"  # different decisions
    assert float(one[6]) == pytest.approx(float(one[5]) / float(one[4]), rel=0.5)
    assert other[:4] == ["tiny", "random", "hackattend-plus", "3/3"]
    assert len(one) == len(other) == len(heading)
    assert [row[0] for row in rest if row] == ["lengths", "8", "12", "lengths", "8", "12"]


def test_an_unknown_name_is_refused(shared: Path) -> None:
    done = CliRunner().invoke(tools, ["numbers", "minilm", "--shared", str(shared)])
    assert done.exit_code == 1
    assert "name" in done.output
    assert "minilm-sst2" in done.output


@pytest.mark.slow
def test_two_trees_are_timed_in_turn() -> None:
    examples = [(text, label) for text in SENTENCES[:2] for label in (0, 1)]
    victim = SpeedVictim("demo", TINY, examples=4)
    found = list(in_turn(ROOT, VICTIM_PATH, victim, "HackAttendPlus", examples))
    assert [one.outcome == "SkippedAttackResult" for one in found].count(True) == 2
    assert not any(one.differs for one in found)
    assert all(min(one.seconds, one.other_seconds) > 0 for one in found)


@pytest.mark.slow
def test_a_tree_without_the_package_ends_in_one_line(tmp_path: Path) -> None:
    victim = SpeedVictim("demo", TINY, examples=1)
    with pytest.raises(InvalidInputError, match="the other process ended"):
        list(in_turn(tmp_path, VICTIM_PATH, victim, "HackAttendPlus", [("a film", 0)]))


def test_a_missing_checkpoint_is_asked_for(shared: Path) -> None:
    given = ["--models", str(shared), "--shared", str(shared)]
    done = CliRunner().invoke(tools, ["in-turn", str(ROOT), *given])
    assert done.exit_code == 1
    assert "expected a folder with smollm2-hf in it" in done.output
