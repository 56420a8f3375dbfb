"""Smoothing at inference, which averages answers over random masks of attention."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import torch
from textattack.models.wrappers import ModelWrapper
from torch import Tensor

from ...attention import masked_where, run_rows
from ...data.texts import Text
from ...errors import require_share, require_whole_number
from ...identity import Identity
from ...rankings.ranking import generator_for
from ...victims.batches import evaluated
from .attention_model_wrapper import AttentionModelWrapper

logger = logging.getLogger(__name__)


class SmoothedModelWrapper(ModelWrapper):
    """Answers with mean probabilities over passes in which random attention units are masked.

    This is a random defense: an attack that averages over many passes may succeed where another one
    fails, so robust accuracy behind it is no evidence by itself (Croce and Hein 2020, AutoAttack).
    The masks depend on the text and the seed alone, so a text always gets the same answer. Only
    word-level attacks run on it: attacks on attention need the model itself.

    Args:
        wrapper: the wrapper of the model.
        alpha: the probability that a unit is masked, in (0, 1).
        passes: the number of forward passes over which probabilities are averaged.
        seed: the seed of the masks.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    def __init__(
        self, wrapper: AttentionModelWrapper, alpha: float, passes: int = 8, seed: int = 0
    ) -> None:
        require_share("alpha", alpha, "(0, 1)")
        require_whole_number("passes", passes)
        require_whole_number("seed", seed, at_least=0)
        logger.warning(
            "answers are means over %d random masks: robust accuracy behind a random defense is no "
            "evidence by itself",
            passes,
        )
        self.model = wrapper.model  # where TextAttack looks to move it to the GPU
        self.tokenizer = wrapper.tokenizer
        self.victim = wrapper.victim
        self.alpha = alpha
        self.passes = passes
        self.seed = seed

    @property
    def defense(self) -> str:
        """The defense and its settings, for a row of TextAttack's summary."""
        return f"smoothed at inference (alpha={self.alpha}, passes={self.passes}, seed={self.seed})"

    def identity(self) -> Identity:
        """Returns the names of the victim and the smoothing, which decide the answers."""
        whole = self.victim.identity()
        smoothing = {"alpha": self.alpha, "passes": self.passes, "seed": self.seed}
        return replace(whole, settings={**whole.settings, "smoothing": smoothing})

    def __call__(self, text_input_list: Sequence[Text]) -> Tensor:
        """Computes mean probabilities, float32 (B, C)."""
        groups = self.victim.groups(text_input_list)
        if len(groups) > 1:
            return torch.stack(
                evaluated(groups, lambda own: self([text_input_list[at] for at in own]))
            )
        model = self.victim.model
        inputs = self.victim.inputs.encode(text_input_list).to(model.device)
        model.eval()
        total = torch.zeros(())
        for number in range(self.passes):
            masks = self._masks(text_input_list, inputs["attention_mask"], number)
            with torch.inference_mode(), masked_where(model, masks):
                logits = run_rows(model, inputs).logits.float().cpu()
            total = total + logits.reshape(len(text_input_list), -1).softmax(-1)
        return total / self.passes

    def _masks(self, texts: Sequence[Text], real: Tensor, number: int) -> list[Tensor]:
        """Draws a mask for every layer, bool (rows, H, T, T), in which no query loses all keys."""
        shapes = [self.victim.empty_structure(text).shape for text in texts]
        layers, heads = shapes[0].layers, shapes[0].heads
        masks = torch.zeros(layers, len(real), heads, *real.shape[1:] * 2, dtype=torch.bool)
        row = 0
        for text, shape in zip(texts, shapes, strict=True):
            draw = generator_for(text, self.seed, f"smoothing {number}")
            for part in shape.parts:
                drawn = torch.from_numpy(draw.random(part.size) < self.alpha)
                drawn &= ~drawn.all(-1, keepdim=True)
                masks[:, row, :, : part.tokens, : part.tokens] = drawn
                row += 1
        return list(masks.to(real.device))
