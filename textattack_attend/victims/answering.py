"""A model that answers texts: each answer comes from whole forward passes of the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..attention import (
    AttentionCapture,
    ForwardPass,
    Loss,
    autocast,
    faster_products,
    forward_passes,
    masked_attention,
    require_finite,
    require_shapes,
    run_rows,
)
from ..attention.threads import one_caller_at_a_time, one_thread
from ..data.texts import Text
from ..errors import InvalidInputError
from ..structures import Structure
from .batches import evaluated
from .encoding import EncodedText
from .prompt import Prompt
from .text_model import TextModel


class AnsweringModel(TextModel):
    """A text model that answers under structures, and gives gradients; always in eval mode.

    Args:
        model: a model of a supported family, see `Victim`.
        tokenizer: the model's tokenizer.
        precision: the precision of passes that are differentiated, see `Victim`.
        max_tokens: the most tokens of a sequence, if fewer than the model and the tokenizer allow.
        prompt: the prompt that makes a classifier of a language model.
        cross_attention: whether structures mask a decoder's attention to its encoder.

    Raises:
        UnsupportedModelError: the family, the head, or the tokenizer cannot be attacked.
        InvalidInputError: the prompt does not fit the tokenizer, or a length is not positive.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        precision: str,
        max_tokens: int | None,
        prompt: Prompt | None,
        cross_attention: bool,
    ) -> None:
        super().__init__(model, tokenizer, max_tokens, prompt, cross_attention)
        self.precision = precision

    @one_caller_at_a_time
    def logits(
        self, texts: Sequence[Text | EncodedText], structures: Sequence[Structure] | None = None
    ) -> Tensor:
        """Logits of a batch, float32 (B, C), on the CPU.

        Args:
            texts: B texts.
            structures: the structure that is masked in each of them; nothing by default.

        Raises:
            StructureMismatchError: a structure is of another length than its text.
            ModelOutputError: a logit is NaN or infinite.
        """
        if isinstance(texts, str):
            raise InvalidInputError(
                f"texts: expected a list of texts, got the text {texts[:60]!r}; put it into a list"
            )
        if not texts:
            return torch.empty(0, self.num_labels)
        self._eval()
        groups = self.groups(texts)
        if len(groups) > 1:
            return torch.stack(
                evaluated(groups, lambda own: self.logits(_at(own, texts), _at(own, structures)))
            )
        encoded = self._encoded(texts)
        rows = parts_of_structures([] if structures is None else structures)
        lengths = encoded["attention_mask"].sum(1).tolist()
        require_shapes(self.model, rows, lengths, self.cross_attention)
        encoded = encoded.to(self.model.device)
        with torch.inference_mode(), masked_attention(self.model, rows):
            logits: Tensor = run_rows(self.model, encoded).logits
        return require_finite(logits.float().cpu()).reshape(len(texts), -1)

    def logits_alone(self, text: Text | EncodedText, structure: Structure | None = None) -> Tensor:
        """Logits of one text, float32 (C,), by a forward pass that shares nothing with another.

        There are no neighbours in a batch, nothing is reused, and a processor computes on one
        thread, so that a machine gives the same bits whatever else it computes.

        Args:
            text: the text.
            structure: the structure that is masked in it; nothing by default.

        Raises:
            StructureMismatchError: the structure is of another length than the text.
            ModelOutputError: a logit is NaN or infinite.
        """
        with one_thread():
            return self.logits([text], None if structure is None else [structure])[0]

    @one_caller_at_a_time
    def forward_passes(
        self,
        texts: Sequence[Text | EncodedText],
        structures: Sequence[Structure],
        losses: Sequence[Loss | None],
    ) -> list[ForwardPass]:
        """Runs a forward pass over a batch, whose texts with a loss can be differentiated.

        Args:
            texts: B texts.
            structures: the structure that is masked in each of them, or empty for nothing.
            losses: the loss to differentiate for each of them, or None.

        Raises:
            ModelOutputError: a logit is NaN or infinite.
        """
        self._eval()
        groups = self.groups(texts)
        if len(groups) > 1:
            return evaluated(
                groups,
                lambda own: self.forward_passes(
                    _at(own, texts), _at(own, structures), _at(own, losses)
                ),
            )
        inputs = self._encoded(texts).to(self.model.device)
        fast = faster_products(self.model, rows=inputs["input_ids"].numel())
        with autocast(self.model, self.precision), fast:
            passes = forward_passes(
                self.model, inputs, losses, parts_of_structures(structures), self.cross_attention
            )
        require_finite(torch.stack([done.logits for done in passes]))
        return passes

    def answers_at_random(self, text: Text | EncodedText) -> bool:
        """Returns whether the same text gets other logits the second time."""
        first, second = (self.logits([text]) for _ in range(2))
        return not torch.allclose(first, second, rtol=1e-4, atol=1e-5)

    def capture(self, text: Text, loss: Loss | None) -> AttentionCapture:
        """Returns the attention of the clean text, and with a loss its gradient; on the CPU."""
        return self.forward_passes([text], [], [loss])[0].capture()

    def _eval(self) -> None:
        # A caller may have trained the model, or a part of it, in the meantime.
        if any(module.training for module in self.model.modules()):
            self.model.eval()


def _at(positions: Sequence[int], values: Any) -> Any:
    """Returns the values at some positions, or no values if there are none."""
    return [values[position] for position in positions] if values else values


def parts_of_structures(structures: Sequence[Structure]) -> list[Structure]:
    """Returns the structure of each row, as a text of several choices has a row for each."""
    return [part for structure in structures for part in structure.parts]
