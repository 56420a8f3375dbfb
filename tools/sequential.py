"""Runs HackAttend the plain way, with one structure a forward pass and padding to 128 tokens.

The speed of the attack is compared with this run, and its decisions must be those of this run. The
run shares the ranking and the structures with the attack, but none of its batching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import BatchEncoding

from textattack_attend.attention import forward_passes, masked_attention, run_rows
from textattack_attend.data.texts import Text
from textattack_attend.rankings.candidates import candidate_masks
from textattack_attend.rankings.importance import (
    head_probes,
    layer_probes,
    most_important_first,
)
from textattack_attend.structures import Budget, Matrix, Shape, Structure
from textattack_attend.victims.victim import Victim

PADDED = 128


@dataclass(frozen=True)
class Outcome:
    """The decisions of an attack on one example, which do not depend on how they are computed.

    Args:
        status: "success", "failure" or "skipped".
        structure: the adversarial structure of a success.
        candidate_queries: the number of structures tested up to the first success.
    """

    status: str
    structure: Structure | None = None
    candidate_queries: int = 0


class SequentialHackAttend:
    """HackAttend at full scale, accumulating, at the probability gradient.

    Args:
        victim: the victim, which has the model and its tokenizer.
        budget: the units that may be masked, and their number in a matrix.
    """

    def __init__(self, victim: Victim, budget: Budget) -> None:
        self.victim = victim
        self.budget = budget

    def attack(self, text: Text, label: int) -> Outcome:
        """Attacks one text."""
        inputs = self._encode(text)
        shape = self.victim.empty_structure(text).shape
        if self._probabilities(inputs, Structure(shape)).argmax() != label:
            return Outcome("skipped")
        masks = self._masks(inputs, label, shape)
        structure, queries = Structure(shape), 0
        for layer in self._order(inputs, layer_probes(shape), label):
            for head in self._order(inputs, head_probes(shape, [layer]), label):
                structure |= masks[layer, head]
                queries += 1
                if self._probabilities(inputs, structure).argmax() != label:
                    return Outcome("success", structure, queries)
        return Outcome("failure", None, queries)

    def _encode(self, text: Text) -> BatchEncoding:
        tokens = max(map(len, self.victim.inputs.encoded(text).ids))
        # It is padded alone, so the rows are cut as the victim cuts them.
        rows = self.victim.inputs.tokenize(self.victim.inputs.sequences(text))
        encoded: BatchEncoding = self.victim.tokenizer.pad(
            rows,
            padding="max_length",
            padding_side="right",
            max_length=max(tokens, min(PADDED, self.victim.max_tokens)),
            return_tensors="pt",
        )
        return encoded.to(self.victim.model.device)

    def _order(self, inputs: BatchEncoding, probes: Sequence[Structure], label: int) -> list[int]:
        scores = [1 - float(self._probabilities(inputs, probe)[label]) for probe in probes]
        return most_important_first(scores)

    def _probabilities(self, inputs: BatchEncoding, structure: Structure) -> Tensor:
        model = self.victim.model
        with torch.inference_mode(), masked_attention(model, structure.parts):
            logits: Tensor = run_rows(model, inputs).logits
        return logits.flatten().double().softmax(-1)

    def _masks(self, inputs: BatchEncoding, label: int, shape: Shape) -> dict[Matrix, Structure]:
        target = torch.tensor([label], device=self.victim.model.device)
        (done,) = forward_passes(
            self.victim.model,
            inputs,
            [lambda logits: cross_entropy(logits, target)],
            cross=self.victim.cross_attention,
        )
        return candidate_masks("probability_gradient", done.each_layer, shape, self.budget)
