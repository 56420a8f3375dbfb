"""The checked evaluator: the engine where it is exact, compared with the model after a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor
from transformers import PreTrainedModel

from ...structures import Shape, Structure
from ..marks import mark_of
from .agreement import agrees, evaluators, say_that_it_is_slow
from .engine import Engine
from .sequence_cache import SequenceCache


class CheckedEvaluator:
    """Evaluates structures on a model by the fastest way that gives the model's own logits.

    The engine must be compared with the model before it is first used, and again after every change
    of the model.

    Args:
        model: a model of a supported family, in eval mode.
        precision: the precision of the search; see `Engine`.

    Raises:
        InvalidInputError: the precision is unknown.

    Attributes:
        engine: the engine, or whole forward passes.
        is_checked: true once the engine was compared with the model in its present state.
    """

    def __init__(self, model: PreTrainedModel, precision: str) -> None:
        self.model = model
        self.precision = precision
        self.engine, *self._slower = evaluators(model, precision)
        self.is_checked = False
        self._mark = mark_of(model)

    def has_changed(self) -> bool:
        """Returns whether the model was changed since the evaluator last adopted it."""
        return mark_of(self.model) != self._mark

    def adopt(self) -> None:
        """Chooses an evaluator again for a changed model, which must then be checked again."""
        self.engine, *self._slower = evaluators(self.model, self.precision)
        self._mark, self.is_checked = mark_of(self.model), False

    def check(self, inputs: Mapping[str, Tensor], shapes: Sequence[Shape]) -> None:
        """Compares the engine with the model, and takes a slower way if they disagree.

        Args:
            inputs: the rows of one text without padding, each (B, T).
            shapes: the shape of each row.
        """
        self.is_checked = True
        while isinstance(self.engine, Engine) and not self.engine_agrees(inputs, shapes):
            if self.engine.by_parts:
                say_that_it_is_slow(self.model, "computes something else than its family's layers")
            self.engine = self._slower.pop(0)

    def engine_agrees(self, inputs: Mapping[str, Tensor], shapes: Sequence[Shape]) -> bool:
        """Returns whether the engine computes what the model does; a subclass may differ.

        Args:
            inputs: the rows of one text without padding, each (B, T).
            shapes: the shape of each row.
        """
        engine = self.engine
        assert isinstance(engine, Engine)
        if self.precision != "float32":
            engine = Engine(self.model, by_parts=engine.by_parts)
        return agrees(engine, inputs, shapes)

    def logits(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor:
        """Computes the logits of (sequence, structure) pairs, float32 (B, C), on the CPU."""
        return self.engine.logits(asked)
