"""The victim answers texts under structures, computes gradients, and replays structure files."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..attention import (
    CheckedEvaluator,
    Evaluator,
    Loss,
    MemoryBound,
    SequenceCache,
    require_finite,
    require_shapes,
)
from ..attention.threads import one_caller_at_a_time
from ..data.texts import Text
from ..identity import Identity
from ..structures import SavedStructure, Structure, load, save
from .answering import AnsweringModel, parts_of_structures
from .clean_pass import CleanPass
from .encoding import EncodedText
from .identity import victim_identity
from .prompt import Prompt
from .replay import Replay, fitting, require_same_victim
from .requirements import require_computable

__all__ = ["CleanPass", "Replay", "Victim"]

logger = logging.getLogger(__name__)


class Victim(AnsweringModel):
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
        super().__init__(model, tokenizer, precision, max_tokens, prompt, cross_attention)
        self.memory = MemoryBound(self.model, max_memory)
        self.evaluator = CheckedEvaluator(self.model, precision)

    @property
    def engine(self) -> Evaluator:
        """The engine, or whole forward passes, which evaluate structures."""
        return self.evaluator.engine

    @one_caller_at_a_time
    def read(
        self, texts: Sequence[Text | EncodedText], losses: Sequence[Loss | None]
    ) -> list[CleanPass]:
        """Reads clean texts once; those with a loss can be differentiated.

        Raises:
            ModelOutputError: a logit is NaN or infinite.
        """
        self._renew()
        encoded = [self.inputs.encoded(text) for text in texts]
        clean = self.forward_passes(encoded, [], losses)
        return [
            CleanPass(text, done, [SequenceCache(sequence) for sequence in done.sequences])
            for text, done in zip(encoded, clean, strict=True)
        ]

    @one_caller_at_a_time
    def logits_from(self, asked: Sequence[tuple[CleanPass, Structure]]) -> Tensor:
        """Computes what `logits` does, but faster, for texts that were read before, float32 (B, C).

        Args:
            asked: B pairs of a clean pass, made with the model as it is now, and a structure.

        Raises:
            StructureMismatchError: a structure is of another length than its text.
            ModelOutputError: a logit is NaN or infinite.
        """
        self._eval()
        clean_passes, structures = zip(*asked, strict=True)
        pairs = list(
            zip(
                [run for clean_pass in clean_passes for run in clean_pass.caches],
                parts_of_structures(structures),
                strict=True,
            )
        )
        lengths = [run.tokens for run, _ in pairs]
        require_shapes(self.model, [s for _, s in pairs], lengths, self.cross_attention)
        if not self.evaluator.is_checked:
            self._check(clean_passes[0].encoded)
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

    def replay(
        self, path: str | os.PathLike[str], *, any_model: bool = False, text: Text | None = None
    ) -> Replay:
        """Runs the structure of a file on this victim, and the text with nothing masked.

        Args:
            path: a file that `save_structure` wrote.
            any_model: accept a structure that was found on another victim, to see whether it
                transfers; its shape must fit all the same.
            text: a text of the same length to read in place of the file's.

        Raises:
            StructureMismatchError: the file is of another victim or of another length.
            InvalidInputError: the file is missing or damaged, or the victim cannot read the text.
        """
        saved, own = load(path), self.identity()
        if not any_model:
            require_same_victim(path, saved.victim, own)
        text = saved.text if text is None else text
        clean = self.logits_alone(text)
        with fitting(path):
            logits = self.logits_alone(text, saved.structure)
        differing = saved.victim.differing(own) if saved.victim else []
        return Replay(text, saved.structure, logits, clean, saved.victim, tuple(differing))

    def identity(self) -> Identity:
        """Returns the names of everything that decides the victim's answers."""
        return victim_identity(self)

    def _renew(self) -> None:
        """Adopts the model as it is now; after a change, the engine is checked against it again."""
        self._eval()
        if self.evaluator.has_changed():
            require_computable(self.model)
            self.evaluator.adopt()
