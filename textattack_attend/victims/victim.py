"""The victim answers texts under structures, computes gradients, and replays structure files."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..attention import (
    AttentionCapture,
    Engine,
    Evaluator,
    ForwardPass,
    Loss,
    MemoryBound,
    SequenceCache,
    WholeModel,
    autocast,
    forward_passes,
    masked_attention,
    require_finite,
    require_shapes,
    run_rows,
)
from ..attention.threads import one_caller_at_a_time, one_thread
from ..data.texts import Text
from ..errors import InvalidInputError
from ..identity import Identity
from ..structures import SavedStructure, Structure, load, save
from .batches import evaluated
from .encoding import EncodedText
from .identity import victim_identity
from .prompt import Prompt
from .reading import Reading
from .replay import Replay, require_same_victim
from .requirements import require_computable
from .text_model import TextModel

__all__ = ["Reading", "Replay", "Victim"]

logger = logging.getLogger(__name__)


class Victim(TextModel):
    """A classifier with its tokenizer, in eval mode; calls from several threads wait their turn.

    It classifies sequences, or scores choices, or is a language model with a prompt; see `Inputs`,
    `ChoiceInputs` and `PromptInputs` for what it reads of a text.

    Args:
        model: a model of a supported family; what was put around it, as adapters of PEFT,
            ``DataParallel`` or ``torch.compile``, is taken off as far as that changes no logits.
        tokenizer: the model's tokenizer.
        precision: "float32", or "bfloat16" or "float16" to search under ``torch.autocast``;
            `logits` are always in the model's own.
        max_tokens: the most tokens of a sequence, if fewer than the model and the tokenizer allow.
        prompt: the prompt that makes a classifier of a language model.
        cross_attention: attack a decoder's attention to its encoder, instead of self-attention.
        max_memory: the GiB that an attack on a text may take beside the model; longer texts are
            refused. By default it is half of what is free when the first text is attacked.

    Attributes:
        memory: the bound on the memory of an attack.

    Raises:
        UnsupportedModelError: the family, the head, or the tokenizer cannot be attacked.
        InvalidInputError: the precision is unknown, the prompt does not fit the tokenizer, or the
            memory is no positive number.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        precision: str = "float32",
        max_tokens: int | None = None,
        prompt: Prompt | None = None,
        cross_attention: bool = False,
        max_memory: float | None = None,
    ) -> None:
        super().__init__(model, tokenizer, max_tokens, prompt, cross_attention)
        self.memory = MemoryBound(self.model, max_memory)
        self.precision = precision
        self.evaluator = Evaluator(self.model, precision)

    @property
    def engine(self) -> Engine | WholeModel:
        """The engine, or whole forward passes, which evaluate structures."""
        return self.evaluator.engine

    @one_caller_at_a_time
    def logits(
        self, texts: Sequence[Text | EncodedText], structures: Sequence[Structure] | None = None
    ) -> Tensor:
        """Computes the logits of a batch, float32 (B, C), on the CPU.

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
        rows = _parts_of([] if structures is None else structures)
        lengths = encoded["attention_mask"].sum(1).tolist()
        require_shapes(self.model, rows, lengths, self.cross_attention)
        encoded = encoded.to(self.model.device)
        with torch.inference_mode(), masked_attention(self.model, rows):
            logits: Tensor = run_rows(self.model, encoded).logits
        return require_finite(logits.float().cpu()).reshape(len(texts), -1)

    def logits_alone(self, text: Text | EncodedText, structure: Structure | None = None) -> Tensor:
        """Computes the logits of one text, float32 (C,), by a forward pass that shares nothing.

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
    def read(
        self, texts: Sequence[Text | EncodedText], losses: Sequence[Loss | None]
    ) -> list[Reading]:
        """Reads clean texts once; those with a loss can be differentiated.

        Raises:
            ModelOutputError: a logit is NaN or infinite.
        """
        self._renew()
        encoded = [self.inputs.encoded(text) for text in texts]
        clean = self.forward_passes(encoded, [], losses)
        return [
            Reading(text, done, [SequenceCache(sequence) for sequence in done.sequences])
            for text, done in zip(encoded, clean, strict=True)
        ]

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
        with autocast(self.model, self.precision):
            passes = forward_passes(
                self.model, inputs, losses, _parts_of(structures), self.cross_attention
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

    @one_caller_at_a_time
    def logits_from(self, asked: Sequence[tuple[Reading, Structure]]) -> Tensor:
        """Computes what `logits` does, but faster, for texts that were read before, float32 (B, C).

        Args:
            asked: B pairs of a reading, made with the model as it is now, and a structure.

        Raises:
            StructureMismatchError: a structure is of another length than its text.
            ModelOutputError: a logit is NaN or infinite.
        """
        self._eval()
        readings, structures = zip(*asked, strict=True)
        pairs = list(
            zip(
                [cache for reading in readings for cache in reading.caches],
                _parts_of(structures),
                strict=True,
            )
        )
        lengths = [run.tokens for run, _ in pairs]
        require_shapes(self.model, [s for _, s in pairs], lengths, self.cross_attention)
        if not self.evaluator.is_checked:
            self._check(readings[0].encoded)
        return require_finite(self.evaluator.logits(pairs)).reshape(len(asked), -1)

    def _check(self, text: EncodedText) -> None:
        """Compares the engine with the model on a text, and warns of answers at random."""
        inputs = self._encoded([text]).to(self.model.device)
        self.evaluator.check(inputs, self.empty_structure(text).shape.parts)
        if self.answers_at_random(text):
            logger.warning(
                "the victim answers the same text differently the second time; expected the "
                "same logits: switch off dropout and other randomness, or trust no result"
            )

    def save_structure(
        self, path: str | os.PathLike[str], text: Text, structure: Structure
    ) -> None:
        """Writes a structure found for a text of this victim to a file (safetensors, no pickle)."""
        save(SavedStructure(structure, text, self.identity()), path)

    def replay(self, path: str | os.PathLike[str], *, any_model: bool = False) -> Replay:
        """Runs the structure of a file on this victim.

        Args:
            path: a file that `save_structure` wrote.
            any_model: accept a structure that was found on another victim, to see whether it
                transfers; its shape must fit all the same.

        Raises:
            StructureMismatchError: the file is of another victim or of another length.
            InvalidInputError: the file is missing or damaged.
        """
        saved = load(path)
        if not any_model:
            require_same_victim(path, saved.victim, self.identity())
        logits = self.logits([saved.text], [saved.structure])
        return Replay(saved.text, saved.structure, logits[0])

    def identity(self) -> Identity:
        """Returns the names of everything that decides the victim's answers."""
        return victim_identity(self)

    def _renew(self) -> None:
        """Adopts the model as it is now; after a change, the engine is checked against it again."""
        self._eval()
        if self.evaluator.has_changed():
            require_computable(self.model)
            self.evaluator.adopt()
        self.engine.renew()

    def _eval(self) -> None:
        # A caller may have trained the model, or a part of it, in the meantime.
        if any(module.training for module in self.model.modules()):
            self.model.eval()


def _at(positions: Sequence[int], values: Any) -> Any:
    """Returns the values at some positions, or no values if there are none."""
    return [values[position] for position in positions] if values else values


def _parts_of(structures: Sequence[Structure]) -> list[Structure]:
    """Returns the structure of each row."""
    return [part for structure in structures for part in structure.parts]
