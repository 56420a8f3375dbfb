"""The measuring commands: on a tiny victim, what they compute and what they say."""

from __future__ import annotations

import logging
import subprocess
import sys
from math import inf
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor, nn

from textattack_attend.analysis.robustness import (
    Smallest,
    counts_curve,
    fewest_matrices,
    fewest_units,
    fraction_curve,
    smallest_fractions,
)
from textattack_attend.analysis.sanity import findings
from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendMinimal, HackAttendPlus
from textattack_attend.attacks.results import SuccessfulAttackResult
from textattack_attend.commands.main import main
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget, Shape
from textattack_attend.victims.victim import Victim
from tools.__main__ import main as tools
from tools.speed import compare

from ..conftest import MakeVictim, random_texts


@pytest.fixture
def wrapper(make_victim: MakeVictim) -> AttentionModelWrapper:
    victim = make_victim()
    return AttentionModelWrapper(victim.model, victim.tokenizer)


def examples_for(victim: Victim, count: int = 10) -> list[tuple[str, int]]:
    texts = random_texts(count, seed=11)
    return [(text, int(victim.logits([text]).argmax())) for text in texts]


@pytest.fixture
def command(make_victim: MakeVictim, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Runs a command on a saved tiny victim and a file of its examples."""
    victim = make_victim()
    victim.model.config.architectures = ["BertForSequenceClassification"]
    victim.model.save_pretrained(tmp_path)
    victim.tokenizer.save_pretrained(tmp_path)
    data = tmp_path / "data.tsv"
    data.write_text("".join(f"{text}\t{label}\n" for text, label in examples_for(victim)))

    def run(*arguments: str) -> Result:
        given = [*arguments, "--model", str(tmp_path), "--data", str(data)]
        return CliRunner().invoke(main if given[0] in main.commands else tools, given)

    return run


# --- speed and memory ---


def test_the_attack_decides_what_the_sequential_run_decides(wrapper: AttentionModelWrapper) -> None:
    examples = [*examples_for(wrapper.victim, 20), ("a film", 0), ("a film", 1)]
    steps = list(compare(wrapper, examples, mask_fraction=0.2))
    assert [step.differing for step in steps] == [0, 0]  # of 20 examples, and of 2
    last = steps[-1]
    assert 20 <= last.attacked < len(examples)
    assert last.token_layers > 0
    assert 0 < last.floor.forwards < last.floor.plain < last.sequential_seconds
    assert 0 < last.floor.same_kernels < last.sequential_seconds
    assert last.ratio == last.sequential_seconds / last.seconds


def test_the_speed_command(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    attacks = tmp_path / "attacks.py"
    attacks.write_text(
        "from textattack_attend.attack_recipes import HackAttendRandom\n"
        "def build(recipe, wrapper):\n    return HackAttendRandom.build(wrapper, seed=1)\n"
    )
    done = command("speed", "--word-attacks", str(attacks))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert any(line.split() == ["different", "decisions", "0"] for line in lines)
    for name in ("hackattend / floor", "sequential / hackattend", "token-layers per attack"):
        (line,) = (line for line in lines if line.startswith(name))
        assert float(line.split()[-1]) > 0
    for name in ("hackattend", "hackattend-plus", "textfooler", "bert-attack"):
        assert any(line.startswith(f"{name} ") and "%" in line for line in lines)


def test_a_file_of_word_attacks_must_build_them(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "nothing.py").write_text("")
    done = command("speed", "--word-attacks", str(tmp_path / "nothing.py"))
    assert done.exit_code == 1
    assert "expected a function build(recipe, wrapper), got none" in done.output


def test_the_memory_of_a_text_is_bounded() -> None:
    """The peak is that of a process; the ceiling of a long text is in the slow tests."""
    script = (
        "from tools.memory import measure; found = measure('bert', 64, 3, 2, 'hackattend-plus');"
        "print(found.gradient, found.attack, found.estimate)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    gradient, attack, estimate = map(int, done.stdout.split()[-3:])
    assert 0 < attack < 64 * 2**20
    assert gradient + attack <= estimate


def test_the_peak_leaves_out_what_the_starting_process_held() -> None:
    held = np.ones(2**30, np.uint8)
    script = "import torch; from tools.memory import peak;print(peak(torch.device('cpu')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert int(done.stdout) < held.nbytes


# --- robustness curves ---


def test_the_smallest_fraction_flips_and_the_next_smaller_does_not(
    wrapper: AttentionModelWrapper,
) -> None:
    examples = [*examples_for(wrapper.victim), ("a film", 0), ("a film", 1)]
    found = list(smallest_fractions(wrapper, examples))
    flipped = [
        (example, one) for example, one in zip(examples, found, strict=True) if 0 < one.units < inf
    ]
    assert len(flipped) >= 3
    assert 0 in [one.units for one in found]
    assert len({one.units for one in found}) > 2

    def succeeds(example: tuple[str, int], one: Smallest, units: float) -> bool:
        (whole,) = Budget(1).units_per_matrix(one.shape, 0)
        attack = HackAttendPlus.build(wrapper, mask_fraction=min(1, (units + 0.5) / whole))
        assert attack.transformation.budget.units_per_matrix(one.shape, 0) == [units]
        return isinstance(attack.attack(*example), SuccessfulAttackResult)

    for example, one in flipped:
        assert one.fraction == one.units / Budget(1).units_per_matrix(one.shape, 0)[0]
        assert succeeds(example, one, one.units)
        if 1 < one.units < 10:
            assert not succeeds(example, one, one.units - 1)


def test_curves_count_who_survives() -> None:
    shape = Shape(1, 1, 12)
    found = [Smallest(shape, 0, 0), Smallest(shape, 2, 2 / 121), Smallest(shape, inf, inf)]
    # 121 attackable units: 1 at 0.1% and at 1%, 2 at 2%, 121 at 100%.
    assert list(fraction_curve(found, [0.001, 0.01, 0.02, 1])) == [2 / 3, 2 / 3, 1 / 3, 1 / 3]
    assert list(counts_curve([0, 3, inf, 5], [0, 2, 3, 5])) == [3 / 4, 3 / 4, 2 / 4, 1 / 4]


def test_the_fewest_matrices_are_those_of_the_pruned_attack(wrapper: AttentionModelWrapper) -> None:
    examples = [*examples_for(wrapper.victim), ("a film", 0), ("a film", 1), ("a film", 2)]
    found = list(fewest_matrices(wrapper, examples))
    assert found.count(0) == 2
    attack = HackAttendPlus.build(wrapper)
    for example, fewest in zip(examples, found, strict=True):
        result = attack.attack(*example)
        if isinstance(result, SuccessfulAttackResult):
            assert fewest == len(result.structure.matrices)
        else:
            assert fewest in (0, inf)


def test_the_fewest_units_are_those_of_hackattend_minimal(wrapper: AttentionModelWrapper) -> None:
    examples = [*examples_for(wrapper.victim, 4), ("a film", 0), ("a film", 1), ("a film", 2)]
    found = list(fewest_units(wrapper, examples))
    assert found.count(0) == 2
    attack = HackAttendMinimal.build(wrapper)
    for example, fewest in zip(examples, found, strict=True):
        result = attack.attack(*example)
        if isinstance(result, SuccessfulAttackResult):
            assert fewest == len(result.structure)
        else:
            assert fewest in (0, inf)


@pytest.mark.parametrize(("budget", "rows"), [("fraction", 11), ("matrices", 6), ("units", 6)])
def test_the_robustness_command_prints_a_falling_curve(  # type: ignore[no-untyped-def]
    command, budget: str, rows: int
) -> None:
    done = command("robustness", "--budget", budget)
    assert done.exit_code == 0, done.output
    numbers = [float(line.split()[1].rstrip("%")) for line in done.stdout.splitlines()[1:]]
    assert len(numbers) >= rows - 3 if budget == "units" else len(numbers) == rows
    assert numbers == sorted(numbers, reverse=True)


def test_the_strength_command_prints_both_attacks(command) -> None:  # type: ignore[no-untyped-def]
    done = command("strength", "--num-examples", "4")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [(row[0], row[1]) for row in rows] == [
        (alpha, first)
        for first in ("spared", "attackable")
        for alpha in ("5.00%", "1.00%", "0.10%", "0.01%")
    ]
    assert all(row.count("of") == 2 for row in rows)


@pytest.mark.parametrize("name", ["strength", "speed", "check"])
def test_nothing_is_judged_by_no_attack(name: str, command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    data = tmp_path / "data.tsv"
    lines = [line.rsplit("\t", 1) for line in data.read_text().splitlines()]
    data.write_text("".join(f"{text}\t{(int(label) + 1) % 3}\n" for text, label in lines))
    done = command(name)
    assert done.exit_code == 1
    assert "none of 10" in done.output


def test_a_model_has_a_head_at_least() -> None:
    done = CliRunner().invoke(tools, ["memory", "--heads", "0"])
    assert done.exit_code == 2
    assert "0 is not in the range x>=1" in done.output


def test_textattacks_names_of_models_are_understood(tmp_path: Path) -> None:
    (tmp_path / "data.tsv").write_text("a gripping film\t1\n")
    given = ["--model", "attend-demo", "--data", str(tmp_path / "data.tsv")]
    done = CliRunner().invoke(tools, ["strength", *given])
    assert done.exit_code == 0, done.output
    assert " of 1 " in done.output


# --- sanity checks ---


def test_a_sound_victim_raises_no_suspicion(command) -> None:  # type: ignore[no-untyped-def]
    done = command("check")
    assert done.exit_code == 0, done.output
    assert "nothing suspicious on 10 examples" in done.stdout


class AlwaysDropping(nn.Dropout):
    """Dropout that somebody left on, also in eval mode."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.3, training=True)


def test_a_random_victim_is_noticed(
    wrapper: AttentionModelWrapper, caplog: pytest.LogCaptureFixture
) -> None:
    examples = examples_for(wrapper.victim)
    wrapper.model.dropout = AlwaysDropping()
    with caplog.at_level(logging.WARNING):
        found = list(findings(wrapper, examples))
    assert any("answered 10 of 10 texts differently" in line for line in found)
    assert "answers the same text differently" in caplog.text  # said by the attack itself, too


def test_vanished_gradients_are_noticed(wrapper: AttentionModelWrapper) -> None:
    examples = examples_for(wrapper.victim)
    with torch.no_grad():
        wrapper.model.classifier.weight *= 1e6  # saturated
    found = list(findings(wrapper, examples))
    assert any(line.startswith("the gradient vanishes on ") for line in found)


def test_a_gradient_that_knows_less_than_chance_is_noticed(
    wrapper: AttentionModelWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textattack_attend.analysis import sanity
    from textattack_attend.attacks.attack import StructureAttack

    examples = examples_for(wrapper.victim)
    weak = HackAttendLiong2024.build(wrapper, mask_fraction=1e-9)
    strong = HackAttendLiong2024.build(wrapper, mask_fraction=0.9)

    def planted(attack: StructureAttack) -> type:
        return type("Planted", (), {"build": staticmethod(lambda *_, **__: attack)})

    monkeypatch.setattr(sanity, "HackAttendLiong2024", planted(weak))
    monkeypatch.setattr(sanity, "HackAttendImportanceOnly", planted(strong))
    (line,) = findings(wrapper, examples)
    assert line.startswith("random masks succeed ")


def test_unconfirmed_successes_are_noticed(
    wrapper: AttentionModelWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textattack_attend.analysis import sanity
    from textattack_attend.victims.victim import Victim

    monkeypatch.setattr(Victim, "logits_alone", lambda self, text, *_: self.logits([text])[0])
    examples = examples_for(wrapper.victim, 25)
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.5)
    results = list(attack.attack_many(examples))
    (line,) = sanity._unconfirmed(results)
    assert "successes did not survive a fresh forward pass" in line


def test_the_benchmark_is_timed_beside_textattacks_runner(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "data: attend-demo\nexamples: 3\nvictims: {demo: attend-demo}\n"
        "attacks: {HackAttend: hackattend, words: deepwordbug}\n"
    )
    done = CliRunner().invoke(tools, ["overhead", str(recipe), "--rounds", "1"])
    assert done.exit_code == 0, done.output
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["attack", "bare", "benchmark", "ratio"]
    assert [line.split()[0] for line in lines] == ["HackAttend", "words"]
    for line in lines:
        bare, benchmark, ratio = (float(part.strip("s")) for part in line.split()[1:])
        assert ratio == pytest.approx(benchmark / bare, abs=0.1)
