"""TextAttack's wrapper of a transformers model, whose attention can be masked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from textattack.models.wrappers import HuggingFaceModelWrapper, ModelWrapper
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ...attention import unwrapped
from ...data.texts import Text
from ...display.head_attention import AttentionMap
from ...identity import Identity
from ...victims.head_attention import attention_map
from ...victims.prompt import Prompt
from ...victims.replay import Replay
from ...victims.victim import Victim
from .requirements import require_model, require_wrapper


class AttentionModelWrapper(HuggingFaceModelWrapper):
    """TextAttack's wrapper over a `Victim`.

    It answers texts as `HuggingFaceModelWrapper` does, but pads to the longest text of the batch
    instead of the model's maximum. So word-level attacks run on it too, and faster.

    Args:
        model: a sequence classifier of a supported family; or a model that scores choices, for
            which a text has the columns context, question, and one for each choice; or a language
            model.
        tokenizer: the model's tokenizer.
        precision: the precision of the search, see `Victim`; answers are computed in the model's
            own precision.
        max_tokens: the most tokens of a sequence; None for as many as the model and the tokenizer
            allow.
        prompt: the prompt that makes a classifier of a language model, whose answers are
            log-likelihoods; None for a classifier.
        cross_attention: whether to attack a decoder's attention to its encoder, instead of
            self-attention.
        max_memory: the GiB that an attack on a text may take beside the model, see `Victim`.
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
        require_model(model)
        # TextAttack moves `self.model` to the GPU, and accepts no wrapped model there.
        super().__init__(unwrapped(model), tokenizer)
        self.victim = Victim(
            model, tokenizer, precision, max_tokens, prompt, cross_attention, max_memory
        )

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        trust_remote_code: bool = False,
        **options: Any,
    ) -> AttentionModelWrapper:
        """Loads a model with its tokenizer and its card, if any, behind the wrapper that fits it.

        Args:
            name_or_path: the folder of a checkpoint, its name on the hub, TextAttack's name of a
                model, or ``attend-demo``.
            trust_remote_code: whether to run the code that the checkpoint brings along.
            options: keyword arguments of `AttentionModelWrapper`; with ``prompt`` a language model
                is loaded, otherwise a classifier or a model that scores choices.

        Raises:
            InvalidInputError: there is no such checkpoint.
            CustomCodeError: the checkpoint needs code of its own, which is not allowed.
            UnsupportedModelError: the model cannot be attacked.
        """
        from .checkpoint import wrapper_for  # it knows all wrappers, and this one

        return wrapper_for(name_or_path, trust_remote_code, **options)

    @classmethod
    def of(cls, wrapper: ModelWrapper, precision: str | None = None) -> AttentionModelWrapper:
        """Returns an `AttentionModelWrapper` over the model and the tokenizer of any wrapper.

        Args:
            wrapper: the victim's wrapper; one of this package is returned as it is, if its
                precision is the wanted one.
            precision: the precision of the search; None for that of a wrapper of this package, and
                "float32" for one of TextAttack.

        Raises:
            UnsupportedModelError: the wrapper is not over a HuggingFace model, or is no wrapper.
        """
        if isinstance(wrapper, AttentionModelWrapper):
            if precision is None or precision == wrapper.victim.precision:
                return wrapper
            return wrapper.with_precision(precision)
        require_wrapper(wrapper)
        return cls(wrapper.model, wrapper.tokenizer, precision or "float32")

    def replay(
        self, path: str | os.PathLike[str], *, any_model: bool = False, text: Text | None = None
    ) -> Replay:
        """Runs the structure of a file on this model, see `Victim.replay`.

        Args:
            path: a structure file.
            any_model: accept a structure that was found on another model, to see whether it
                transfers.
            text: a text of the same length to read in place of the file's.

        Raises:
            StructureMismatchError: the file is of another model or of another length.
            InvalidInputError: the file is missing or damaged, or the model cannot read the text.
        """
        return self.victim.replay(path, any_model=any_model, text=text)

    def attention_map(
        self, text: Text | Mapping[str, str], layer: int, head: int, title: str = ""
    ) -> AttentionMap:
        """Returns the attention of one head on a text, for `plot_attention_maps`.

        Args:
            text: a text, or its columns in their order.
            layer: the number of the layer, counted from 0.
            head: the number of the head, counted from 0.
            title: a line that says what is shown.

        Raises:
            InvalidInputError: the model has no such layer or head, or cannot read the text.
        """
        read = tuple(text.values()) if isinstance(text, Mapping) else text
        return attention_map(self.victim, read, layer, head, title)

    def with_precision(self, precision: str) -> AttentionModelWrapper:
        """Returns a wrapper over the same model whose search has another precision."""
        return AttentionModelWrapper(self.model, self.tokenizer, **self.options(precision))

    def options(self, precision: str) -> dict[str, Any]:
        """Returns the arguments that the wrapper was made with, but for another precision."""
        return {
            "precision": precision,
            "max_tokens": self.victim.max_tokens,
            "prompt": self.victim.prompt,
            "cross_attention": self.victim.cross_attention,
            "max_memory": self.victim.memory.gibibytes,
        }

    def identity(self) -> Identity:
        """Returns the names of everything that decides the wrapper's answers."""
        return self.victim.identity()

    def __call__(self, text_input_list: Sequence[Text]) -> Tensor:
        """Computes the logits of classes, or the scores of choices, float32 (B, C)."""
        return self.victim.logits(text_input_list)
