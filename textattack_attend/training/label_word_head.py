"""Begins the training of a prompted language model from its own scores of the label words."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..checkpoints.loading import load_language_model
from ..errors import UnsupportedModelError
from ..victims.prompt import Prompt
from ..victims.requirements import require_language_model


def begin_with_label_words(
    model: PreTrainedModel,
    checkpoint: str,
    prompt: Prompt,
    tokenizer: PreTrainedTokenizerBase,
    trust_remote_code: bool = False,
) -> None:
    """Copies the rows of a language model's output embeddings for the label words into a head.

    The classifier then ranks the classes of a prompted text as the language model ranks the words,
    before it has learned anything.

    Args:
        model: the classifier, whose head is a linear layer that reads the last token.
        checkpoint: the folder of the language model, or its name on the hub.
        prompt: the prompt with its label words.
        tokenizer: the tokenizer.
        trust_remote_code: whether to run the code that the checkpoint brings along.

    Raises:
        InvalidInputError: the checkpoint is no language model, or a label word is no single token.
        UnsupportedModelError: the language model is not causal, or the classifier has another head.
    """
    label_ids = prompt.label_ids(tokenizer)
    language_model, _ = load_language_model(checkpoint, trust_remote_code)
    require_language_model(language_model, tokenizer)
    head: Any = getattr(model, "score", None)
    embeddings: Any = language_model.get_output_embeddings()
    if not isinstance(head, nn.Linear) or head.in_features != embeddings.weight.shape[1]:
        raise UnsupportedModelError(
            f"prompt: expected a causal language model whose classifier reads the last token with "
            f"one linear layer, as GPT-2 and Llama, got a {type(model).__name__}; leave out prompt "
            "and label_words"
        )
    with torch.no_grad():
        head.weight.copy_(embeddings.weight[label_ids])
