"""What the tests share: tiny random victims of every family, made without network.

A victim of transformers' default `initializer_range` moves its logits by 4e-8 when a unit is
masked, so that a test on it proves nothing. These are drawn with 0.5, their biases and norms too.
"""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import random
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertTokenizerFast,
    DistilBertConfig,
    ElectraConfig,
    ElectraPreTrainedModel,
    PretrainedConfig,
    PreTrainedModel,
    RobertaConfig,
)

from textattack_attend.versions import fits
from textattack_attend.victims.victim import Victim
from tools.tiny_families.sizes import HEADS as HEADS
from tools.tiny_families.sizes import HIDDEN as HIDDEN
from tools.tiny_families.sizes import LABELS as LABELS
from tools.tiny_families.sizes import LAYERS as LAYERS
from tools.tiny_families.sizes import MAX_TOKENS as MAX_TOKENS
from tools.tiny_families.sizes import PAD as PAD
from tools.tiny_families.sizes import WORDS as WORDS

torch.set_num_threads(
    1
)  # tiny models: a second thread on a busy machine makes them 10 times slower

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="../shared (victims, data) is missing; CI has it and runs this"
)

SPECIAL = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]  # RoBERTa's pad must be 1

FAMILIES = ("bert", "distilbert", "electra", "roberta")
BACKENDS = ("eager", "sdpa")
# transformers before 5 refuses sdpa for ELECTRA.
COMBINATIONS = [
    (family, backend)
    for family in FAMILIES
    for backend in BACKENDS
    if (family, backend) != ("electra", "sdpa") or ElectraPreTrainedModel._supports_sdpa
]
# Weights whose predictions differ by text, so that attacks both succeed and fail. RoBERTa draws its
# embeddings in another order from transformers 5 on.
SEEDS = {"bert": 1, "distilbert": 6, "electra": 2, "roberta": 16 if fits("5.0") else 10}

_BERT_SIZES = {
    "vocab_size": len(SPECIAL) + len(WORDS),
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 2 * HIDDEN,
    "max_position_embeddings": MAX_TOKENS,
}


class MakeVictim(Protocol):
    """Makes a tiny victim of its own: for tests that train, freeze or break it."""

    def __call__(
        self,
        family: str = "bert",
        backend: str = "eager",
        *,
        labels: int = LABELS,
        seed: int | None = None,
    ) -> Victim: ...


def tiny_config(family: str) -> PretrainedConfig:
    """The configuration of a tiny model whose logits feel a masked unit."""
    # ELECTRA's embeddings are projected without a norm: with 0.5 its attention would be one-hot.
    common = {"initializer_range": 0.3 if family == "electra" else 0.5, "pad_token_id": PAD}
    if family == "bert":
        return BertConfig(**_BERT_SIZES, **common)
    if family == "electra":
        return ElectraConfig(**_BERT_SIZES, **common, embedding_size=12)
    if family == "roberta":
        sizes = {**_BERT_SIZES, "max_position_embeddings": MAX_TOKENS + 2}
        return RobertaConfig(**sizes, **common)
    return DistilBertConfig(
        vocab_size=_BERT_SIZES["vocab_size"],
        dim=HIDDEN,
        n_layers=LAYERS,
        n_heads=HEADS,
        hidden_dim=2 * HIDDEN,
        max_position_embeddings=MAX_TOKENS,
        **common,
    )


def tiny_model(
    family: str = "bert", backend: str = "eager", *, labels: int = LABELS, seed: int | None = None
) -> PreTrainedModel:
    """A tiny random classifier in eval mode; the same weights for every backend."""
    with torch.random.fork_rng():
        torch.manual_seed(SEEDS[family] if seed is None else seed)
        config = tiny_config(family)
        config.num_labels = labels
        model: PreTrainedModel = AutoModelForSequenceClassification.from_config(
            config, attn_implementation=backend
        )
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 1:  # biases and norms, which start as zeros and ones
                    parameter.add_(0.3 * torch.randn_like(parameter))
    model.eval()
    return model


def random_text(generator: random.Random, at_least: int = 2, at_most: int = 9) -> str:
    """Words of the tiny tokenizer, one token each."""
    return " ".join(generator.choices(WORDS, k=generator.randint(at_least, at_most)))


def random_texts(count: int, seed: int = 0) -> list[str]:
    """Different texts of different lengths."""
    generator = random.Random(seed)
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[random_text(generator)] = None
    return list(texts)


def hooks_of(model: nn.Module) -> list[str]:
    """Where the model carries a hook of any kind, or another forward, as ``module: kind``."""
    return [
        f"{name}: {kind}"
        for name, module in model.named_modules()
        for kind, hooks in vars(module).items()
        if ("_hooks" in kind and hooks) or kind == "forward"
    ]


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    path.write_text("\n".join([*SPECIAL, *WORDS]), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def make_victim(vocabulary: Path) -> MakeVictim:
    def make(
        family: str = "bert",
        backend: str = "eager",
        *,
        labels: int = LABELS,
        seed: int | None = None,
    ) -> Victim:
        tokenizer = BertTokenizerFast(str(vocabulary))
        if family in ("distilbert", "roberta"):  # as their own tokenizers: no token types
            tokenizer.model_input_names = ["input_ids", "attention_mask"]
        return Victim(tiny_model(family, backend, labels=labels, seed=seed), tokenizer)

    return make


@pytest.fixture(scope="session", params=COMBINATIONS, ids="-".join)
def victim(request: pytest.FixtureRequest, make_victim: MakeVictim) -> Victim:
    """A tiny victim of every family and backend, shared: leave it as you found it."""
    family, backend = request.param
    return make_victim(family, backend)


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Path:
    """A folder with all that the commands of `jobs` read; leave it as you found it."""
    from .helpers.jobs import write_all  # it takes its models from here

    folder = tmp_path_factory.mktemp("start")
    write_all(folder, vocabulary)
    return folder


@pytest.fixture
def fresh(start: Path, tmp_path: Path) -> Callable[[], Path]:
    """Copies the folder `start`, for every run another one."""
    numbers = count()

    def copied() -> Path:
        folder = tmp_path / str(next(numbers))
        shutil.copytree(start, folder)
        return folder

    return copied


@pytest.fixture(scope="session")
def true(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A true store, for tests to copy and change; all that reads it is imported."""
    from .helpers.hostile_steps import warm_store

    return warm_store(tmp_path_factory.mktemp("true"))
