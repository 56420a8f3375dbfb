"""Makes folders of adapters, with tiny base models, or with the demo's victim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from textattack_attend.demo import VICTIM_PATH

from .tiny_families import tiny_tokenizer


def adapted(model: Any, *targets: str, seed: int = 0, scale: float = 0.0, **options: Any) -> Any:
    """Puts LoRA into a model, with weights at random, those of its head included.

    Args:
        model: the model.
        targets: the names of the layers that get an adapter.
        seed: the seed of the weights.
        scale: the deviation of what is added to the saved modules.
        options: options of the adapter.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        whole = get_peft_model(
            model,
            LoraConfig(r=2, target_modules=list(targets), init_lora_weights=False, **options),
        )
        with torch.no_grad():
            for name, weight in whole.named_parameters():
                if "modules_to_save" in name:
                    weight.add_(torch.randn_like(weight), alpha=scale)
    return whole.eval()


def saved_base(model: Any, folder: Path, family: str = "camembert") -> Any:
    """Saves a tiny model with its tokenizer, and loads it again, so that it knows its folder."""
    model.save_pretrained(folder)
    tiny_tokenizer(family).save_pretrained(folder)
    return type(model).from_pretrained(folder)


def adapter_of_the_demo(folder: Path, seed: int = 0) -> Any:
    """Writes the folder of an adapter that changes the demo's victim, and returns it."""
    model = AutoModelForSequenceClassification.from_pretrained(VICTIM_PATH)
    whole = adapted(model, "query", "value", seed=seed, task_type="SEQ_CLS", lora_alpha=1)
    whole.save_pretrained(str(folder))
    return whole


def tokenizer_of_the_demo() -> Any:
    return AutoTokenizer.from_pretrained(VICTIM_PATH)


def rewrite(folder: Path, **fields: Any) -> None:
    """Changes fields of an adapter's configuration."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
