"""Multiple choice: scores, structures over all choices, both budgets, and the published files."""

from __future__ import annotations

import json
import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForMultipleChoice, BertTokenizerFast, PreTrainedModel

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attacks.results import SkippedAttackResult, SuccessfulAttackResult
from textattack_attend.attention import Engine, WholeModel
from textattack_attend.datasets import dream, hellaswag, reclor
from textattack_attend.errors import InvalidInputError
from textattack_attend.identity import Identity
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.rankings.candidates import highest_cells
from textattack_attend.structures import Budget, SavedStructure, Shape, Structure, load, save
from textattack_attend.victims.victim import Victim

from ..conftest import COMBINATIONS, MAX_TOKENS, hooks_of, random_text, tiny_config
from ..helpers.tiny_families import CONFIGS, tiny_tokenizer

Question = tuple[str, ...]
QUESTION: Question = (
    "the plot is weak and cold",
    "what is the film",
    "good",
    "bad and dull",
    "funny",
)
FAMILIES = ("bert", "distilbert", "electra", "roberta", "albert", "mpnet", "deberta-v2")


@pytest.fixture(params=FAMILIES)
def victim(request: pytest.FixtureRequest, vocabulary: Path) -> Victim:
    """Shared: leave it as you found it."""
    return choosing_victim(request.param, vocabulary)


@cache
def choosing_victim(family: str, vocabulary: Path, backend: str = "eager") -> Victim:
    known = family in CONFIGS
    config = CONFIGS[family]() if known else tiny_config(family)
    tokenizer = tiny_tokenizer(family) if known else BertTokenizerFast(str(vocabulary))
    if family in ("distilbert", "roberta"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model: PreTrainedModel = AutoModelForMultipleChoice.from_config(
            config, attn_implementation=backend
        )
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 1:
                    parameter.add_(0.3 * torch.randn_like(parameter))
    model.eval()
    return Victim(model, tokenizer, max_tokens=MAX_TOKENS)


def random_questions(count: int, seed: int = 0, choices: int = 3) -> list[Question]:
    generator = random.Random(seed)
    return [
        (random_text(generator), *(random_text(generator, 1, 4) for _ in range(choices + 1)))
        for _ in range(count)
    ]


def random_structure(shape: Shape, seed: int = 0) -> Structure:
    """A fifth of the visible units."""
    generator = np.random.default_rng(seed)
    visible = np.stack([shape.visible(layer) for layer in range(shape.layers)])[:, None]
    return Structure.from_units(shape, np.argwhere(visible & (generator.random(shape.size) < 0.2)))


# --- scores ---


def test_scores_are_those_of_transformers(victim: Victim) -> None:
    """Of the whole batch of questions, (B, C, T), padded."""
    questions = random_questions(4)
    pairs = [(q[0], f"{q[1]} {choice}") for q in questions for choice in q[2:]]
    encoded = victim.tokenizer(pairs, padding=True, return_tensors="pt")
    inputs = {name: rows.view(4, 3, -1) for name, rows in encoded.items()}
    with torch.no_grad():
        expected = victim.model(**inputs).logits
    torch.testing.assert_close(victim.logits(questions), expected, atol=1e-5, rtol=1e-5)
    assert expected.shape == (4, 3)
    assert expected.std() > 1e-2


def test_every_choice_is_masked_by_its_own_part(victim: Victim) -> None:
    """As the choice alone is, by a structure of its own; padding is never visible."""
    shape = victim.empty_structure(QUESTION).shape
    assert len(set(shape.sequences)) > 1  # so there is padding
    structure = random_structure(shape)
    found = victim.logits([QUESTION], [structure])
    clean = victim.logits([QUESTION])
    assert (found - clean).abs().max() > 1e-3
    context, question, *choices = QUESTION
    for choice, (text, part) in enumerate(zip(choices, structure.parts, strict=True)):
        twice = (context, question, text, text)
        own = replace(shape, tokens=2 * part.shape.tokens, sequences=(part.shape.tokens,) * 2)
        units = part.units
        moved = units + np.array([0, 0, part.shape.tokens, part.shape.tokens])
        both = Structure.from_units(own, np.concatenate([units, moved]))
        alone = victim.logits([twice], [both])[0]
        torch.testing.assert_close(alone, found[0, [choice, choice]], atol=1e-5, rtol=1e-5)


def test_the_empty_structure_gives_the_clean_scores_bit_for_bit(victim: Victim) -> None:
    clean = victim.logits([QUESTION])
    empty = victim.empty_structure(QUESTION)
    assert torch.equal(victim.logits([QUESTION], [empty]), clean)
    victim.logits([QUESTION], [random_structure(empty.shape)])
    assert torch.equal(victim.logits([QUESTION]), clean)
    assert hooks_of(victim.model) == []


@pytest.mark.parametrize(("family", "backend"), [*COMBINATIONS, ("albert", "eager")])
def test_the_engine_gives_the_scores_of_the_model(
    vocabulary: Path, family: str, backend: str
) -> None:
    victim = choosing_victim(family, vocabulary, backend)
    questions = random_questions(3, seed=1)
    readings = victim.read(questions, [None] * 3)
    asked = [
        (reading, random_structure(victim.empty_structure(question).shape, seed))
        for reading, question in zip(readings, questions, strict=True)
        for seed in range(3)
    ]
    found = victim.logits_from(asked)
    assert isinstance(victim.engine, Engine)
    plain = torch.cat([victim.logits([reading.text], [s]) for reading, s in asked])
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-4)


def test_the_gradient_is_that_of_the_right_choice(victim: Victim) -> None:
    """Of all choices together: the loss is a softmax over them. Nothing is between choices."""

    def loss(logits: Tensor) -> Tensor:
        return cross_entropy(logits, torch.tensor([1]))

    capture = victim.capture(QUESTION, loss)
    shape = victim.empty_structure(QUESTION).shape
    assert capture.probabilities.shape == shape.size
    closed = torch.from_numpy(~shape.visible(0))
    assert not capture.probabilities[..., closed].any()
    assert not capture.probability_gradients[..., closed].any()
    for span in shape.spans:
        inside = capture.probability_gradients[..., span, span]
        assert inside.abs().max() > 1e-6
        sums = capture.probabilities[..., span, span].sum(-1)
        torch.testing.assert_close(sums, torch.ones_like(sums))


# --- attacks ---


def wrapped(victim: Victim) -> AttentionModelWrapper:
    return AttentionModelWrapper(victim.model, victim.tokenizer, max_tokens=victim.max_tokens)


def examples_for(victim: Victim, count: int = 8) -> list[tuple[OrderedDict[str, str], int]]:
    questions = random_questions(count, seed=2)
    labels = victim.logits(questions).argmax(1).tolist()
    labels[1] = (labels[1] + 1) % 3  # one that is wrong already
    return [(columns(question), label) for question, label in zip(questions, labels, strict=True)]


def columns(question: Question) -> OrderedDict[str, str]:
    names = ["context", "question", *(f"choice {n}" for n in range(1, len(question) - 1))]
    return OrderedDict(zip(names, question, strict=True))


RECIPES: dict[str, Callable[..., Any]] = {
    "hackattend": HackAttendLiong2024.build,
    "hackattend-plus": HackAttendPlus.build,
}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("choice_budget", ["per_matrix", "released"])
def test_attacks_find_structures_within_the_budget_with_the_engine_and_without(
    victim: Victim, recipe: str, choice_budget: str
) -> None:
    examples = examples_for(victim)
    found = []
    for engine in (None, WholeModel(victim.model)):
        attack = RECIPES[recipe](wrapped(victim), mask_fraction=0.2, choice_budget=choice_budget)
        if engine:
            attack.goal_function.victim.evaluator.engine = engine
        found.append(list(attack.attack_many(examples)))
    kinds = [type(result) for result in found[0]]
    assert SkippedAttackResult in kinds
    assert SuccessfulAttackResult in kinds
    for one, other in zip(*found, strict=True):
        assert type(one) is type(other)
        assert one.structure == other.structure
        assert Budget(0.2, choice_budget=choice_budget).allows(one.structure)


@pytest.mark.parametrize("family", ["bert", "deberta-v2"])
def test_with_the_choices_permuted_the_structure_is_permuted(vocabulary: Path, family: str) -> None:
    victim = choosing_victim(family, vocabulary)
    order = [2, 0, 1]
    successes = 0
    for (question, label), seed in zip(examples_for(victim), range(8), strict=True):
        context, asked, *choices = question.values()
        permuted = columns((context, asked, *(choices[at] for at in order)))
        attack = HackAttendLiong2024.build(wrapped(victim), mask_fraction=0.1)
        one = attack.attack(question, label)
        other = attack.attack(permuted, order.index(label))
        assert type(one) is type(other), seed
        assert [one.structure.parts[at] for at in order] == other.structure.parts
        successes += isinstance(one, SuccessfulAttackResult)
    assert successes


# --- budgets ---


def test_each_matrix_has_its_own_units_by_hand() -> None:
    """Sequences of 3 and 5 tokens, first tokens spared: 4 and 16 attackable units."""
    shape = Shape(1, 1, 8, sequences=(3, 5))
    assert Budget(0.25).attackable(shape, 0).sum() == 4 + 16
    assert Budget(0.25).units_per_matrix(shape, 0) == [1, 4]
    # Released: a quarter of (8 - 2) * (8 - 2) / 2 for each, rounded down.
    released = Budget(0.25, choice_budget="released")
    assert released.units_per_matrix(shape, 0) == [4, 4]


def test_the_released_budget_masks_every_choice_where_one_is_by_hand() -> None:
    shape, budget = Shape(1, 1, 7, sequences=(3, 4)), Budget(0.04, choice_budget="released")
    assert budget.units_per_matrix(shape, 0) == [1, 1]
    scores = np.zeros((1, 7, 7), np.float32)
    scores[0, 1, 2] = 1  # of the first choice
    scores[0, 3 + 3, 3 + 1] = 1  # of the second, a place that the first has not
    attackable = scores.reshape(1, 49)[:, budget.cells(shape, 0)]
    (cells,) = highest_cells(attackable, shape, budget, 0)
    mask = Structure(shape, {(0, 0): cells})
    assert mask.units[:, 2:].tolist() == [[1, 2], [4, 5], [6, 4]]
    assert budget.allows(mask)
    assert not Budget(0.04).allows(mask)


def test_a_structure_over_choices_keeps_its_parts_in_a_file(tmp_path: Path) -> None:
    shape = Shape(2, 2, 8, sequences=(3, 5))
    structure = Structure.from_units(shape, [(0, 1, 2, 1), (1, 0, 7, 3)])
    first, second = structure.parts
    assert first == Structure.from_units(Shape(2, 2, 3), [(0, 1, 2, 1)])
    assert second == Structure.from_units(Shape(2, 2, 5), [(1, 0, 4, 0)])
    with pytest.raises(InvalidInputError, match="no query of a choice sees another"):
        Structure.from_units(shape, [(0, 1, 2, 3)])
    victim = Identity("bert", {"weights": "0", "configuration": "1", "tokenizer": "2"}, {})
    save(SavedStructure(structure, QUESTION, victim), tmp_path / "structure")
    assert load(tmp_path / "structure") == SavedStructure(structure, QUESTION, victim)


# --- files ---

DREAM = [
    [
        ["M: Is it good?", "W: No."],
        [
            {"question": "What is it?", "choice": ["good", "bad", "cold"], "answer": "bad"},
            {"question": "Who asks?", "choice": ["W", "M", "no one"], "answer": "M"},
        ],
        "1",
    ]
]
HELLASWAG = {"ctx": "A man", "endings": ["runs.", "sits.", "swims.", "sings."], "label": 2}
RECLOR = {"context": "All men.", "question": "So?", "answers": ["a", "b", "c", "d"], "label": 0}


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_dream_by_hand(tmp_path: Path) -> None:
    dataset = dream(written(tmp_path / "dev.json", json.dumps(DREAM)))
    assert len(dataset) == 2
    question, label = dataset[1]
    assert label == 1
    assert dict(question) == {
        "context": "M: Is it good? W: No.",
        "question": "Who asks?",
        "choice 1": "W",
        "choice 2": "M",
        "choice 3": "no one",
    }


def test_hellaswag_and_reclor_by_hand(tmp_path: Path) -> None:
    lines = f"{json.dumps(HELLASWAG)}\n{json.dumps(HELLASWAG | {'label': '0'})}\n"
    dataset = hellaswag(written(tmp_path / "val.jsonl", lines))
    assert [dataset[at][1] for at in range(2)] == [2, 0]
    assert list(dataset[0][0].values()) == ["A man", "", "runs.", "sits.", "swims.", "sings."]
    question, label = reclor(written(tmp_path / "val.json", json.dumps([RECLOR])))[0]
    assert (list(question.values())[:3], label) == (["All men.", "So?", "a"], 0)


NO_ANSWER = [[["M: Hm."], [{"question": "?", "choice": ["a", "b"], "answer": "c"}], "1"]]
UNEVEN = [*DREAM, [["M: Hm."], [{"question": "?", "choice": ["a", "b"], "answer": "a"}], "2"]]


@pytest.mark.parametrize(
    ("read", "text", "line"),
    [
        (dream, "", "line 1: expected JSON"),
        (dream, json.dumps(DREAM)[:40], "line 1: expected JSON"),
        (dream, "{}", "expected a list, got dict"),
        (dream, "[]", "answer among its choices, got an empty file"),
        (dream, json.dumps([["a"]]), r"entry 1: expected \(turns, questions, id\)"),
        (dream, json.dumps(NO_ANSWER), "entry 1: expected .* an answer among its choices"),
        (dream, json.dumps(UNEVEN), "question 3: expected 3 choices, got 2"),
        (hellaswag, json.dumps(HELLASWAG) + "\n{", "line 2: expected JSON"),
        (hellaswag, json.dumps(HELLASWAG | {"label": 4}), "line 1: .* label 4 of 4 choices"),
        (reclor, json.dumps([{"context": "a"}]), "entry 1: expected an object with context"),
    ],
)
def test_wrong_files_are_refused_with_a_place(
    tmp_path: Path, read: Callable[[Path], object], text: str, line: str
) -> None:
    with pytest.raises(InvalidInputError, match=line):
        read(written(tmp_path / "file", text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read"):
        dream(tmp_path / "nowhere.json")


def test_questions_that_cannot_be_attacked(vocabulary: Path) -> None:
    victim = choosing_victim("bert", vocabulary)
    attack = HackAttendLiong2024.build(wrapped(victim))
    with pytest.raises(InvalidInputError, match="label 3: expected one of the model's 3"):
        attack.attack(columns(QUESTION), 3)
    with pytest.raises(InvalidInputError, match="a question with 1 choices: expected the columns"):
        attack.attack(columns(QUESTION[:3]), 0)
    with pytest.raises(InvalidInputError, match="questions with 2 and 3 choices"):
        victim.logits([QUESTION, QUESTION[:4]])
    with pytest.raises(InvalidInputError, match="choice_budget: expected one of per_matrix"):
        HackAttendLiong2024.build(wrapped(victim), choice_budget="all")
