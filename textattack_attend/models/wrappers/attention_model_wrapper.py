"""A HuggingFace model wrapper whose attention can be masked."""

from __future__ import annotations

from collections.abc import Sequence

from textattack.models.wrappers import HuggingFaceModelWrapper, ModelWrapper
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ...errors import UnsupportedModelError
from ...structures.file import Text
from ...victim import Victim


class AttentionModelWrapper(HuggingFaceModelWrapper):
    """TextAttack's wrapper over a `Victim`.

    It answers texts as `HuggingFaceModelWrapper` does, but pads to the longest of the batch instead
    of the model's maximum, so word-level attacks run on it too, and faster.

    Args:
        model: a sequence classifier of a supported family.
        tokenizer: its tokenizer.
        precision: of the search, see `Victim`; answers are always in the model's own.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        precision: str = "float32",
    ) -> None:
        super().__init__(model, tokenizer)  # `self.model`: where TextAttack looks to move it to GPU
        self.victim = Victim(model, tokenizer, precision)

    @classmethod
    def of(cls, wrapper: ModelWrapper, precision: str = "float32") -> AttentionModelWrapper:
        """The same model and tokenizer behind our wrapper; ours is returned as it is.

        Raises:
            UnsupportedModelError: the wrapper is not over a HuggingFace model.
        """
        if isinstance(wrapper, cls) and wrapper.victim.precision == precision:
            return wrapper
        if not isinstance(wrapper, HuggingFaceModelWrapper):
            raise UnsupportedModelError(
                f"expected a HuggingFaceModelWrapper or an AttentionModelWrapper, got "
                f"{type(wrapper).__name__}: attention is masked inside a transformers model"
            )
        return cls(wrapper.model, wrapper.tokenizer, precision)

    def __call__(self, text_input_list: Sequence[Text]) -> Tensor:
        """Logits, float32 (B, C)."""
        return self.victim.logits(text_input_list)
