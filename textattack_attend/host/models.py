"""Loads models for TextAttack's command line, which would load them wrongly by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from textattack import ModelArgs
from textattack.model_args import HUGGINGFACE_MODELS
from textattack.models.wrappers import HuggingFaceModelWrapper, ModelWrapper
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import CONFIG_NAME

from ..checkpoints.loading import from_pretrained, load_model, scores_choices
from ..checkpoints.places import EXPECTED
from .lines import explained

OF_TEXTATTACK = ("LSTMForClassification", "WordCNNForClassification")
"""The architectures of TextAttack's own models, which it loads by its own classes."""


def with_own_wrappers(original: Any) -> Any:
    """Loads checkpoints of transformers, which TextAttack would ask about code of their own.

    Those that score choices, and those with a card of their training, get our wrapper: TextAttack
    would give the former an untrained head for classes, and the card names the defense that the
    summary shows.
    """

    def create_model(cls: Any, args: ModelArgs) -> Any:
        with explained(lambda: _expected(args)):
            checkpoint = checkpoint_of(args)
            if checkpoint is None:
                return original(cls, args)
            return _wrapped(checkpoint, getattr(args, "trust_remote_code", False))

    return create_model


def checkpoint_of(args: ModelArgs) -> str | None:
    """Returns the checkpoint of transformers that arguments name; None for another model."""
    if args.model_from_file:
        return None
    if args.model in HUGGINGFACE_MODELS:
        return str(HUGGINGFACE_MODELS[args.model])
    if args.model_from_huggingface:
        return str(args.model_from_huggingface)
    return args.model if args.model and _may_be_of_transformers(Path(args.model)) else None


def _may_be_of_transformers(folder: Path) -> bool:
    """Returns whether a folder holds no model of TextAttack's own.

    Whoever loads it as a model of transformers says what else is wrong with it.
    """
    if not folder.exists() or (folder / "t5-wrapper-config.json").exists():
        return False
    try:
        configuration = json.loads((folder / CONFIG_NAME).read_bytes())
    except (OSError, ValueError):
        return True
    architectures = configuration.get("architectures") if isinstance(configuration, dict) else None
    return architectures not in OF_TEXTATTACK


def _wrapped(checkpoint: str, trust_remote_code: bool) -> ModelWrapper:
    from ..checkpoints.card import Card
    from ..models.wrappers import wrapper_for

    if scores_choices(checkpoint, trust_remote_code) or Card.of(Path(checkpoint)):
        return wrapper_for(checkpoint, trust_remote_code)
    model = load_model(AutoModelForSequenceClassification, checkpoint, trust_remote_code)
    tokenizer = from_pretrained(AutoTokenizer, checkpoint, trust_remote_code, use_fast=True)
    return HuggingFaceModelWrapper(model, tokenizer)


def _expected(args: ModelArgs) -> str:
    if args.model_from_file:
        return f"{args.model_from_file}: expected a Python file with a model wrapper named 'model'"
    checkpoint = args.model or args.model_from_huggingface
    if checkpoint:
        return f"{checkpoint}: {EXPECTED}"
    return "expected a model, got none; give --model, --model-from-huggingface or --model-from-file"
