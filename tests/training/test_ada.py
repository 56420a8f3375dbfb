"""Adversarial data augmentation: what is attacked, kept, gone on with, and refused."""

from __future__ import annotations

import dataclasses
import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BertForMultipleChoice,
    BertTokenizerFast,
    DataCollatorForMultipleChoice,
    DataCollatorWithPadding,
    TrainingArguments,
)

from textattack_attend.data.published import Example
from textattack_attend.errors import InvalidInputError, SavingError, StructureMismatchError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.structures import Structure
from textattack_attend.structures.codec import from_fields
from textattack_attend.training.defenses import ADA, Defense, ada, trainer_of
from textattack_attend.training.defenses.ada_cache import read
from textattack_attend.training.rows import with_extra
from textattack_attend.training.tasks import TASKS

from ..conftest import HEADS, LAYERS, hooks_of, random_texts, tiny_config, tiny_model
from ..helpers.defense_steps import without_dropout
from ..helpers.limits import largest_file

ATTACK = '''
from textattack import Attack
from textattack.constraints.overlap import MaxWordsPerturbed
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.search_methods import GreedySearch
from textattack.transformations import WordDeletion

attacked = []

def deleting(wrapper):
    """Deletes words until the class changes."""
    goal = UntargetedClassification(wrapper)
    attack = Attack(goal, [RepeatModification()], WordDeletion(), GreedySearch())
    return attack


def deleting_one(wrapper):
    """Deletes one word."""
    attack = deleting(wrapper)
    attack.constraints.append(MaxWordsPerturbed(1))
    return attack
'''


@pytest.fixture
def victim(tmp_path: Path, vocabulary: Path) -> str:
    folder = tmp_path / "victim"
    tiny_model("bert", labels=2).save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "attack.py").write_text(ATTACK)
    return f"{tmp_path / 'attack.py'}^deleting"


def rows_for(victim: str, count: int = 10) -> list[Example]:
    """Texts that the victim classifies as they are labelled."""
    texts = random_texts(count, seed=4)
    labels = wrapper_for(victim)(texts).argmax(1).tolist()
    return [((text,), label) for text, label in zip(texts, labels, strict=True)]


def test_successes_are_added_with_their_labels(victim: str, recipe: str, tmp_path: Path) -> None:
    rows = rows_for(victim)
    extra = ADA(victim, recipe).extra_rows(rows, tmp_path / "cache")
    assert extra
    by_label = dict(rows)
    found = wrapper_for(victim)([row.parts[0] for row in extra]).argmax(1).tolist()
    for ((text,), label, _), fooled in zip(extra, found, strict=True):
        assert fooled != label
        origins = [o for (o,), own in by_label.items() if own == label]
        assert any(is_part_of(text.split(), origin.split()) for origin in origins)


def is_part_of(words: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in words)


def test_an_interrupted_run_attacks_what_is_left(
    victim: str, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_for(victim)
    expected = ADA(victim, recipe).extra_rows(rows, tmp_path / "whole")
    options, cache = ADA(victim, recipe), tmp_path / "cache"
    lines = (tmp_path / "whole").read_text().splitlines(keepends=True)
    cache.write_text("".join(lines[:5]) + lines[5][:9])  # the sixth line was cut off
    attacked: list[Any] = []

    def counting(self: Any, text: Any, label: Any) -> Any:
        attacked.append(text)
        return own(self, text, label)

    from textattack import Attack

    own = Attack.attack
    monkeypatch.setattr(Attack, "attack", counting)
    assert options.extra_rows(rows, cache) == expected
    assert len(attacked) == len(rows) - 4
    assert cache.read_text() == (tmp_path / "whole").read_text()
    assert options.extra_rows(rows, cache) == expected
    assert len(attacked) == len(rows) - 4


def test_a_cache_that_was_cut_off_anywhere_keeps_its_whole_lines(
    victim: str, recipe: str, tmp_path: Path
) -> None:
    rows, options, cache = rows_for(victim, 3), ADA(victim, recipe), tmp_path / "cache"
    options.extra_rows(rows, cache)
    whole = cache.read_bytes()
    header = ada._header(options, wrapper_for(victim), rows)
    for size in range(len(whole) + 1):
        cache.write_bytes(whole[:size])
        known = read(cache, header)
        assert len(known) == max(0, whole[:size].count(b"\n") - 1)
        left = cache.read_bytes() if cache.exists() else b""
        assert left == whole[: whole.rfind(b"\n", 0, size) + 1]


def test_a_full_disk_keeps_the_rows_that_were_attacked(
    victim: str, recipe: str, tmp_path: Path
) -> None:
    rows, options, cache = rows_for(victim), ADA(victim, recipe), tmp_path / "cache"
    expected = options.extra_rows(rows, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    with largest_file(len(whole) * 2 // 3), pytest.raises(SavingError, match="free space, and"):
        options.extra_rows(rows, cache)
    kept = cache.read_bytes()
    assert len(kept) == len(whole) * 2 // 3
    assert whole.startswith(kept)
    assert options.extra_rows(rows, cache) == expected
    assert cache.read_bytes() == whole


def test_failed_attacks_are_added_as_the_papers_code_does(
    victim: str, recipe: str, tmp_path: Path
) -> None:
    """The last text of each attacked row is added; rows that the victim has wrong are not."""
    recipe = recipe.replace("^deleting", "^deleting_one")
    rows = rows_for(victim, 8)
    wrong = ((rows[0][0][0],), 1 - rows[0][1])
    rows = [wrong, *rows[1:]]
    wrapper = wrapper_for(victim)
    successes = ADA(victim, recipe).extra_rows(rows, tmp_path / "cache")
    both = ADA(victim, recipe, preset="released").extra_rows(rows, tmp_path / "cache")
    assert len(successes) < len(both) == len(rows) - 1
    assert [row for row in both if row in successes] == successes
    failures = [row for row in both if row not in successes]
    for row in failures:
        assert wrapper([row.parts[0]]).argmax() == row.label


def test_a_cache_without_the_texts_of_failures_is_attacked_again_for_them(
    victim: str, recipe: str, tmp_path: Path
) -> None:
    rows, cache = rows_for(victim, 6), tmp_path / "cache"
    whole = ADA(victim, recipe, failures=True).extra_rows(rows, cache)
    header, *entries = map(json.loads, cache.read_text().splitlines())
    earlier = [{n: v for n, v in entry.items() if n != "failed"} for entry in entries]
    lines = [header, *earlier]
    cache.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert ADA(victim, recipe, failures=True).extra_rows(rows, cache) == whole


def test_a_named_cache_serves_other_runs(victim: str, recipe: str, tmp_path: Path) -> None:
    rows = rows_for(victim)
    options = ADA(victim, recipe, examples=4, cache=str(tmp_path / "kept"))
    options.extra_rows(rows, tmp_path / "other")
    assert len((tmp_path / "kept").read_text().splitlines()) == 5
    assert not (tmp_path / "other").exists()


def chooser(folder: Path, vocabulary: Path) -> str:
    """A tiny model that scores choices."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForMultipleChoice(tiny_config("bert")).save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    return str(folder)


def questions_for(victim: str) -> list[Example]:
    """Questions that the victim answers as they are labelled."""
    generator, texts = random.Random(0), random_texts(8, seed=2)
    questions = [(generator.choice(texts), "is it", "good film", "bad", "dull") for _ in range(6)]
    labels = wrapper_for(victim)(questions).argmax(1).tolist()
    return list(zip(questions, labels, strict=True))


def test_questions_keep_their_columns(recipe: str, tmp_path: Path, vocabulary: Path) -> None:
    victim = chooser(tmp_path / "chooser", vocabulary)
    extra = ADA(victim, recipe).extra_rows(questions_for(victim), tmp_path / "cache")
    assert extra
    assert {len(row.parts) for row in extra} == {5}


@pytest.mark.parametrize("task", ["classes", "choices"])
def test_structures_are_added_and_trained_under(
    task: str, victim: str, tmp_path: Path, vocabulary: Path
) -> None:
    if task == "choices":
        victim = chooser(tmp_path / "chooser", vocabulary)
        rows = questions_for(victim)
    else:
        rows = rows_for(victim, 6)
    extra = ADA(victim, "hackattend-plus").extra_rows(rows, tmp_path / "cache")
    assert extra
    again = ADA(victim, "hackattend-plus").extra_rows(rows, tmp_path / "cache")
    assert extra == again
    wrapper = wrapper_for(victim)
    assert {parts for parts, _, _ in extra} <= {parts for parts, _ in rows}
    assert all(wrapper([one_of(row.parts)]).argmax() == row.label for row in extra)

    tokenizer = BertTokenizerFast(str(vocabulary))
    task_like = TASKS["dream" if task == "choices" else "sst2"]
    data = with_extra(rows, extra, task_like, tokenizer, wrapper.model, Defense().columns)
    collator: Any = DataCollatorForMultipleChoice if task == "choices" else DataCollatorWithPadding
    settings = TrainingArguments(str(tmp_path / "run"), use_cpu=True, report_to=[])
    model = without_dropout(wrapper.model)
    training = trainer_of(ADA(victim))(
        ADA(victim), model, settings, collator(tokenizer), data, processing_class=tokenizer
    )
    # Under its structure every added row is read as the attack had it: wrongly.
    for number, row in enumerate(extra):
        loader = training.get_eval_dataloader(data.select([len(rows) + number]))
        (inputs,) = loader
        seen: list[Any] = []
        model.register_forward_hook(lambda module, args, output, seen=seen: seen.append(output))
        loss = training.training_step(model, dict(inputs))
        assert seen[-1].logits.argmax() != row.label
        assert float(loss) > math.log(2) or task == "choices"
        training.plain_step(model, dict(inputs), None)
        assert seen[-1].logits.argmax() == row.label
    mixed = next(iter(training.get_train_dataloader()))
    losses = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(float(training.training_step(model, dict(mixed))))
        optimizer.step()
    assert losses[-1] < 0.9 * losses[0]  # read under their structures, the rows are learnt


def test_structures_of_another_length_are_refused(
    victim: str, tmp_path: Path, vocabulary: Path
) -> None:
    rows = rows_for(victim, 6)
    extra = ADA(victim, "hackattend-plus").extra_rows(rows, tmp_path / "cache")
    shorter = dataclasses.replace(TASKS["sst2"], max_tokens=3)
    tokenizer, model = BertTokenizerFast(str(vocabulary)), wrapper_for(victim).model
    with pytest.raises(StructureMismatchError, match=f"expected {LAYERS} of {HEADS} and 3, as"):
        with_extra(rows, extra, shorter, tokenizer, model, Defense().columns)


def one_of(parts: tuple[str, ...]) -> Any:
    return parts if len(parts) > 1 else parts[0]


def test_rows_of_a_batch_have_structures_of_their_own(
    victim: str, tmp_path: Path, vocabulary: Path
) -> None:
    rows = rows_for(victim, 6)
    extra = ADA(victim, "hackattend-plus").extra_rows(rows, tmp_path / "cache")
    tokenizer = BertTokenizerFast(str(vocabulary))
    model = wrapper_for(victim).model
    data = with_extra(rows, extra, TASKS["sst2"], tokenizer, model, Defense().columns)
    settings = TrainingArguments(
        str(tmp_path / "run"), use_cpu=True, report_to=[], per_device_eval_batch_size=len(data)
    )
    model = without_dropout(wrapper_for(victim).model)
    training = trainer_of(ADA(victim))(
        ADA(victim), model, settings, DataCollatorWithPadding(tokenizer), data
    )
    (whole,) = training.get_eval_dataloader(data)
    seen: list[Any] = []
    hook = model.register_forward_hook(lambda module, args, output: seen.append(output))
    training.training_step(model, dict(whole))
    hook.remove()
    assert hooks_of(model) == []
    logits = seen[-1].logits.detach()
    victim_of_rows = wrapper_for(victim).victim
    for number, (parts, _) in enumerate(rows):
        torch.testing.assert_close(logits[number], victim_of_rows.logits([parts[0]])[0])
    shapes = [victim_of_rows.empty_structure(row.parts[0]).shape for row in extra]
    for number, (row, shape) in enumerate(zip(extra, shapes, strict=True), len(rows)):
        (structure,) = row.masked
        assert structure.shape == shape
        expected = victim_of_rows.logits([row.parts[0]], [structure])[0]
        torch.testing.assert_close(logits[number], expected, atol=1e-4, rtol=1e-4)


def test_what_cannot_be_augmented(victim: str, recipe: str, tmp_path: Path) -> None:
    rows, cache = rows_for(victim, 4), tmp_path / "cache"
    with pytest.raises(InvalidInputError, match="victim: expected the model to attack"):
        ADA("", recipe).extra_rows(rows, cache)
    with pytest.raises(InvalidInputError, match=r"recipe: expected one of .*, got 'tf'"):
        ADA(victim, "tf").extra_rows(rows, tmp_path / "another")


def test_a_victim_that_counts_in_another_order_is_refused(
    victim: str, recipe: str, tmp_path: Path
) -> None:
    path = Path(victim) / "config.json"
    config = json.loads(path.read_text())
    count = len(config.get("id2label", "ab"))
    names = [f"class {letter}" for letter in "abcdef"[:count]]
    config["id2label"] = {str(number): name for number, name in enumerate(names)}
    config["label2id"] = {name: number for number, name in enumerate(names)}
    path.write_text(json.dumps(config))
    rows, ada = rows_for(victim), ADA(victim, recipe)
    with pytest.raises(InvalidInputError, match="victim: expected one that counts the classes"):
        ada.extra_rows(rows, tmp_path / "cache", label_names=names[::-1])
    assert ada.extra_rows(rows, tmp_path / "cache", label_names=[name.upper() for name in names])


def test_a_cache_of_another_run_is_refused(victim: str, recipe: str, tmp_path: Path) -> None:
    rows, cache = rows_for(victim, 4), tmp_path / "cache"
    ADA(victim, recipe).extra_rows(rows, cache)
    with pytest.raises(InvalidInputError, match="got one of another rows; delete it"):
        ADA(victim, recipe).extra_rows(rows[:2], cache)
    cache.write_text(json.dumps({"row": 1}) + "\nnonsense\n")
    with pytest.raises(InvalidInputError, match="delete it to begin anew"):
        ADA(victim, recipe).extra_rows(rows, cache)


def test_other_defenses_add_nothing(tmp_path: Path) -> None:
    assert Defense().extra_rows([(("a",), 0)], tmp_path / "cache") == []


def test_a_cache_belongs_to_the_content_of_its_victim(
    victim: str, recipe: str, tmp_path: Path, vocabulary: Path
) -> None:
    """A path may hold another model by now, and the same model may have moved."""
    rows, cache = rows_for(victim, 4), tmp_path / "cache"
    expected = ADA(victim, recipe).extra_rows(rows, cache)
    moved = Path(victim).rename(tmp_path / "moved")
    assert ADA(str(moved), recipe).extra_rows(rows, cache) == expected
    tiny_model("bert", labels=2, seed=99).save_pretrained(moved)
    with pytest.raises(
        InvalidInputError, match=r"got one of another victim \(weights\); delete it"
    ):
        ADA(str(moved), recipe).extra_rows(rows, cache)
    tiny_model("bert", labels=2).save_pretrained(moved)
    BertTokenizerFast(str(vocabulary), do_lower_case=False).save_pretrained(moved)
    with pytest.raises(InvalidInputError, match=r"got one of another victim \(tokenizer\)"):
        ADA(str(moved), recipe).extra_rows(rows, cache)


def test_a_cache_belongs_to_the_code_of_its_attack(
    victim: str, recipe: str, tmp_path: Path
) -> None:
    rows, cache = rows_for(victim, 4), tmp_path / "cache"
    ADA(victim, recipe).extra_rows(rows, cache)
    (tmp_path / "attack.py").write_text(ATTACK.replace("WordDeletion()", "WordDeletion( )"))
    with pytest.raises(InvalidInputError, match="got one of another attack; delete it"):
        ADA(victim, recipe).extra_rows(rows, cache)


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (
            {"victim": "v", "recipe": "r", "rows": "0"},
            "of version 1 to 2, got version 0, which cannot",
        ),
        ({"schema": 3, "victim": {}, "rows": "0"}, "of version 1 to 2, got version 3"),
        ([], "expected a first line that says"),
    ],
)
def test_a_cache_of_another_version_is_refused(
    header: Any, line: str, victim: str, recipe: str, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    cache.write_text(json.dumps(header) + "\n")
    with pytest.raises(InvalidInputError, match=line) as caught:
        ADA(victim, recipe).extra_rows(rows_for(victim, 2), cache)
    assert "\n" not in str(caught.value)


def flat(structure: Structure) -> list[Any]:
    """The units of a structure as version 1 of the cache has them."""
    units = np.ravel_multi_index(tuple(structure.units.T), structure.shape.size).tolist()
    return [*structure.shape.size[:3], units]


def test_a_cache_of_version_1_is_read_and_goes_on_in_version_2(victim: str, tmp_path: Path) -> None:
    rows, cache, options = rows_for(victim, 6), tmp_path / "cache", ADA(victim, "hackattend-plus")
    expected = options.extra_rows(rows, cache)
    whole = cache.read_text()
    header, *entries = map(json.loads, whole.splitlines())
    for entry in entries:
        entry["masked"] = [flat(from_fields(fields)) for fields in entry["masked"]]
    lines = [json.dumps(line) for line in ({**header, "schema": 1}, *entries)]
    cache.write_text("".join(f"{line}\n" for line in lines[:4]))  # the run was interrupted
    assert options.extra_rows(rows, cache) == expected
    assert cache.read_text() == whole

    entries[0]["masked"] = [[LAYERS, HEADS, 3, [LAYERS * HEADS * 9]]]
    lines[1] = json.dumps(entries[0])
    cache.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(InvalidInputError, match="cache: expected what an earlier run attacked"):
        options.extra_rows(rows, cache)
