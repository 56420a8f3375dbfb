"""Workers on Ray: the rows are those of one process, whatever becomes of a worker."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from textattack_attend.benchmark import Results, Store, read_recipe
from textattack_attend.benchmark.recipe import Recipe
from textattack_attend.benchmark.running import Benchmark, Cluster
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim

from ..conftest import MakeVictim, random_texts

RECIPE = """
data: attend-demo
examples: 48
victims:
  demo: attend-demo
attacks:
  HackAttend: {recipe: hackattend, options: {max_layers: 2}}
  deadly: attacks.py^deadly
"""
ATTACKS = '''
import os
import signal
from pathlib import Path

from textattack.attack_recipes import DeepWordBugGao2018

def deadly(wrapper):
    """DeepWordBug; the first process that comes to attack the 20th text is killed."""
    attack = DeepWordBugGao2018.build(wrapper)
    original = attack.attack

    def attacking(example, label):
        died = Path(os.environ["DIED"])
        if "masterclass" in example.text and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return original(example, label)

    attack.attack = attacking
    return attack
'''


def rows_of(store: Store) -> pd.DataFrame:
    rows = Results.of(store).rows
    return rows.sort_values(["attack", "position"], ignore_index=True).drop(columns="seconds")


@pytest.mark.slow
def test_a_lost_workers_shard_is_run_again_and_nothing_is_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "attacks.py").write_text(ATTACKS)
    monkeypatch.setenv("DIED", str(tmp_path / "died"))
    recipe = read_recipe(tmp_path / "recipe.yaml")
    with Cluster(recipe, workers=2) as cluster:
        shared = Benchmark(recipe, Store(tmp_path / "shared.sqlite"), cluster)
        assert shared.run() == 96
    assert (tmp_path / "died").exists()
    alone = Benchmark(recipe, Store(tmp_path / "alone.sqlite"))
    alone.run()
    pd.testing.assert_frame_equal(rows_of(shared.store), rows_of(alone.store), check_exact=True)


@pytest.mark.slow
def test_an_actor_of_several_threads_gives_right_logits(make_victim: MakeVictim) -> None:
    import ray

    victim = make_victim()
    texts = random_texts(40)
    expected = [victim.logits_alone(text).tolist() for text in texts]
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        serving: Any = ray.remote(_Serving)
        actor = serving.options(max_concurrency=4).remote(victim)
        found = ray.get([actor.logits.remote(text) for text in texts])
    finally:
        ray.shutdown()
    assert found == expected


class _Serving:
    """A victim whose answers are computed in as many threads as Ray gives it."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim

    def logits(self, text: str) -> list[float]:
        structure = Structure.whole(self.victim.empty_structure(text).shape, [(0, 0)])
        masked = self.victim.logits_alone(text, structure)
        clean: list[float] = self.victim.logits_alone(text).tolist()
        assert clean != masked.tolist()
        return clean


def test_without_ray_there_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["benchmark", "quick", "--ray", "local", "--store", str(tmp_path / "s.sqlite")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "pip install 'textattack_attend[ray]'" in done.output


@pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray")
def test_where_there_is_no_cluster_there_is_a_line() -> None:
    recipe = Recipe.model_validate(
        {"data": "attend-demo", "victims": {"V": "attend-demo"}, "attacks": {"A": "hackattend"}}
    )
    with pytest.raises(InvalidInputError, match="expected HOST:PORT of a running cluster"):
        Cluster(recipe, address="127.0.0.1:1")
