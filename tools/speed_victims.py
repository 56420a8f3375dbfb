"""The victims of the table of speeds: the real checkpoints, or random weights of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textattack_attend.analysis.example import Example
from textattack_attend.attacks.structured_text import attacked_text
from textattack_attend.commands.common import examples_of
from textattack_attend.datasets import dataset_named
from textattack_attend.models.wrappers import AttentionModelWrapper, wrapper_for
from textattack_attend.registry import Registry
from textattack_attend.victims.prompt import Prompt

from .random_models import Size, demo_tokenizer, random_model

SST2 = "data/sst2/dev.tsv^sst2"
DREAM = "data/dream/dev.json^dream"
RANDOM_TOKENS = 512
"""The most tokens that a model with random weights reads."""


@dataclass(frozen=True)
class SpeedVictim:
    """A victim of the table.

    Args:
        checkpoint: the name of the checkpoint's folder.
        size: the size of the model, for random weights where there is no such folder.
        examples: the number of examples to attack.
        data: the examples, a name of data inside the folder of shared files.
        prompt: the prompt of a language model.
        max_tokens: the most tokens of a sequence.
    """

    checkpoint: str
    size: Size
    examples: int
    data: str = SST2
    prompt: Prompt | None = None
    max_tokens: int | None = None


SPEED_VICTIMS: Registry[SpeedVictim] = Registry("victim")
for _victim in (
    SpeedVictim("minilm-sst2", Size("bert", 6, 12, 32), 100),
    SpeedVictim("mpnet-sst2", Size("mpnet", 12, 12), 8),
    SpeedVictim("gpt2-sst2", Size("gpt2", 4, 8, 16), 60),
    SpeedVictim("llama-sst2", Size("llama", 4, 8, 16, key_heads=4, inner=256), 60),
    SpeedVictim(
        "smollm2-hf",
        Size("llama", 30, 9, key_heads=3, inner=1536, head="language"),
        1,
        prompt=Prompt("Review: {}\nSentiment:", (" negative", " positive")),
    ),
    SpeedVictim(
        "minilm-dream", Size("bert", 6, 12, 32, head="choices"), 6, data=DREAM, max_tokens=128
    ),
):
    SPEED_VICTIMS.register(_victim.checkpoint, _victim)


@dataclass(frozen=True)
class Loaded:
    """A victim that can be attacked.

    Args:
        wrapper: the victim behind its wrapper.
        examples: the examples to attack.
        weights: "real" or "random".
    """

    wrapper: AttentionModelWrapper
    examples: list[Example]
    weights: str


def checkpoints_of(victim: SpeedVictim, folders: Sequence[Path]) -> list[Path]:
    """Returns the folders of a victim's checkpoint inside other folders."""
    inside = (folder / victim.checkpoint for folder in folders)
    return [folder for folder in inside if folder.is_dir()]


def load(victim: SpeedVictim, folders: Sequence[Path], shared: Path, examples: int) -> Loaded:
    """Loads a victim from the first folder that has it, or else gives it random weights.

    A victim with random weights knows no label, so each of its examples has the label that it
    predicts.

    Args:
        victim: the victim.
        folders: the folders that may have its checkpoint.
        shared: the folder of shared files, which has the data.
        examples: the number of examples, from the first on.
    """
    found = checkpoints_of(victim, folders)
    own = examples_of(dataset_named(f"{shared / victim.data}", count=examples), examples)
    options: dict[str, Any] = {"prompt": victim.prompt, "max_tokens": victim.max_tokens}
    if found:
        return Loaded(wrapper_for(found[0], **options), own, "real")
    tokenizer = demo_tokenizer(RANDOM_TOKENS)
    model = random_model(victim.size, tokenizer, RANDOM_TOKENS)
    wrapper = AttentionModelWrapper(model, tokenizer, **options)
    return Loaded(wrapper, [(text, predicted(wrapper, text)) for text, _ in own], "random")


def predicted(wrapper: AttentionModelWrapper, example: Any) -> int:
    """Returns the class that a victim predicts."""
    text = attacked_text(example).tokenizer_input
    return int(wrapper.victim.logits([text])[0].argmax())
