"""Identity: whatever decides a number changes it, and nothing else does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import (
    BertForSequenceClassification,
    BertTokenizerFast,
)

from textattack_attend.attack_recipes import ATTACKS, TextFoolerTransformers
from textattack_attend.attacks.identity import MODEL_OPTIONS, _all, attack_identity, model_content
from textattack_attend.attacks.named import attack_builder
from textattack_attend.datasets import dataset_named
from textattack_attend.datasets.identity import data_identity
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError, StructureMismatchError
from textattack_attend.identity import Identity
from textattack_attend.identity.content import digest_of, digest_of_code
from textattack_attend.models.wrappers import AttentionModelWrapper, SmoothedModelWrapper
from textattack_attend.victims.identity import digest_of_weights, trained_parts
from textattack_attend.victims.prompt import Prompt
from textattack_attend.victims.victim import Victim

from ..conftest import SPECIAL, WORDS, MakeVictim, tiny_config, tiny_model
from ..helpers.python_tokenizer import PythonTokenizer
from ..helpers.tiny_families import CONFIGS, USED, tiny_victim

# --- victims: what changes them ---


def tensors(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def test_every_weight_counts_with_every_byte(make_victim: MakeVictim) -> None:
    """The identity sees changes through ``.data``, too, which PyTorch does not count."""
    victim = make_victim()
    before = victim.identity()
    for name, tensor in tensors(victim.model):
        flat = tensor.data.view(-1).view(torch.uint8)
        for place in {0, len(flat) // 2, len(flat) - 1}:
            flat[place] ^= 1
            assert before.differing(victim.identity()) == ["weights"], (name, place)
            flat[place] ^= 1
    assert victim.identity() == before


def test_the_order_of_weights_counts(make_victim: MakeVictim) -> None:
    """Two rows that trade places through ``.data`` leave the sum of all bytes as it was."""
    victim = make_victim()
    before = victim.identity()
    rows = victim.model.get_input_embeddings().weight.data
    rows[[7, 8]] = rows[[8, 7]]
    assert before.differing(victim.identity()) == ["weights"]


def test_one_row_of_the_embeddings_counts(make_victim: MakeVictim) -> None:
    victim = make_victim()
    before = victim.identity()
    with torch.no_grad():
        victim.model.get_input_embeddings().weight[7] += 1e-3
    assert before.differing(victim.identity()) == ["weights"]


def test_places_and_types_of_weights_count() -> None:
    """Equal bytes under another name, in another shape or of another type are other weights."""

    def named(**weights: torch.Tensor) -> str:
        module = nn.Module()
        for name, weight in weights.items():
            module.register_parameter(name, nn.Parameter(weight, requires_grad=False))
        return digest_of_weights(module)

    weight, other = torch.arange(6.0), torch.ones(6)
    different = {
        named(a=weight, b=other),
        named(a=other, b=weight),
        named(a=weight.view(2, 3), b=other),
        named(a=weight.view(torch.int32), b=other),
        named(a=weight, c=other),
        named(a=weight),
    }
    assert len(different) == 6
    assert named(a=weight.reshape(2, 3).T, b=other) == named(
        a=weight.reshape(2, 3).T.contiguous(), b=other
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_weights_of_every_type_are_hashed(dtype: torch.dtype, make_victim: MakeVictim) -> None:
    victim = make_victim()
    plain = victim.identity()
    victim.model.to(dtype)
    changed = victim.identity()
    assert "weights" in plain.differing(changed)
    assert victim.identity() == changed
    with torch.no_grad():
        victim.model.classifier.bias[0] += 1
    assert changed.differing(victim.identity()) == ["weights"]


def with_config(**fields: Any) -> Callable[[Victim], Victim]:
    """Each case keeps the weights and changes the configuration."""

    def change(victim: Victim) -> Victim:
        config = tiny_config("bert")
        config.num_labels = victim.num_labels
        config.update(fields)
        model = BertForSequenceClassification._from_config(config, attn_implementation="eager")
        model.load_state_dict(victim.model.state_dict())
        return Victim(model.eval(), victim.tokenizer)

    return change


def with_tokenizer(**options: Any) -> Callable[[Victim], Victim]:
    """Each case keeps the vocabulary and changes a rule of the tokenizer."""

    def change(victim: Victim) -> Victim:
        numbers = victim.tokenizer.get_vocab()
        with TemporaryDirectory() as folder:
            words = Path(folder) / "vocab.txt"
            words.write_text("\n".join(sorted(numbers, key=numbers.__getitem__)), encoding="utf-8")
            return Victim(victim.model, BertTokenizerFast(str(words), **options))

    return change


def tokenizer_has(name: str, value: Any) -> Callable[[Victim], Victim]:
    def change(victim: Victim) -> Victim:
        setattr(victim.tokenizer, name, value)
        return Victim(victim.model, victim.tokenizer)

    return change


def adding_a_token(victim: Victim) -> Victim:
    victim.tokenizer.add_tokens(["film story"])
    return victim


def another_activation(victim: Victim) -> Victim:
    victim.model.bert.encoder.layer[1].intermediate.intermediate_act_fn = nn.ReLU()
    return victim


def another_epsilon(victim: Victim) -> Victim:
    victim.model.bert.encoder.layer[1].output.LayerNorm.eps = 0.1
    return victim


def hooked(victim: Victim) -> Victim:
    victim.model.classifier.register_forward_hook(lambda *_: None)
    return victim


def subclassed(victim: Victim) -> Victim:
    class Other(BertForSequenceClassification):
        pass

    model = Other._from_config(victim.model.config, attn_implementation="eager")
    model.load_state_dict(victim.model.state_dict())
    return Victim(model.eval(), victim.tokenizer)


CHANGES: dict[str, tuple[Callable[[Victim], Victim], set[str]]] = {
    "activation": (with_config(hidden_act="relu"), {"configuration"}),
    "norm": (with_config(layer_norm_eps=1e-3), {"configuration"}),
    "activation in place": (another_activation, {"configuration"}),
    "norm in place": (another_epsilon, {"configuration"}),
    "hook": (hooked, {"configuration"}),
    "class of the model": (subclassed, {"configuration"}),
    "lowercase": (with_tokenizer(do_lower_case=False), {"tokenizer"}),
    "accents": (with_tokenizer(strip_accents=False), {"tokenizer"}),
    "unknown token": (with_tokenizer(unk_token="the"), {"tokenizer"}),
    "added token": (adding_a_token, {"tokenizer"}),
    "truncation side": (tokenizer_has("truncation_side", "left"), {"tokenizer"}),
    "padding side": (tokenizer_has("padding_side", "left"), {"tokenizer"}),
    "names of inputs": (
        tokenizer_has("model_input_names", ["input_ids", "attention_mask"]),
        {"tokenizer"},
    ),
    "maximum length": (tokenizer_has("model_max_length", 16), {"max_tokens"}),
    "max_tokens": (lambda v: Victim(v.model, v.tokenizer, max_tokens=16), {"max_tokens"}),
    "precision": (lambda v: Victim(v.model, v.tokenizer, "bfloat16"), {"precision"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_a_victim_changes_its_identity(change: str, make_victim: MakeVictim) -> None:
    before = make_victim().identity()
    make, parts = CHANGES[change]
    assert set(before.differing(make(make_victim()).identity())) == parts
    assert make_victim().identity() == before


def test_the_plain_change_is_none(make_victim: MakeVictim) -> None:
    """The way in which the changes above are made changes nothing by itself."""
    before = make_victim().identity()
    assert with_config()(make_victim()).identity() == before
    assert with_tokenizer()(make_victim()).identity() == before


def test_the_implementation_of_attention_counts(make_victim: MakeVictim) -> None:
    before = make_victim(backend="eager").identity()
    assert before.differing(make_victim(backend="sdpa").identity()) == ["configuration"]


def test_a_prompt_counts_with_its_words() -> None:
    one = tiny_victim("gpt2 prompted")
    for prompt in (
        Prompt("the {} is never", ("good", "bad", "dull")),
        Prompt("the {} was never", ("bad", "good", "dull")),
    ):
        other = Victim(one.model.language_model, one.tokenizer, prompt=prompt)
        assert "prompt" in one.identity().differing(other.identity())


def test_attention_to_the_encoder_counts() -> None:
    plain = tiny_victim("bart")
    crosswise = Victim(plain.model, plain.tokenizer, cross_attention=True)
    assert plain.identity().differing(crosswise.identity()) == ["cross_attention"]


def test_smoothing_counts(make_victim: MakeVictim) -> None:
    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    smoothed = [
        SmoothedModelWrapper(wrapper, *options)
        for options in ((0.1,), (0.2,), (0.1, 4), (0.1, 8, 1))
    ]
    names = {wrapper.identity().name, *(one.identity().name for one in smoothed)}
    assert len(names) == 5
    assert SmoothedModelWrapper(wrapper, 0.1).identity() == smoothed[0].identity()


def test_a_tokenizer_in_python_counts_as_it_behaves(tmp_path: Path) -> None:
    words = tmp_path / "vocab.txt"
    words.write_text("\n".join([*SPECIAL, *WORDS]), encoding="utf-8")
    model = tiny_model()

    def part(**options: Any) -> str:
        return trained_parts(model, PythonTokenizer(str(words), **options))["tokenizer"]

    before = part()
    assert part() == before
    copy = tmp_path / "copy" / "words.txt"
    copy.parent.mkdir()
    shutil.copy(words, copy)
    assert trained_parts(model, PythonTokenizer(str(copy)))["tokenizer"] == before
    assert len({before, part(do_lower_case=False), part(unk_token="the")}) == 3
    tokenizer = PythonTokenizer(str(words))
    tokenizer.basic_tokenizer.do_lower_case = False
    assert trained_parts(model, tokenizer)["tokenizer"] != before
    words.write_text("\n".join([*SPECIAL, *reversed(WORDS)]), encoding="utf-8")
    assert part() != before


def test_adapters_count_with_their_scale_and_their_switch() -> None:
    """A changed scale, or a switched off adapter, leaves all weights as they are."""
    peft = pytest.importorskip("peft")
    victim = tiny_victim("bart")
    config = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"])
    peft.inject_adapter_in_model(config, victim.model, "one")
    names = {victim.identity().name}
    layers = [module for module in victim.model.modules() if hasattr(module, "lora_A")]
    layers[0].scaling["one"] *= 2
    names.add(victim.identity().name)
    for layer in layers:
        layer.enable_adapters(False)
    names.add(victim.identity().name)
    assert len(names) == 3
    for layer in layers:
        layer.enable_adapters(True)
    layers[0].scaling["one"] /= 2
    assert victim.identity().name in names


# --- victims: what does not change them ---


@pytest.mark.parametrize("use", USED)
def test_a_victim_is_the_same_from_another_folder(use: str, tmp_path: Path) -> None:
    victim = tiny_victim(use)
    before = victim.identity()
    victim.logits(["a good film"])
    victim.forward_passes(["a bad film that was lost"], [], [None])
    assert victim.identity() == before
    model = getattr(victim.model, "language_model", victim.model)
    model.save_pretrained(tmp_path)
    victim.tokenizer.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path, attn_implementation="eager")
    tokenizer = type(victim.tokenizer).from_pretrained(tmp_path)  # not what suits the family
    again = Victim(loaded, tokenizer, **USED[use][1])
    assert before.differing(again.identity()) == []


def test_training_mode_and_gradients_do_not_count(make_victim: MakeVictim) -> None:
    victim = make_victim()
    before = victim.identity()
    victim.model.train()
    victim.model.requires_grad_(False)
    victim.tokenizer(["a", "b b"], padding=True, truncation=True, max_length=9)
    assert victim.identity() == before


def test_no_two_families_are_one() -> None:
    names = {tiny_victim(use).identity().name for use in CONFIGS}
    assert len(names) == len(CONFIGS)
    assert all("-" in name for name in names)


def test_the_weights_of_a_model_are_hashed_once(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textattack_attend.victims import identity as module

    hashed: list[nn.Module] = []

    def counting(model: nn.Module) -> str:
        hashed.append(model)
        return digest_of_weights(model)

    monkeypatch.setattr(module, "digest_of_weights", counting)
    victim = make_victim()
    victim.identity()
    victim.identity()
    Victim(victim.model, victim.tokenizer, "bfloat16").identity()
    assert len(hashed) == 1
    with torch.no_grad():
        victim.model.classifier.bias[0] += 1
    victim.identity()
    assert len(hashed) == 2


# --- the record ---


def test_a_record_comes_back_from_json(make_victim: MakeVictim) -> None:
    identity = make_victim().identity()
    assert Identity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@settings(max_examples=50)
@given(value=json_values, name=st.sampled_from(["kind", "parts", "settings", "more", ""]))
def test_a_damaged_record_is_refused(value: Any, name: str) -> None:
    fields: dict[str, Any] = {
        "kind": "bert",
        "parts": {"weights": "0", "configuration": "1", "tokenizer": "2"},
        "settings": {},
    }
    damaged = {**fields, name: value} if name else value
    try:
        read = Identity.from_dict(damaged)
    except ValueError:
        return
    assert read.to_dict() == damaged


def test_replay_says_what_differs(make_victim: MakeVictim, tmp_path: Path) -> None:
    victim, path = make_victim(), tmp_path / "structure"
    victim.save_structure(path, "a film", victim.empty_structure("a film"))
    other = with_tokenizer(do_lower_case=False)(make_victim())
    with pytest.raises(StructureMismatchError, match="which differs in tokenizer;") as caught:
        other.replay(path)
    assert "\n" not in str(caught.value)
    assert other.replay(path, any_model=True).text == "a film"
    assert make_victim().replay(path).text == "a film"


# --- attacks ---

OTHER: dict[type, Any] = {bool: lambda v: not v, int: lambda v: v + 1, float: lambda v: v / 2}


def other_than(value: Any) -> Any:
    if value is None:
        return 1
    return OTHER[type(value)](value) if type(value) in OTHER else f"{value} otherwise"


@pytest.mark.parametrize("recipe", [name for name in ATTACKS if "transformers" not in name])
def test_every_option_counts_and_its_default_is_it(recipe: str) -> None:
    before = attack_identity(recipe, {})
    options = _all(attack_builder(recipe), {})
    assert len(options) >= 5
    for name, value in options.items():
        assert attack_identity(recipe, {name: value}) == before, name
        if name in MODEL_OPTIONS:  # its other values are models, which have tests of their own
            continue
        assert attack_identity(recipe, {name: other_than(value)}) != before, name


def test_no_two_recipes_are_one() -> None:
    names = [*(n for n in ATTACKS if "transformers" not in n), "deepwordbug", "textfooler", "pwws"]
    assert len({digest_of(attack_identity(name, {})) for name in names}) == len(names)


def test_a_whole_number_is_the_share_that_it_says() -> None:
    whole = attack_identity("hackattend", {"mask_fraction": 1})
    assert whole == attack_identity("hackattend", {"mask_fraction": 1.0})
    true = attack_identity("hackattend", {"mask_fraction": True})
    assert digest_of(whole) != digest_of(true)


CODE = """
import helpers
from deeper.inside import something
def attack(wrapper, share=0.1, words=None): ...
"""


def write_code(folder: Path) -> str:
    (folder / "deeper").mkdir(parents=True)
    (folder / "attacks.py").write_text(CODE)
    (folder / "helpers.py").write_text("import further\n")
    (folder / "further.py").write_text("N = 1\n")
    (folder / "deeper" / "__init__.py").write_text("")
    (folder / "deeper" / "inside.py").write_text("something = 1\n")
    (folder / "unrelated.py").write_text("N = 1\n")
    return f"{folder / 'attacks.py'}^attack"


def test_code_counts_with_what_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(write_code(tmp_path / "here").partition("^")[0])
    before = digest_of_code(path)
    for name in ("attacks.py", "helpers.py", "further.py", "deeper/inside.py"):
        file = path.parent / name
        content = file.read_text()
        file.write_text(content + "# changed\n")
        assert digest_of_code(path) != before, name
        file.write_text(content)
    (path.parent / "unrelated.py").write_text("N = 2\n")
    assert digest_of_code(path) == before
    elsewhere = shutil.copytree(path.parent, tmp_path / "there")
    assert digest_of_code(elsewhere / "attacks.py") == before
    monkeypatch.syspath_prepend(path.parent)
    whole = attack_identity(f"{path}^attack", {})
    assert whole == attack_identity(f"{elsewhere / 'attacks.py'}^attack", {"share": 0.1})
    assert whole != attack_identity(f"{path}^attack", {"share": 0.2})


def test_files_that_an_option_names_count_by_content(tmp_path: Path) -> None:
    (tmp_path / "attacks.py").write_text("def attack(wrapper, words=None): ...\n")
    recipe = f"{tmp_path / 'attacks.py'}^attack"
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("a b")
    other.write_text("a b")
    before = attack_identity(recipe, {"words": str(one)})
    assert before == attack_identity(recipe, {"words": str(other)})
    one.write_text("a c")
    assert before != attack_identity(recipe, {"words": str(one)})
    for character in ("/", ".", "..", "", "\0"):
        assert attack_identity(recipe, {"words": character})["options"]["words"] == character


def test_a_word_that_is_also_a_file_stays_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two empty folders of these names must not make one attack of two rankings."""
    monkeypatch.chdir(tmp_path)
    for ranking in ("attention", "first_order"):
        (tmp_path / ranking).mkdir()
    one, other = (
        attack_identity("hackattend", {"ranking": r}) for r in ("attention", "first_order")
    )
    assert one != other


def test_an_encoder_counts_by_its_files(tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    tiny_model().save_pretrained(encoder)
    options = {"encoder": str(encoder)}
    before = attack_identity("textfooler-transformers", options)
    moved = shutil.copytree(encoder, tmp_path / "moved")
    assert attack_identity("textfooler-transformers", {"encoder": str(moved)}) == before
    weights = encoder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert attack_identity("textfooler-transformers", options) != before
    assert model_content(str(encoder)) != model_content(str(moved))
    (moved / ".cache").mkdir()
    (moved / ".cache" / "lock").write_text("x")
    assert attack_identity("textfooler-transformers", {"encoder": str(moved)}) == before


def test_a_model_that_is_not_there_is_one_line() -> None:
    with pytest.raises(InvalidInputError, match="no/such: expected the folder of a checkpoint"):
        model_content("no/such")
    default = signature(TextFoolerTransformers.build).parameters["encoder"].default
    with pytest.raises(InvalidInputError, match=default):
        attack_identity("textfooler-transformers", {})


# --- data ---


def test_data_count_by_content_and_format(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "there" / "other.csv"
    other.parent.mkdir()
    for path in (one, other):
        path.write_text("text,other,label\na film,a plot,0\n")

    def identity(data: str) -> str:
        return data_identity(data, dataset_named(data))

    before = identity(f"{one}^text,label")
    assert identity(f"{other}^text,label") == before
    assert identity(f"{one}^other,label") != before
    one.write_text("text,other,label\na film,a plot,1\n")
    assert identity(f"{one}^text,label") != before
    demo = dataset_named("attend-demo")
    known = data_identity("attend-demo", demo)
    assert data_identity("attend-demo", dataset_named("attend-demo")) == known
    demo._dataset[3] = (demo._dataset[3][0], 1 - demo._dataset[3][1])
    assert data_identity("attend-demo", demo) != known


def test_the_demo_is_what_its_files_are(tmp_path: Path) -> None:
    from textattack_attend.checkpoints.loading import load

    copied = shutil.copytree(VICTIM_PATH, tmp_path / "copy")
    (copied / "README.md").write_text("a copy")
    one, other = (Victim(*load(str(folder))).identity() for folder in (VICTIM_PATH, copied))
    assert one == other
