"""AFA (Liu 2025), which trains attention against a discriminator of masked texts.

Only the abstract is published; this is our reading of it. The attention from the token that the
head reads to words, in the last layer, is a policy that samples words to mask. A discriminator sees
the model's representation of the original or of the masked text, and tells them apart. Where it is
deceived, the masked words did not matter: REINFORCE takes attention away from them, and gives it to
words whose masking is noticed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import PreTrainedModel

from ...attention import family_of
from ...attention.hidden_states import recorded_outputs
from ...attention.masking.random_masking import require_known
from ...attention.softmax import SoftmaxMode, softmax_modes
from ...data.texts import Text
from ...errors import (
    InvalidInputError,
    UnsupportedModelError,
    require_number,
    require_one_of,
    require_share,
    require_whole_number,
)
from ...victims.encoding import Inputs
from ...victims.inputs import PromptInputs
from .companion import CompanionTrainer
from .options import Defense, option
from .registry import register_defense
from .word_policy import explored, policy_over, sampled

logger = logging.getLogger(__name__)

OUTSIDE_TEXT = "special_tokens_mask"
"""The column of 1 for tokens outside the text, by the name under which tokenizers pad it."""
DRAWN_BY = ("policy", "chance")
COLLAPSED = 0.05
"""The share of the highest entropy, that of a uniform policy, below which a policy is collapsed."""


@dataclass(frozen=True)
class AFA(Defense):
    """AFA (Liu 2025; our reading of its abstract): attention goes to words that are missed.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "afa"

    weight: float = option(0.1, "The weight of the policy's loss beside the task's.")
    mask_share: float = option(0.15, "The share of the words of a text that the policy masks.")
    baseline_decay: float = option(0.9, "The decay of the running mean of the reward.")
    discriminator_learning_rate: float = option(1e-3, "The learning rate of the discriminator.")
    exploration: float = option(
        0.0, "The share of the policy that is uniform over the words, so that all are drawn."
    )
    masks: str = option(
        "policy", "What draws the words to mask: the policy; or chance, as an ablation."
    )
    layers: tuple[int, ...] = option(
        (), "The layers whose attention is the policy, as 4,5.  [default: the last]"
    )
    heads: tuple[int, ...] = option(
        (), "The heads whose attention is the policy, as 0,1.  [default: all]"
    )

    def __post_init__(self) -> None:
        require_number("weight", self.weight, "[0, inf)")
        require_share("exploration", self.exploration)
        require_one_of("masks", self.masks, DRAWN_BY)
        for name in ("layers", "heads"):
            for number in getattr(self, name):
                require_whole_number(name, number, at_least=0)
        require_share("mask_share", self.mask_share, "[0, 1)")
        require_share("baseline_decay", self.baseline_decay, "[0, 1)")
        require_number("discriminator_learning_rate", self.discriminator_learning_rate, "[0, inf)")

    def columns(self, texts: Sequence[Text], inputs: Inputs) -> dict[str, list[Any]]:
        """Returns where the tokens of a prompt are, among which no word is drawn."""
        if not isinstance(inputs, PromptInputs):
            return {}
        return {OUTSIDE_TEXT: [inputs.outside_text(text) for text in texts]}


class AFATrainer(CompanionTrainer[AFA]):
    """Trains on the sum of the task's loss and the policy's; the companion is a discriminator."""

    _baseline: float | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._seen: dict[str, list[float]] = {}

    def made_companion(self, model: PreTrainedModel) -> nn.Module:
        """Returns the discriminator: from representations (B, D) the logits (B, 1) of originals.

        Raises:
            UnsupportedModelError: it is not known which token the model's head reads.
            InvalidInputError: the model has no such layer or head.
        """
        family = family_of(model)
        if family.engine is None or model.config.is_encoder_decoder:
            raise UnsupportedModelError(
                f"afa: expected a model whose head reads one token, got a {family.model_type}"
            )
        require_known("layers", self.defense.layers, len(family.attention_modules(model)))
        require_known("heads", self.defense.heads, family.num_heads(model))
        size = int(model.config.hidden_size)
        return nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.Linear(size, 1))

    @property
    def companion_learning_rate(self) -> float:
        """The learning rate of the discriminator."""
        return self.defense.discriminator_learning_rate

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch while the policy's attention is recorded, and returns the loss."""
        if self.defense.weight == 0:
            return self.plain_step(model, inputs, items)
        inputs = self._prepare_inputs(inputs)
        bare = self.bare(model)
        family = family_of(bare)
        modules = family.attention_modules(bare)
        attention = {layer: _Kept() for layer in self.defense.layers or [len(modules) - 1]}
        recorded = recorded_outputs(bare.base_model)
        with softmax_modes(modules, attention, family.extra_keys), recorded as states:

            def policy_loss(output: Any) -> Tensor:
                seen = torch.stack([layer.probabilities for layer in attention.values()])
                return self.defense.weight * self._policy_loss(model, inputs, seen, states[-1])

            return self.step_with(model, inputs, items, policy_loss)

    def plain_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch of what the model itself reads, and returns the loss."""
        return super().plain_step(model, _without_column(inputs), items)

    def _policy_loss(
        self, model: nn.Module, inputs: dict[str, Any], attention: Tensor, states: Tensor
    ) -> Tensor:
        """Returns the loss of the policy, a scalar.

        Args:
            model: the model as the trainer has it.
            inputs: the batch.
            attention: the attention of the policy's layers, (L, B, H, T, T).
            states: the last hidden states, (B, T, D).
        """
        read = self._read(model, inputs)
        words = self._words(inputs, read)
        rows = torch.arange(len(read), device=read.device)
        heads = list(self.defense.heads) or slice(None)
        of_read = attention[:, rows, :, read][:, :, heads]  # (B, L, heads, T)
        policy = policy_over(words, of_read.mean((1, 2)))
        policy = explored(policy, words, self.defense.exploration)
        chance = words.to(policy.dtype) if self.defense.masks == "chance" else None
        masked, log_likelihood = sampled(policy, words, self.defense.mask_share, chance)
        deception = self._deception(model, inputs, states[rows, read], masked, read)
        self._watch(policy, words, deception)
        return (self._advantage(deception) * log_likelihood).mean()

    def _read(self, model: nn.Module, inputs: dict[str, Any]) -> Tensor:
        """Returns the positions of the tokens that the head reads, int64 (B,)."""
        bare = self.bare(model)
        engine = family_of(bare).engine
        assert engine is not None
        ids: Tensor = inputs["input_ids"].flatten(0, -2)
        real: Tensor = inputs["attention_mask"].flatten(0, -2).bool()
        places = [own.nonzero().flatten() for own in real]
        read = [int(at[engine.reads(bare, own[at])]) for own, at in zip(ids, places, strict=True)]
        return torch.tensor(read, device=ids.device)

    def _advantage(self, deception: Tensor) -> Tensor:
        """Subtracts the running mean from rewards (B,), and then updates the mean."""
        mean = float(deception.mean())
        before = mean if self._baseline is None else self._baseline
        decay = self.defense.baseline_decay
        self._baseline = decay * before + (1 - decay) * mean
        return deception - before

    def _words(self, inputs: dict[str, Any], read: Tensor) -> Tensor:
        """Returns where the words are, bool (B, T).

        Special tokens, those of a prompt, padding and the token that the head reads are none.

        Raises:
            InvalidInputError: no text has a word.
        """
        tokenizer: Any = self.processing_class
        ids: Tensor = inputs["input_ids"].flatten(0, -2)
        special = torch.tensor(tokenizer.all_special_ids, device=ids.device)
        real: Tensor = inputs["attention_mask"].flatten(0, -2).bool()
        words = real & ~torch.isin(ids, special)
        if OUTSIDE_TEXT in inputs:
            words &= ~inputs[OUTSIDE_TEXT].bool()
        words[torch.arange(len(read), device=read.device), read] = False
        if not words.any():
            raise InvalidInputError(
                f"afa: expected texts with words to mask, got {len(read)} without any beside "
                "special tokens and the token that the head reads; look at the tokens of your texts"
            )
        return words

    def _deception(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        original: Tensor,
        masked: Tensor,
        read: Tensor,
    ) -> Tensor:
        """Returns the discriminator's probability that masked texts are originals, (B,).

        The discriminator also takes a training step.
        """
        hidden = _without_column({name: rows for name, rows in inputs.items() if name != "labels"})
        ids = hidden["input_ids"]
        hidden["attention_mask"] = hidden["attention_mask"] * ~masked.reshape(ids.shape)
        with torch.no_grad(), recorded_outputs(self.bare(model).base_model) as states:
            model(**hidden)
        changed = states[-1][torch.arange(len(read), device=read.device), read].to(self.precision)
        pairs = torch.cat([original.detach().to(self.precision), changed])
        truth = torch.cat([torch.ones(len(changed), 1), torch.zeros(len(changed), 1)])
        logits = self.companion(pairs).float()
        loss = binary_cross_entropy_with_logits(logits, truth.to(logits.device))
        self.accelerator.backward(loss)
        self.train_companion()
        deception: Tensor = logits[len(changed) :, 0].detach().sigmoid()
        return deception

    def _watch(self, policy: Tensor, words: Tensor, deception: Tensor) -> None:
        """Keeps entropy and reward for the log, and warns once if the policy has collapsed."""
        entropy = -(policy * policy.clamp_min(torch.finfo(policy.dtype).tiny).log()).sum(-1)
        most = words.sum(-1).clamp_min(2).log()
        share = float((entropy / most).mean().detach())
        for name, value in {"entropy": share, "deception": float(deception.mean())}.items():
            self._seen.setdefault(name, []).append(value)
        if share < COLLAPSED and "collapsed" not in self._seen:
            self._seen["collapsed"] = []
            logger.warning(
                "the masking policy collapsed: its entropy is %.1f%% of the highest; lower the "
                "weight of its loss",
                100 * share,
            )

    def log(self, logs: dict[str, float], *arguments: Any, **options: Any) -> None:
        """Logs, as a hook of `Trainer`, the mean entropy and reward since the last log."""
        if "loss" in logs:
            for name in ("entropy", "deception"):
                values = self._seen.pop(name, [])
                if values:
                    logs[name] = sum(values) / len(values)
        super().log(logs, *arguments, **options)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()  # type: ignore[no-untyped-call]
        self._signature_columns: Any = [*(self._signature_columns or ()), OUTSIDE_TEXT]

    def kept(self) -> dict[str, Any]:
        """Returns the running mean of the reward."""
        return {"baseline": self._baseline}

    def restore(self, kept: dict[str, Any]) -> None:
        """Sets back the running mean of the reward."""
        self._baseline = kept["baseline"]


def _without_column(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in inputs.items() if name != OUTSIDE_TEXT}


class _Kept(SoftmaxMode):
    """Keeps the probabilities of the softmax of a layer, (B, H, T, T), with their graph."""

    probabilities: Tensor

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        """Computes probabilities from scores, and keeps them."""
        self.probabilities = super().softmax(scores, dim, **options)
        return self.probabilities


register_defense(AFA, AFATrainer)
