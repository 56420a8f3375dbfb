"""The victim: texts and structures in, logits out; gradients of the attention; replay of files."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

from .attention import (
    AttentionCapture,
    CleanPass,
    Loss,
    capture_attention,
    clean_pass,
    family_of,
    logits_from,
    masked_attention,
    shape_of,
)
from .classifiers import require_classifier
from .errors import (
    InvalidInputError,
    ModelOutputError,
    StructureMismatchError,
    UnsupportedModelError,
)
from .structures import SavedStructure, Structure, load, save
from .structures.file import Text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Replay:
    """A structure file run again: its text, its structure and the logits, float (C,)."""

    text: Text
    structure: Structure
    logits: Tensor


class Victim:
    """A sequence classifier with its tokenizer, in eval mode.

    Texts are truncated as TextAttack truncates them (to the model's maximum, which is said once)
    and padded on the right to the longest of the batch.

    Raises:
        UnsupportedModelError: the family, the head, or the tokenizer cannot be attacked.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.max_tokens = min(family_of(model).max_tokens(model), tokenizer.model_max_length)
        require_classifier(model)
        if tokenizer.cls_token_id is None:
            raise UnsupportedModelError(
                "the tokenizer has no classification token; expected one that starts every text "
                "with it (tokenizer.cls_token, as [CLS] or <s>)"
            )
        self._said_truncation = False

    @property
    def num_labels(self) -> int:
        """How many classes the victim tells apart."""
        return int(self.model.config.num_labels)

    def tokens(self, text: Text) -> list[str]:
        """The tokens the model sees, special tokens included."""
        return list(self.tokenizer.convert_ids_to_tokens(self._encode([text])["input_ids"][0]))

    def empty_structure(self, text: Text) -> Structure:
        """The structure of that text that masks nothing.

        Raises:
            InvalidInputError: the text has no token but special ones.
        """
        (ids,) = self._encode([text])["input_ids"].tolist()
        if len(ids) <= self.tokenizer.num_special_tokens_to_add(pair=not isinstance(text, str)):
            raise InvalidInputError(
                f"empty text {text!r}: expected at least one token to attack; remove the example"
            )
        return Structure(shape_of(self.model, len(ids)))

    def logits(
        self, texts: Sequence[Text], structures: Sequence[Structure] | None = None
    ) -> Tensor:
        """Logits of a batch, float32 (B, C), on the CPU.

        Args:
            texts: B texts.
            structures: what is masked in each of them; nothing by default.

        Raises:
            StructureMismatchError: a structure is of another length than its text.
            ModelOutputError: a logit is NaN or infinite.
        """
        self._eval()
        encoded = self._encode(texts)
        structures = [] if structures is None else structures
        self._check_shapes(structures, encoded["attention_mask"].sum(1).tolist())
        encoded = encoded.to(self.model.device)
        with torch.inference_mode(), masked_attention(self.model, structures):
            logits: Tensor = self.model(**encoded).logits
        return _finite(logits.float().cpu())

    def clean_pass(self, text: Text) -> CleanPass:
        """One forward pass over the clean text that `logits_from` can start from.

        Raises:
            ModelOutputError: a logit is NaN or infinite.
        """
        self._eval()
        inputs = self._encode([text]).to(self.model.device)
        with torch.inference_mode():
            clean = clean_pass(self.model, inputs)
        _finite(clean.logits)
        return clean

    def logits_from(
        self, clean: CleanPass, text: Text, structures: Sequence[Structure], batch_size: int = 32
    ) -> Tensor:
        """What `logits` gives for one text and many structures, faster, float32 (B, C).

        Args:
            clean: the clean pass over the text, with the model as it is now.
            text: the text.
            structures: B structures of it.
            batch_size: how many are evaluated at once.
        """
        if not clean.reusable:
            parts = [structures[i : i + batch_size] for i in range(0, len(structures), batch_size)]
            return torch.cat([self.logits([text] * len(part), part) for part in parts])
        self._eval()
        self._check_shapes(structures, [clean.hidden[0].shape[1]] * len(structures))
        with torch.inference_mode():
            logits = logits_from(self.model, clean, structures, batch_size)
        return _finite(logits.float().cpu())

    def capture(self, text: Text, loss: Loss | None) -> AttentionCapture:
        """The attention of the clean text, and with a loss its gradient; float, on the CPU."""
        self._eval()
        inputs = self._encode([text]).to(self.model.device)
        captured = capture_attention(self.model, inputs, loss)
        gradients = None if captured.gradients is None else captured.gradients.float().cpu()
        return AttentionCapture(captured.probabilities.float().cpu(), gradients)

    def save_structure(
        self, path: str | os.PathLike[str], text: Text, structure: Structure
    ) -> None:
        """Write a structure found for a text of this victim to a file (safetensors, no pickle)."""
        save(SavedStructure(structure, text, self.fingerprint()), path)

    def replay(self, path: str | os.PathLike[str], *, any_model: bool = False) -> Replay:
        """Run the structure of a file on this victim.

        Args:
            path: a file that `save_structure` wrote.
            any_model: accept a structure that was found on other weights, to see whether it
                transfers; its shape must fit all the same.

        Raises:
            StructureMismatchError: the file is of another model or of another length.
            InvalidInputError: the file is missing or damaged.
        """
        saved = load(path)
        if saved.model != self.fingerprint() and not any_model:
            raise StructureMismatchError(
                f"{path}: found on another model ({saved.model}) than this one "
                f"({self.fingerprint()}); pass any_model=True to replay it all the same"
            )
        logits = self.logits([saved.text], [saved.structure])
        return Replay(saved.text, saved.structure, logits[0])

    def fingerprint(self) -> str:
        """Names the weights: model type, and a hash of the head and of a sample of the rest."""
        digest = hashlib.blake2b(digest_size=8)
        for name, weight in self.model.state_dict().items():
            digest.update(f"{name}{tuple(weight.shape)}".encode())
            sample = weight.detach().flatten()[:: max(1, weight.numel() // 64)][:64]
            digest.update(np.ascontiguousarray(sample.float().cpu().numpy()).tobytes())
        return f"{self.model.config.model_type}-{digest.hexdigest()}"

    def _eval(self) -> None:
        if self.model.training:  # a caller may have trained it in the meantime
            self.model.eval()

    def _encode(self, texts: Sequence[Text]) -> BatchEncoding:
        encoded: BatchEncoding = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_tokens,
            padding=True,
            padding_side="right",
            return_tensors="pt",
        )
        if encoded["input_ids"].shape[1] == self.max_tokens and not self._said_truncation:
            self._say_truncation(texts)
        return encoded

    def _say_truncation(self, texts: Sequence[Text]) -> None:
        lengths = [len(self.tokenizer(*_parts(t), verbose=False)["input_ids"]) for t in texts]
        if max(lengths) > self.max_tokens:
            self._said_truncation = True
            logger.warning(
                "a text of %d tokens was cut to the model's maximum of %d, as TextAttack does; "
                "this is said once",
                max(lengths),
                self.max_tokens,
            )

    def _check_shapes(self, structures: Sequence[Structure], lengths: Sequence[int]) -> None:
        for structure, tokens in zip(structures, lengths, strict=bool(structures)):
            expected = shape_of(self.model, tokens)
            if structure.shape != expected:
                raise StructureMismatchError(
                    f"expected a structure of {expected}, got one of {structure.shape}: it belongs "
                    "to another model or to a text of another length"
                )


def _parts(text: Text) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def _finite(logits: Tensor) -> Tensor:
    if not torch.isfinite(logits).all():
        raise ModelOutputError(
            "the model's logits are NaN or infinite; expected finite numbers: check the "
            "checkpoint and its precision"
        )
    return logits
