"""The plugin's promises to programs that have nothing to do with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import _textattack_attend_plugin as entry_point

from ..conftest import MakeVictim


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_arming_imports_nothing_heavy() -> None:
    code = (
        "import sys, logging, importlib.abc, importlib.util, collections.abc;"
        "before = set(sys.modules);"
        "from _textattack_attend_plugin import arm; arm();"
        "print(*sorted(set(sys.modules) - before))"
    )
    assert run_python(code).stdout.split() == ["_textattack_attend_plugin"]


def test_torch_arms_it_once() -> None:
    code = (
        "import torch, sys; import _textattack_attend_plugin as entry_point; entry_point.arm();"
        "print(sum(type(f).__module__ == '_textattack_attend_plugin' for f in sys.meta_path))"
    )
    assert run_python(code).stdout.strip() == "1"


def test_an_environment_variable_switches_it_off() -> None:
    code = "import torch, sys; print('_textattack_attend_plugin' in sys.modules, sys.meta_path)"
    output = run_python(code, TEXTATTACK_ATTEND_PLUGIN="0").stdout
    assert output.startswith("True")
    assert "_Finder" not in output


def test_the_package_works_where_it_is_switched_off_and_nltk_has_no_stop_words(
    tmp_path: Path,
) -> None:
    code = (
        "from textattack_attend import AttentionModelWrapper, HackAttendPlus;"
        "wrapper = AttentionModelWrapper.from_pretrained('attend-demo');"
        "print(repr(HackAttendPlus.build(wrapper).attack('a dull film')));"
        "import textattack; print('hackattend' in textattack.attack_args.ATTACK_RECIPE_NAMES)"
    )
    empty = {"NLTK_DATA": "", "HOME": str(tmp_path), "TEXTATTACK_ATTEND_PLUGIN": "0"}
    done = run_python(code, **empty)
    assert done.returncode == 0, done.stderr
    result, known = done.stdout.splitlines()
    assert "AttackResult" in result
    assert known == "False"


def test_a_failure_of_ours_is_logged_and_textattack_goes_on() -> None:
    code = (
        "import sys; sys.modules['textattack_attend.host.register'] = None;"  # its import now fails
        "import textattack;"
        "print('alive', 'hackattend' in textattack.attack_args.ATTACK_RECIPE_NAMES)"
    )
    done = run_python(code)
    assert done.stdout.strip().endswith("alive False")
    assert "could not extend TextAttack, which goes on without it" in done.stderr


def test_other_imports_are_left_alone() -> None:
    finder = entry_point._Finder()
    assert finder.find_spec("json", None) is None
    assert finder.find_spec("textattack.attack", []) is None


def test_registering_twice_changes_nothing() -> None:
    import textattack

    from textattack_attend.host import register

    register.register()
    before = textattack.Attacker.attack_dataset
    register.register()
    assert textattack.Attacker.attack_dataset is before


def test_textattack_knows_the_attacks_that_are_registered() -> None:
    """Also where one of our modules is imported first, and imports TextAttack in its course."""
    code = (
        "import textattack_attend.attacks.transformations;"
        "from textattack.attack_args import ATTACK_RECIPE_NAMES;"
        "from textattack_attend.attack_recipes import ATTACKS;"
        "ours = {n: p for n, p in ATTACK_RECIPE_NAMES.items() if 'textattack_attend' in p};"
        "path = 'textattack_attend.attack_recipes.';"
        "print(ours == {n: path + r.__name__ for n, r in ATTACKS.items()})"
    )
    done = run_python(code)
    assert done.stdout.strip().endswith("True"), done.stderr


@pytest.mark.parametrize("name", ["hackattend", "hackattend-half-scale", "hackattend-random"])
def test_recipes_are_registered_under_their_names(name: str) -> None:
    from textattack.attack_args import ATTACK_RECIPE_NAMES

    assert ATTACK_RECIPE_NAMES[name].startswith("textattack_attend.attack_recipes.HackAttend")


def test_arguments_can_serve_several_attacks(make_victim: MakeVictim) -> None:
    from textattack import AttackArgs, Attacker
    from textattack.attack_recipes import DeepWordBugGao2018
    from textattack.datasets import Dataset

    from textattack_attend.attack_recipes import HackAttendPlus
    from textattack_attend.models.wrappers import AttentionModelWrapper

    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    dataset = Dataset([("the film was good", 0)])
    args = AttackArgs(num_examples=1, disable_stdout=True, silent=True)
    wrapper.defense = "ours"
    for attack in (HackAttendPlus.build(wrapper), DeepWordBugGao2018.build(wrapper)):
        attacker = Attacker(attack, dataset, args)
        attacker.attack_dataset()
        assert attacker.attack_args is args
        assert args.metrics is None
        assert "Defense:" in attacker.attack_log_manager.metrics


def test_word_attacks_keep_their_own_summary() -> None:
    """The repaired row concerns attacks over structures only."""
    import numpy as np
    from textattack.metrics.attack_metrics import WordsPerturbed

    from textattack_attend.host import register

    register.register()
    metric = WordsPerturbed()
    metric.results = []
    metric.perturbed_word_percentages = np.array([10.0, 20.0])
    assert metric.avg_perturbation_perc() == 15.0
