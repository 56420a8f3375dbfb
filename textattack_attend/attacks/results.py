"""Results of an attack over structures.

The classes carry TextAttack's own names: its loggers and metrics tell results apart by them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar
from weakref import ref

import pandas as pd
from textattack import attack_results as stock
from textattack.goal_function_results import GoalFunctionResult
from textattack.models.wrappers import ModelWrapper
from textattack.shared.utils import color_text

from ..data.texts import Text
from ..display.attention_map import plot_attention
from ..display.figure import PlainFigure
from ..display.head_attention import HeadAttention, ShowsAttention
from ..errors import InvalidInputError
from ..models.wrappers import AttentionModelWrapper
from ..structures import Structure, describe, summarize
from ..victims.head_attention import most_attention_lost
from .effects import MOST, pairs_by_effect
from .html import html_of


class StructureAttackResult(ShowsAttention, stock.AttackResult):
    """A result whose perturbation is a structure.

    Args:
        original_result: the clean text, judged.
        perturbed_result: the text under the final structure, judged.
        tokens: the tokens that the model reads of the text, special ones included.
        candidate_queries: the number of structures that were tested up to the first success, which
            the paper prints.
        gradient_passes: the number of backward passes, which are not in ``num_queries``; the
            forward pass of each is.
        wrapper: the wrapper of the victim, for `pairs`. The result does not keep it alive, and is
            pickled without it.

    Attributes:
        seconds: the time of the attack; of the steps that it shared with other examples, its share.
    """

    seconds: float = 0.0
    verdict: ClassVar[str] = "Attacked"
    """The words with which a notebook says how the attack ended."""
    lists_pairs: ClassVar[bool] = False
    """True if a notebook lists the masked pairs."""

    def __init__(
        self,
        original_result: GoalFunctionResult,
        perturbed_result: GoalFunctionResult,
        tokens: Sequence[str],
        candidate_queries: int = 0,
        gradient_passes: int = 0,
        wrapper: AttentionModelWrapper | None = None,
    ) -> None:
        stock.AttackResult.__init__(self, original_result, perturbed_result)
        self.tokens = list(tokens)
        self.candidate_queries = candidate_queries
        self.gradient_passes = gradient_passes
        self._wrapper = None if wrapper is None else ref(wrapper)

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the reference to the victim, which cannot go to another process."""
        return {**vars(self), "_wrapper": None}

    @property
    def structure(self) -> Structure:
        """The adversarial structure of a success, or the last structure tested of a failure."""
        structure: Structure = self.perturbed_result.attacked_text.structure
        return structure

    @property
    def text(self) -> Text:
        """The attacked text, as the tokenizer takes it."""
        text: Text = self.original_result.attacked_text.tokenizer_input
        return text

    def pairs(self, wrapper: ModelWrapper | None = None, *, most: int = MOST) -> pd.DataFrame:
        """Returns the masked units, those of the largest effect first.

        The effect of a unit is how much the margin falls, in logits, if the query sees the key
        again while all other units stay masked. The margin is the lead of the best wrong class over
        the label. Nothing that the attack counted changes.

        Args:
            wrapper: the wrapper of the victim; by default that of the attack, which must still be
                there. The effects are those on this victim.
            most: the most units whose effect is computed. If more are masked, the units of the
                largest first-order effect are chosen, and all others have the effect NaN.

        Returns:
            A row for each masked unit, with the columns layer, head, query, key (the tokens, named
            as the attack prints them), effect, query_position and key_position.

        Raises:
            InvalidInputError: there is no victim any more, or ``most`` is no whole number of at
                least 1.
            StructureMismatchError: the structure does not fit the victim of the wrapper.
        """
        label: int = self.original_result.ground_truth_output
        # In another precision, noise would stand beside the effects.
        own = AttentionModelWrapper.of(self._victim_behind(wrapper), "float32")
        return pairs_by_effect(own.victim, self.text, self.structure, label, most)

    def attention(self, wrapper: ModelWrapper | None = None) -> HeadAttention:
        """Returns the attention before and after, in the head that lost most of it.

        Args:
            wrapper: the wrapper of the victim, see `pairs`.

        Raises:
            InvalidInputError: there is no victim any more, or nothing is masked.
        """
        victim = AttentionModelWrapper.of(self._victim_behind(wrapper), "float32").victim
        where = " | ".join(self.text) if isinstance(self.text, tuple) else str(self.text)
        return most_attention_lost(victim, self.text, self.structure, where)

    def plot(self, wrapper: ModelWrapper | None = None) -> PlainFigure:
        """Draws the attention before and after, see `attention`; notebooks show the figure."""
        return plot_attention(self.attention(wrapper))

    def save(self, path: str | os.PathLike[str], wrapper: ModelWrapper | None = None) -> None:
        """Writes the structure to a file, which `AttentionModelWrapper.replay` reads.

        Args:
            path: the path of the file (safetensors, no pickle).
            wrapper: the wrapper of the victim, see `pairs`.

        Raises:
            InvalidInputError: there is no victim any more, or the file cannot be written.
        """
        victim = AttentionModelWrapper.of(self._victim_behind(wrapper)).victim
        victim.save_structure(path, self.text, self.structure)

    def __repr__(self) -> str:
        masked = f"; {summarize(self.structure)}" if len(self.structure) else ""
        return f"<{type(self).__name__}: {self.goal_function_result_str()}{masked}>"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows."""
        return html_of(self, self.verdict, with_masks=self.lists_pairs)

    def _victim_behind(self, wrapper: ModelWrapper | None) -> ModelWrapper:
        wrapper = self._wrapper() if wrapper is None and self._wrapper is not None else wrapper
        if wrapper is None:
            raise InvalidInputError(
                "expected the victim of this result, which is not there any more (the result was "
                "pickled, or the attack and its wrapper are gone); give its wrapper, as "
                "pairs(wrapper) or plot(wrapper)"
            )
        return wrapper

    def describe(self, color_method: str | None = None) -> list[str]:
        """Describes the masked units in one line a matrix: ``L2 H10: a -> emotional``."""
        color = self.perturbed_result.get_text_color_perturbed()
        lines = [line.partition(": ") for line in describe(self.structure, self.tokens)]
        return [
            f"{matrix}: {color_text(pairs, color, color_method)}" if pairs else matrix
            for matrix, _, pairs in lines
        ]

    def diff_color(self, color_method: str | None = None) -> tuple[str, str]:
        """Returns the text, and its masked units in one line, for TextAttack's csv logger."""
        return self.original_text(color_method), "; ".join(self.describe(color_method))


class SuccessfulAttackResult(StructureAttackResult, stock.SuccessfulAttackResult):
    """A structure that reaches the goal."""

    verdict = "Success"
    lists_pairs = True

    def str_lines(self, color_method: str | None = None) -> list[str]:
        """Returns the prediction before and after, the text, and the masked units."""
        masked = "\n".join([f"{summarize(self.structure)}:", *self.describe(color_method)])
        return [
            self.goal_function_result_str(color_method),
            self.original_text(color_method),
            masked,
        ]


class FailedAttackResult(StructureAttackResult, stock.FailedAttackResult):
    """No structure within the budget was found; the last one tested is kept.

    Attributes:
        unconfirmed: true if the search claimed a success that a fresh forward pass did not confirm.
    """

    unconfirmed = False
    verdict = "Failed, the last structure that was tested"


class SkippedAttackResult(StructureAttackResult, stock.SkippedAttackResult):
    """The clean text reaches the goal already: misclassified, or of the target class."""

    verdict = "Skipped, as the goal is reached without an attack"
