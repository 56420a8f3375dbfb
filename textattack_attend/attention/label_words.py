"""Language models as classifiers: the score of a class is the log-likelihood of its word."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class LabelWordClassifier(nn.Module):
    """Classifies texts by the label word that a language model finds most likely to come next.

    A causal model goes on after the last token of a text; a seq2seq model begins its answer.

    Args:
        model: the language model, causal or seq2seq.
        label_ids: the id of each class's label word, which is one token.
    """

    def __init__(self, model: PreTrainedModel, label_ids: Sequence[int]) -> None:
        super().__init__()
        self.language_model = model
        self.label_ids = tuple(label_ids)
        self.config = copy.copy(model.config)
        self.config.num_labels = len(label_ids)

    @property
    def base_model(self) -> nn.Module:
        """The base model of the language model."""
        base: nn.Module = self.language_model.base_model
        return base

    @property
    def device(self) -> torch.device:
        """The device of the language model."""
        return self.language_model.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the language model's weights."""
        return self.language_model.dtype

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **options: Any) -> Any:
        """Computes the log-likelihoods of the label words as ``logits``, float32 (B, C)."""
        if self.config.is_encoder_decoder:
            start = int(self.config.decoder_start_token_id or 0)
            options["decoder_input_ids"] = torch.full_like(input_ids[:, :1], start)
            asked = torch.zeros_like(input_ids[:, 0])
        else:
            options, asked = self._after_the_last(attention_mask, options)
        options = {"return_dict": True, "use_cache": False, **options}
        output = self.language_model(input_ids, attention_mask=attention_mask, **options)
        rows = torch.arange(len(asked), device=asked.device)
        words: Any = self.log_likelihoods(output.logits[rows, asked])
        return SequenceClassifierOutput(logits=words)

    def log_likelihoods(self, logits: Tensor) -> Tensor:
        """Returns those of the label words, float32 (B, C), from the logits of all words."""
        return logits.float().log_softmax(-1)[:, list(self.label_ids)]

    def _after_the_last(
        self, attention_mask: Tensor, options: dict[str, Any]
    ) -> tuple[dict[str, Any], Tensor]:
        """Returns options that make the model compute the logits of last tokens only, if it has
        them, and the position of each row's last token among the logits, int64 (B,).
        """
        # The last one of the mask, on whatever side the padding is.
        positions = torch.arange(attention_mask.shape[1], device=attention_mask.device)
        last = (attention_mask * positions).argmax(1)
        if "logits_to_keep" not in signature(self.language_model.forward).parameters:
            return options, last
        kept = torch.tensor(sorted(set(last.tolist())), device=last.device)
        return {**options, "logits_to_keep": kept}, torch.searchsorted(kept, last)
