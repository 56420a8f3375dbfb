"""Models for TextAttack's command line that it would otherwise load wrongly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from textattack import ModelArgs

from ..checkpoint import EXPECTED, scores_choices
from .lines import explained


def with_own_wrappers(original: Any) -> Any:
    """Wraps checkpoints that score choices, and those with a card of their training.

    TextAttack would give the former an untrained head for classes. The card names the defense that
    the summary shows.
    """

    def create_model(cls: Any, args: ModelArgs) -> Any:
        from ..card import Card
        from ..models.wrappers import wrapper_for

        own = args.model if os.path.isdir(args.model or "") else None
        checkpoint = None if args.model_from_file else own or args.model_from_huggingface
        if checkpoint and (scores_choices(checkpoint) or Card.of(Path(checkpoint))):
            return wrapper_for(checkpoint)
        with explained(lambda: _expected(args)):
            return original(cls, args)

    return create_model


def _expected(args: ModelArgs) -> str:
    if args.model_from_file:
        return f"{args.model_from_file}: expected a Python file with a model wrapper named 'model'"
    checkpoint = args.model or args.model_from_huggingface
    if checkpoint:
        return f"{checkpoint}: {EXPECTED}"
    return "expected a model, got none; give --model, --model-from-huggingface or --model-from-file"
