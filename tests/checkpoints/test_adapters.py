"""Folders of adapters: each is the model that PEFT saved, and nothing else is ever loaded."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, PrefixTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForMaskedLM,
    BertForSequenceClassification,
)

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.benchmark import Store, read_recipe
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.checkpoints.loading import architectures, load, scores_choices
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import (
    AttendError,
    CustomCodeError,
    InvalidInputError,
    StructureMismatchError,
    UnsupportedModelError,
)
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget, Structure
from textattack_attend.training.configuration import configuration_of
from textattack_attend.victims.victim import Victim
from tools.sequential import SequentialHackAttend
from tools.speed import outcome_of

from ..conftest import tiny_model
from ..helpers.adapter_folders import (
    adapted,
    adapter_of_the_demo,
    rewrite,
    saved_base,
    tokenizer_of_the_demo,
)
from ..helpers.tiny_families import PROMPT, tiny, tiny_tokenizer

TEXTS = ["the film was never quite funny", "a good story", "dull and cold but with love"]
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def classifier(tmp_path: Path) -> Any:
    """A tiny classifier with an adapter; ``tmp_path`` has its folder, and that of its base."""
    base = saved_base(tiny_model(), tmp_path / "base")
    model = adapted(base, "query", "value", task_type="SEQ_CLS", scale=1.0)
    model.save_pretrained(str(tmp_path / "adapter"))
    return model


def plain_logits(model: Any, tokenizer: Any, text: str) -> Tensor:
    """The logits by a call of PEFT's model itself."""
    with torch.no_grad():
        logits: Tensor = model(**tokenizer(text, return_tensors="pt")).logits[0]
    return logits


# --- the folder is the model ---


def test_a_folder_is_the_model_that_was_saved(classifier: Any, tmp_path: Path) -> None:
    wrapper = AttentionModelWrapper.from_pretrained(tmp_path / "adapter")
    for text in TEXTS:
        expected = plain_logits(classifier, wrapper.tokenizer, text)
        assert torch.equal(wrapper.victim.logits([text])[0], expected)
    base = Victim(*load(str(tmp_path / "base")))
    assert (base.logits(TEXTS) - wrapper.victim.logits(TEXTS)).abs().max() > 0.1
    of_the_object = AttentionModelWrapper(classifier, wrapper.tokenizer)
    assert of_the_object.identity() == wrapper.identity()


def test_the_tokenizer_of_the_adapter_comes_before_that_of_its_model(
    classifier: Any, tmp_path: Path
) -> None:
    _, tokenizer = load(str(tmp_path / "adapter"))
    assert tokenizer.name_or_path == str(tmp_path / "base")
    changed = AutoTokenizer.from_pretrained(tmp_path / "base")
    changed.add_tokens(["unseen"])
    changed.save_pretrained(tmp_path / "adapter")
    assert "unseen" in load(str(tmp_path / "adapter"))[1].get_vocab()


def test_a_head_of_other_classes_is_that_of_the_adapter(tmp_path: Path) -> None:
    """PEFT saves no number of classes; that of the base model is another one."""
    saved_base(tiny_model(), tmp_path / "base")
    base = BertForSequenceClassification.from_pretrained(
        tmp_path / "base", num_labels=5, ignore_mismatched_sizes=True
    )
    model = adapted(base, "query", task_type="SEQ_CLS", scale=1.0)
    model.save_pretrained(str(tmp_path / "adapter"))
    wrapper = AttentionModelWrapper.from_pretrained(tmp_path / "adapter")
    expected = plain_logits(model, wrapper.tokenizer, TEXTS[0])
    assert expected.shape == (5,)
    assert torch.equal(wrapper.victim.logits(TEXTS[:1])[0], expected)


def test_a_model_that_scores_choices(tmp_path: Path) -> None:
    base = saved_base(tiny("camembert", auto=AutoModelForMultipleChoice), tmp_path / "base")
    model = adapted(base, "query", "value", modules_to_save=["classifier"], scale=1.0)
    model.save_pretrained(str(tmp_path / "adapter"))
    assert scores_choices(str(tmp_path / "adapter"))
    wrapper = AttentionModelWrapper.from_pretrained(tmp_path / "adapter")
    question = ("a film", "was it", "good", "bad", "funny")
    expected = AttentionModelWrapper(model, wrapper.tokenizer).victim.logits([question])
    assert expected.shape == (1, 3)
    assert torch.equal(wrapper.victim.logits([question]), expected)


def test_a_language_model_with_a_prompt(tmp_path: Path) -> None:
    base = saved_base(tiny("llama", auto=AutoModelForCausalLM), tmp_path / "base", "llama")
    before = Victim(base, tiny_tokenizer("llama"), prompt=PROMPT).logits(TEXTS)
    model = adapted(base, "q_proj", "v_proj", task_type="CAUSAL_LM")
    model.save_pretrained(str(tmp_path / "adapter"))
    wrapper = AttentionModelWrapper.from_pretrained(tmp_path / "adapter", prompt=PROMPT)
    expected = Victim(model, tiny_tokenizer("llama"), prompt=PROMPT).logits(TEXTS)
    assert torch.equal(wrapper.victim.logits(TEXTS), expected)
    assert (expected - before).abs().max() > 0.1
    with pytest.raises(InvalidInputError, match=r"got none of score\.weight.*with a prompt"):
        AttentionModelWrapper.from_pretrained(tmp_path / "adapter")


def test_a_prompt_for_an_adapted_classifier_is_refused(classifier: Any, tmp_path: Path) -> None:
    assert architectures(str(tmp_path / "adapter")) == ["BertForSequenceClassification"]
    with pytest.raises(InvalidInputError, match="expected a language model for the prompt, got a"):
        AttentionModelWrapper.from_pretrained(tmp_path / "adapter", prompt=PROMPT)


def test_decisions_are_those_of_one_structure_at_a_time(classifier: Any, tmp_path: Path) -> None:
    wrapper = AttentionModelWrapper.from_pretrained(tmp_path / "adapter")
    plain = Victim(classifier, wrapper.tokenizer)
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.3)
    found = set()
    for text in TEXTS:
        label = int(wrapper.victim.logits([text]).argmax())
        expected = SequentialHackAttend(plain, Budget(0.3)).attack(text, label)
        assert outcome_of(attack.attack(text, label)) == expected
        found.add(expected.status)
    assert "success" in found


LAYERS_OF: dict[str, list[str]] = {
    "llama": ["q_proj", "v_proj", "o_proj", "up_proj"],
    "gpt2": ["c_attn", "c_proj"],
    "mpnet": ["q", "v", "dense"],
    "modernbert": ["Wqkv", "Wo"],
}


@pytest.mark.filterwarnings("ignore:fan_in_fan_out")
@pytest.mark.parametrize("family", LAYERS_OF)
def test_decisions_on_adapted_layers_of_other_families(family: str) -> None:
    """The engine has to see that these layers are not plain, wherever it takes weights from."""
    model = adapted(tiny(family), *LAYERS_OF[family], task_type="SEQ_CLS")
    wrapper = AttentionModelWrapper(model, tiny_tokenizer(family))
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.4)
    for text in TEXTS[1:]:
        label = int(wrapper.victim.logits([text]).argmax())
        expected = SequentialHackAttend(wrapper.victim, Budget(0.4)).attack(text, label)
        assert outcome_of(attack.attack(text, label)) == expected


# --- which victim it is ---


def names_of(tmp_path: Path) -> str:
    return AttentionModelWrapper.from_pretrained(tmp_path / "adapter").identity().name


def test_two_adapters_of_one_model_are_two_victims(classifier: Any, tmp_path: Path) -> None:
    names = {names_of(tmp_path), Victim(*load(str(tmp_path / "base"))).identity().name}
    weights = load_file(tmp_path / "adapter" / WEIGHTS)
    first = next(name for name in weights if "lora_B" in name)
    weights[first][0, 0] += 1e-3  # one byte of one weight
    save_file(weights, tmp_path / "adapter" / WEIGHTS)
    names.add(names_of(tmp_path))
    rewrite(tmp_path / "adapter", lora_alpha=9)
    names.add(names_of(tmp_path))
    base = load_file(tmp_path / "base" / "model.safetensors")
    base["bert.pooler.dense.weight"][0, 0] += 1e-3
    save_file(base, tmp_path / "base" / "model.safetensors", {"format": "pt"})
    names.add(names_of(tmp_path))
    assert len(names) == 5


def test_a_victim_is_the_same_wherever_its_base_model_is(classifier: Any, tmp_path: Path) -> None:
    before = names_of(tmp_path)
    (tmp_path / "base").rename(tmp_path / "moved")
    rewrite(tmp_path / "adapter", base_model_name_or_path=str(tmp_path / "moved"), revision="b")
    assert names_of(tmp_path) == before


def test_a_structure_of_another_adapter_is_refused(classifier: Any, tmp_path: Path) -> None:
    first = AttentionModelWrapper.from_pretrained(tmp_path / "adapter")
    base = BertForSequenceClassification.from_pretrained(tmp_path / "base")
    other = AttentionModelWrapper(
        adapted(base, "query", "value", task_type="SEQ_CLS", seed=1), first.tokenizer
    )
    structure = Structure.whole(first.victim.empty_structure(TEXTS[0]).shape, [(0, 0)])
    first.victim.save_structure(tmp_path / "found.safetensors", TEXTS[0], structure)
    assert len(first.replay(tmp_path / "found.safetensors").structure) == len(structure)
    with pytest.raises(StructureMismatchError, match="differs in weights"):
        other.replay(tmp_path / "found.safetensors")


def test_rows_of_two_adapters_are_never_mixed(tmp_path: Path) -> None:
    """The second adapter lies in the folder of the first, whose rows are in the store."""
    folder = tmp_path / "adapter"
    (tmp_path / "recipe.yaml").write_text(
        f"data: attend-demo\nexamples: 2\nvictims:\n  adapted: {folder}\n"
        "attacks:\n  HackAttend: {recipe: hackattend, options: {max_layers: 1, max_heads: 1}}\n"
    )
    store = Store(tmp_path / "store.sqlite")
    for seed in (0, 1, 1):
        adapter_of_the_demo(folder, seed)
        Benchmark(read_recipe(tmp_path / "recipe.yaml"), store).run()
    with closing(sqlite3.connect(store.path)) as database:
        (rows,) = database.execute("select count(*) from examples").fetchone()
        (cells,) = database.execute("select count(distinct cell) from examples").fetchone()
    assert (rows, cells) == (4, 2)  # the third run attacked nothing


# --- what is no adapter of its model is refused ---


def without_base(folder: Path) -> None:
    shutil.rmtree(folder / "base")


def of_wider_layers(folder: Path) -> None:
    shutil.copytree(VICTIM_PATH, folder / "base", dirs_exist_ok=True)


def of_other_names(folder: Path) -> None:
    shutil.rmtree(folder / "base")
    tiny_model("distilbert").save_pretrained(folder / "base")


def changed(change: Callable[[dict[str, Tensor]], Any]) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        weights = load_file(folder / "adapter" / WEIGHTS)
        change(weights)
        save_file(weights, folder / "adapter" / WEIGHTS)

    return run


def without(part: str) -> Callable[[Path], None]:
    return changed(lambda weights: [weights.pop(name) for name in list(weights) if part in name])


def as_a_pickle(folder: Path) -> None:
    weights = load_file(folder / "adapter" / WEIGHTS)
    torch.save(weights, folder / "adapter" / "adapter_model.bin")
    (folder / "adapter" / WEIGHTS).unlink()


def cut_in_two(folder: Path) -> None:
    path = folder / "adapter" / WEIGHTS
    path.write_bytes(path.read_bytes()[:500])


def written(**fields: Any) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder / "adapter", **fields)


def of_an_adapter(folder: Path) -> None:
    shutil.copytree(folder / "adapter", folder / "first")
    rewrite(folder / "adapter", base_model_name_or_path=str(folder / "first"))


def of_itself(folder: Path) -> None:
    rewrite(folder / "adapter", base_model_name_or_path=str(folder / "adapter"))


ANOTHER = "expected an adapter of the model .*base, got one of another "
WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "no base": (
        without_base,
        r"its model|the model of this adapter cannot be loaded; .*/base: exp",
    ),
    "wider layers": (of_wider_layers, ANOTHER + r"\(.* instead of \("),
    "other layers": (of_other_names, ANOTHER + r"\((Target|No) modules .*target"),
    "no head": (without("classifier"), ANOTHER + r"\(classifier\.\w+ is missing"),
    "a weight missing": (without("layer.1"), ANOTHER + r"\(bert.*lora_A.weight is missing"),
    "a weight too many": (
        changed(lambda weights: weights.update(other=torch.ones(1))),
        ANOTHER + r"\(other has no place",
    ),
    "a pickle": (as_a_pickle, r"in adapter_model.safetensors, got none; .*pickles"),
    "half a file": (cut_in_two, "expected the folder of a checkpoint"),
    "tokens": (written(peft_type="PREFIX_TUNING"), "which puts tokens before every text"),
    "a mixture": (written(peft_type="XLORA", hidden_size=1, adapters={}), "works around a model"),
    "waiting": (written(alora_invocation_tokens=[5]), "waits for its own tokens"),
    "no kind": (written(peft_type="NOTHING"), "expected the folder of a checkpoint"),
    "an adapter": (of_an_adapter, "of a whole model, got one of another adapter, .*first; merge"),
    "itself": (of_itself, "of a whole model, got one of another adapter, .*adapter; merge"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_adapter_that_does_not_fit_is_one_line(
    name: str, classifier: Any, tmp_path: Path
) -> None:
    spoil, line = WRONG[name]
    spoil(tmp_path)
    with pytest.raises(AttendError) as caught:
        AttentionModelWrapper.from_pretrained(tmp_path / "adapter")
    said = str(caught.value)
    assert re.search(line, said), said
    assert re.fullmatch(r"[^\n\x1b]*expected [^\n\x1b]+", said)


def test_a_module_that_an_adapter_names_is_not_imported(
    classifier: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stranger.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    rewrite(tmp_path / "adapter", megatron_config={"a": 1}, megatron_core="stranger")
    with pytest.raises(CustomCodeError, match="megatron_config makes PEFT import a module"):
        load(str(tmp_path / "adapter"))
    assert not (tmp_path / "mark").exists()


def test_weights_that_nobody_saved_are_not_drawn_at_random(tmp_path: Path) -> None:
    """PEFT saves the head alone; a pooler that the base model lacks is lost."""
    saved_base(BertForMaskedLM(tiny_model().config), tmp_path / "base")
    base = BertForSequenceClassification.from_pretrained(tmp_path / "base")
    adapted(base, "query", task_type="SEQ_CLS").save_pretrained(str(tmp_path / "adapter"))
    with pytest.raises(InvalidInputError, match=r"got none of bert\.pooler.*modules_to_save"):
        load(str(tmp_path / "adapter"))


def test_peft_is_asked_for(
    classifier: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "textattack_attend.checkpoints.adapters.find_spec",
        lambda name: None if name == "peft" else find(name),
    )
    with pytest.raises(InvalidInputError, match=r"peft.*pip install 'textattack_attend\[peft\]'"):
        load(str(tmp_path / "adapter"))


def test_an_adapter_is_not_trained(classifier: Any, tmp_path: Path) -> None:
    auto = AutoModelForSequenceClassification
    with pytest.raises(InvalidInputError, match="expected a whole model to train, got an adapter"):
        configuration_of(str(tmp_path / "adapter"), auto, {}, 2)


# --- objects ---

REFUSED = {
    "PREFIX_TUNING": PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2),
    "waits for its own tokens": LoraConfig(
        task_type="CAUSAL_LM", target_modules=["q_proj"], alora_invocation_tokens=[5]
    ),
}


@pytest.mark.parametrize("line", REFUSED)
def test_an_object_whose_wrapper_computes_something_is_refused(line: str) -> None:
    config = REFUSED[line]
    is_language_model = config.task_type == "CAUSAL_LM"
    base = tiny("llama", auto=AutoModelForCausalLM) if is_language_model else tiny("camembert")
    model: Any = get_peft_model(base, config)
    prompt = PROMPT if is_language_model else None
    with pytest.raises(UnsupportedModelError, match=line):
        Victim(model, tiny_tokenizer("llama"), prompt=prompt)


def test_an_adapter_that_was_merged_is_a_model_of_its_own(classifier: Any, tmp_path: Path) -> None:
    unmerged = Victim(classifier, tiny_tokenizer("camembert"))
    name, before = unmerged.identity().name, unmerged.logits(TEXTS)
    again = PeftModel.from_pretrained(
        BertForSequenceClassification.from_pretrained(tmp_path / "base"), tmp_path / "adapter"
    )
    merged = Victim(again.merge_and_unload(), tiny_tokenizer("camembert"))
    assert torch.allclose(merged.logits(TEXTS), before, atol=1e-4)
    assert merged.identity().name != name


def test_the_demo_is_a_base_model(tmp_path: Path) -> None:
    model = adapter_of_the_demo(tmp_path / "adapter")
    wrapper = AttentionModelWrapper.from_pretrained(tmp_path / "adapter")
    expected = plain_logits(model, tokenizer_of_the_demo(), TEXTS[0])
    assert torch.equal(wrapper.victim.logits(TEXTS[:1])[0], expected)
