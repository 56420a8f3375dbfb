"""The recipe files: every attack runs on a tiny victim, and every benchmark is rehearsed."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from textattack.attack_results import SkippedAttackResult
from textattack.shared import WordEmbedding
from transformers import BertForMaskedLM, BertModel, BertTokenizerFast

from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.benchmark.recipe import known_recipes, read_recipe
from textattack_attend.commands.main import main
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.structures import Structure
from textattack_attend.training.defenses import DEFENSES

from ..conftest import WORDS, random_texts, tiny_config, tiny_model

FOLDER = Path(__file__).parents[2] / "recipes"
FUNCTIONS = {
    path.stem: [
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    for path in sorted(FOLDER.glob("*.py"))
}
NAMES = [(file, function) for file, functions in FUNCTIONS.items() for function in functions]
POSITIVE = "A warm and funny film, carried by two actors who have never been better."
NEGATIVE = "The plot is dull and endless."
FRACTIONS = {"alpha_0_1_percent": 0.001, "alpha_0_01_percent": 0.0001}
"""The shares of masked units that names of functions promise; all others have 1%."""


def built(file: str, function: str) -> StructureAttack:
    specification = importlib.util.spec_from_file_location(file, FOLDER / f"{file}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    attack: StructureAttack = getattr(module, function)(wrapper_for(str(VICTIM_PATH)))
    return attack


@pytest.mark.parametrize(("file", "function"), NAMES, ids=map("^".join, NAMES))
def test_every_attack_of_a_file_runs_and_keeps_its_budget(file: str, function: str) -> None:
    attack = built(file, function)
    text, label = (NEGATIVE, 0) if function == "positive" else (POSITIVE, 1)
    result = attack.attack(text, label)
    assert not isinstance(result, SkippedAttackResult)
    structure: Structure = result.perturbed_result.attacked_text.structure
    most = max(1, int(FRACTIONS.get(function, 0.01) * structure.shape.tokens**2))
    masked = [len(structure.cells(*matrix)) for matrix in structure.matrices]
    assert 1 <= max(masked) <= most
    assert result.num_queries > 1


def test_the_attacks_of_a_file_differ() -> None:
    for file, functions in FUNCTIONS.items():
        described = {repr(built(file, function)) for function in functions}
        assert len(described) == len(functions), file


@pytest.fixture
def environment(tmp_path: Path, vocabulary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models and data in the place of those that the benchmarks take from the environment."""
    for name, model in (
        ("victim", tiny_model("bert", labels=2)),
        ("encoder", BertModel(tiny_config("bert"))),
        ("language_model", BertForMaskedLM(tiny_config("bert"))),
    ):
        model.save_pretrained(tmp_path / name)
        BertTokenizerFast(str(vocabulary)).save_pretrained(tmp_path / name)
    for defense in DEFENSES:
        for seed in range(3):
            (tmp_path / f"{defense}-{seed}").symlink_to(tmp_path / "victim")
    texts = random_texts(8, seed=4)
    labels = wrapper_for(str(tmp_path / "victim"))(texts).argmax(1).tolist()
    lines = [f"{text}\t{label}" for text, label in zip(texts, labels, strict=True)]
    (tmp_path / "data.tsv").write_text("\n".join(["text\tlabel", *lines, ""]))
    for variable, value in (
        ("DATA", f"{tmp_path / 'data.tsv'}^text,label"),
        ("VICTIM", tmp_path / "victim"),
        ("RUNS", tmp_path),
        ("ENCODER", tmp_path / "encoder"),
        ("MASKED_LM", tmp_path / "language_model"),
    ):
        monkeypatch.setenv(variable, str(value))
    # TextFooler would download its vectors of words.
    number = {word: index for index, word in enumerate(WORDS)}
    alike = np.array([[index, index] for index in range(len(WORDS))])
    vectors = WordEmbedding(np.eye(len(WORDS)), number, dict(enumerate(WORDS)), alike)
    monkeypatch.setattr(WordEmbedding, "counterfitted_GLOVE_embedding", lambda: vectors)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", known_recipes())
def test_every_attack_of_a_benchmark_is_tried_on_an_example(name: str) -> None:
    done = CliRunner().invoke(main, ["validate", name])
    assert done.exit_code == 0, done.output
    attacks = [line for line in done.output.splitlines() if line.startswith("attack ")]
    recipe = read_recipe(known_recipes()[name])
    assert len(attacks) == len(recipe.attacks)
    assert "attacks in all" in done.output
