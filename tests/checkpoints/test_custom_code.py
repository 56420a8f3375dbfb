"""The code that a checkpoint brings along: never asked about, and run only if it is allowed."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, dynamic_module_utils

from textattack_attend.attack_recipes import BERTAttackTransformers, TextFoolerTransformers
from textattack_attend.attack_recipes.mean_pooled_encoder import MeanPooledEncoder
from textattack_attend.benchmark import Results, Store, read_recipe
from textattack_attend.benchmark.running.runner import Benchmark
from textattack_attend.checkpoints.custom_code import never_asking
from textattack_attend.checkpoints.loading import load
from textattack_attend.commands.main import main
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import CustomCodeError, InvalidInputError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.report import report
from tools.__main__ import main as tools

from ..conftest import tiny_model
from ..helpers.custom_checkpoint import write_custom
from ..helpers.limits import limits
from ..helpers.tiny_training import write_reviews
from ..trials.trial import CommandRefusedError, command

ROOT = Path(__file__).parents[2]
ASKS = (
    r"expected a checkpoint that transformers has the code for, got one that asks to run its own "
    r"\('configuration_own.OwnConfig', 'modeling_own.OwnModel'\); if you trust it, allow it with "
    r"--trust-remote-code \(trust_remote_code: true in a recipe\)"
)


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets transformers copy code to a folder of the test."""
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))  # of programs it starts
    monkeypatch.setattr(sys, "path", [*sys.path])
    # The package of copied code that another test has imported lies in that test's folder.
    for name in [own for own in sys.modules if own.split(".")[0] == "transformers_modules"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file that the code of the checkpoint makes when it is run."""
    return tmp_path / "mark"


@pytest.fixture
def own(tmp_path: Path, mark: Path, vocabulary: Path) -> str:
    return write_custom(tmp_path / "own", mark, vocabulary)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.tsv"
    path.write_text("good film\t1\nbad plot\t0\nthe actor is great\t1\ndull scene\t0\n")
    return path


def run_real(*arguments: object, answer: str = "y\n") -> subprocess.CompletedProcess[str]:
    """Runs a program in a process of its own, with an answer on its standard input."""
    script = "import sys; sys.argv = sys.argv[1:]; "
    script += (
        "from textattack.commands.textattack_cli import main"
        if arguments[0] == "textattack"
        else "from textattack_attend.commands.main import main"
    )
    return subprocess.run(
        [sys.executable, "-c", f"{script}; main()", *map(str, arguments)],
        input=answer,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


# --- the command lines ---


def test_a_piped_yes_runs_no_code(own: str, mark: Path, data: Path) -> None:
    done = run_real("textattack-attend", "check", "--model", own, "--data", data)
    assert done.returncode == 1
    assert done.stdout == ""
    *progress, line = done.stderr.splitlines()
    assert progress == ["loading the libraries", f"loading {own}"]
    assert re.search(ASKS, line)
    assert not mark.exists()


@pytest.mark.slow
def test_a_piped_yes_runs_no_code_in_textattack(own: str, mark: Path, data: Path) -> None:
    asked = ["textattack", "attack", "--recipe", "hackattend", "-n", "2"]
    asked += ["--dataset-from-file", f"{data}^sst2"]
    done = run_real(*asked, "--model", own)
    assert done.returncode == 1
    assert "asks to run its own" in done.stderr.splitlines()[-1]
    assert "[y/N]" not in done.stdout + done.stderr
    assert not mark.exists()
    allowed = ["--model-from-huggingface", own, "--trust-remote-code"]
    done = run_real(*asked, *allowed, answer="")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Attack Results" in done.stdout
    assert mark.exists()


@pytest.mark.parametrize("name", ["check", "identity", "train"])
def test_code_that_is_allowed_runs(name: str, own: str, mark: Path, data: Path) -> None:
    asked: list[object] = [name, "--model", own]
    if name == "train":
        write_reviews(data.parent / "reviews", 32, 8)
        asked += ["--task", "sst2", "--data", data.parent / "reviews", "--epochs", 1]
        asked += ["--output", data.parent / "victim"]
    elif name == "check":
        asked += ["--data", data]
    with pytest.raises(CommandRefusedError, match=ASKS):
        command(*asked)
    assert not mark.exists()
    assert not (data.parent / "victim").exists()
    assert command(*asked, "--trust-remote-code")
    assert mark.exists()


def test_every_command_with_a_model_has_the_option() -> None:
    for name, one in {**main.commands, **tools.commands}.items():
        options = [option for parameter in one.params for option in parameter.opts]
        takes_model = not {"--model", "model", "source"}.isdisjoint(options)
        assert takes_model == ("--trust-remote-code" in options), name


def test_commands_of_textattack_ask_nothing(own: str, mark: Path) -> None:
    with never_asking(), pytest.raises(ValueError, match="requires you to execute custom code"):
        AutoModelForSequenceClassification.from_pretrained(own)
    assert not mark.exists()
    assert dynamic_module_utils.TIME_OUT_REMOTE_CODE > 0


# --- all that loads ---


def test_all_loading_is_in_one_place() -> None:
    own = {"tools/demo/train.py", "tools/identity.py"}  # these load what they have written
    own |= {"textattack_attend/checkpoints/adapters.py"}  # a configuration of PEFT, without code
    own |= {"tools/tiny_families/victims.py"}  # it makes configurations of its own
    own |= {"tools/answering.py"}  # it runs with older versions of the package as well
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("textattack_attend", "tools")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\.from_(pretrained|config)\((?!.*trust_remote_code=|{)", path.read_text())
    }
    assert found == own


def test_models_of_attacks_run_no_code(own: str, mark: Path, vocabulary: Path) -> None:
    wrapper: Any = None  # these are refused before the victim is looked at
    for build in (
        lambda: MeanPooledEncoder(own),
        lambda: TextFoolerTransformers.build(wrapper, encoder=own),
        lambda: BERTAttackTransformers.build(wrapper, masked_language_model=own),
    ):
        with pytest.raises(CustomCodeError, match="take one without code of its own"):
            build()
    assert not mark.exists()


def test_an_attention_from_the_hub_is_code(tmp_path: Path, vocabulary: Path) -> None:
    folder = tmp_path / "victim"
    tiny_model("bert", labels=2).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    for field in (
        {"_attn_implementation": "someone/kernel"},
        {"_attn_implementation_internal": "someone/kernel"},
        {"text_config": {"_attn_implementation": {"": "someone/kernel"}}},
    ):
        (folder / "config.json").write_text(json.dumps({**config, **field}))
        with pytest.raises(CustomCodeError, match=r"asks to run its own \('someone/kernel'\)"):
            load(str(folder))


def test_a_pickle_of_weights_is_refused(tmp_path: Path, mark: Path, vocabulary: Path) -> None:
    class Touch:
        def __reduce__(self) -> Any:
            return Path.touch, (mark,)

    folder = tmp_path / "victim"
    tiny_model("bert", labels=2).save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Touch()}, folder / "pytorch_model.bin")
    with pytest.raises(InvalidInputError) as refusal:
        load(str(folder))
    assert "\n" not in str(refusal.value)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Touch()}))
    with pytest.raises(InvalidInputError):
        load(str(folder))
    assert not mark.exists()


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bert-led"  # transformers would guess a model by this name
    tiny_model("bert", labels=2).save_pretrained(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InvalidInputError, match=r"the folder has no config\.json"):
        load(str(folder))


# --- what was trained, attacked and reported with code ---


def test_a_model_that_was_trained_with_code_is_not_run_without_it(
    own: str, mark: Path, tmp_path: Path
) -> None:
    output = tmp_path / "victim"
    data = write_reviews(tmp_path / "reviews", 32, 8)
    asked = ["--task", "sst2", "--data", data, "--epochs", 1, "--output", output, "--model", own]
    command("train", *asked, "--trust-remote-code")
    mark.unlink()
    with pytest.raises(CustomCodeError, match=ASKS):
        wrapper_for(str(output))
    assert not mark.exists()
    assert type(wrapper_for(str(output), trust_remote_code=True).model).__name__ == "OwnModel"


def test_the_code_is_a_part_of_the_identity(mark: Path, tmp_path: Path, vocabulary: Path) -> None:
    identities = []
    for name, factor in (("one", 1.0), ("elsewhere", 1.0), ("other", 2.0)):
        folder = write_custom(tmp_path / name, mark, vocabulary, factor)
        identities.append(wrapper_for(folder, trust_remote_code=True).identity())
    imported = Path(folder) / "configuration_own.py"
    imported.write_text(f"{imported.read_text()}\nCHANGED = True\n")
    changed = wrapper_for(folder, trust_remote_code=True).identity()
    one, elsewhere, other = identities
    assert one == elsewhere
    assert one.parts["weights"] == other.parts["weights"]
    assert one.parts["configuration"] != other.parts["configuration"]
    assert changed.parts["configuration"] != other.parts["configuration"]


def test_a_report_says_whose_code_ran(own: str, mark: Path, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    fields: dict[str, Any] = {
        "data": f"{data}^sst2",
        "victims": {"own": [own]},
        "attacks": {"random": "hackattend-random"},
    }
    path.write_text(json.dumps(fields))
    before = read_recipe(path).model_dump_json()
    assert "trust_remote_code" not in before  # so that older runs are found again
    with pytest.raises(InvalidInputError, match=ASKS):
        Benchmark(read_recipe(path), Store(tmp_path / "store"))
    assert not mark.exists()
    path.write_text(json.dumps({**fields, "trust_remote_code": True}))
    store = Store(tmp_path / "store")
    Benchmark(read_recipe(path), store).run()
    page = report(Results.of(store))
    assert f"Ran the custom code of the checkpoints that have some: {own}." in page
    path.write_text(json.dumps({**fields, "trust_remote_code": "yes"}))
    with pytest.raises(InvalidInputError, match="trust_remote_code: expected true or false"):
        read_recipe(path)


# --- adapters ---


def adapter_of(folder: Path, base: object) -> str:
    """Makes the folder of an adapter, with the tokenizer of the demo beside it."""
    folder.mkdir()
    for file in VICTIM_PATH.glob("[tvs]*"):
        (folder / file.name).write_bytes(file.read_bytes())
    fields = {"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 4, "target_modules": ["query"]}
    text = json.dumps({**fields, "base_model_name_or_path": base})
    (folder / "adapter_config.json").write_text(text)
    save_file({}, folder / "adapter_model.safetensors")
    return str(folder)


def test_code_of_the_model_below_an_adapter_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(VICTIM_PATH, base)
    fields = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**fields, "_attn_implementation": "an/attack"}))
    with pytest.raises(CustomCodeError, match="'an/attack'"):
        load(adapter_of(tmp_path / "adapter", str(base)))


@pytest.mark.parametrize("base", ["http://127.0.0.1:9/model", 5, None])
def test_an_adapter_of_no_checkpoint_is_refused(base: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected an adapter whose base_model"):
        load(adapter_of(tmp_path / "adapter", base))


# --- wrong configurations ---

WRONG: dict[str, dict[str, object]] = {
    "classes": {"num_labels": 10**9},
    "layers": {"num_hidden_layers": 10**9},
    "a width that is a text": {"hidden_size": "a"},
    "no head": {"num_attention_heads": 0},
    "an unknown activation": {"hidden_act": "os.system"},
    "padding outside the vocabulary": {"pad_token_id": 10**9},
    "a dtype with an escape sequence": {"dtype": "\x1b[31mred\n\nx"},
    "a quantisation that is a text": {"quantization_config": "x"},
    "another width": {"hidden_size": 64},
    "a family that is a list": {"model_type": [1]},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_configuration_is_one_line(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "wrong"
    shutil.copytree(VICTIM_PATH, folder)
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**fields, **WRONG[name]}))
    with limits(seconds=5, mebibytes=500), pytest.raises(InvalidInputError) as caught:
        load(str(folder))
    assert re.fullmatch(r"[^\n\x1b]+: expected [^\n\x1b]+", str(caught.value))


@pytest.mark.parametrize("content", ["[]", "5", "[" * 100_000, "", "{"])
@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_file_that_is_no_configuration_is_one_line(
    file: str, content: str, tmp_path: Path
) -> None:
    folder = tmp_path / "wrong"
    shutil.copytree(VICTIM_PATH, folder)
    (folder / file).write_text(content)
    with limits(seconds=5, mebibytes=500), pytest.raises(InvalidInputError) as caught:
        load(str(folder))
    assert "\n" not in str(caught.value)
