"""Which models and tokenizers are classifiers that can be attacked."""

from __future__ import annotations

import logging

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .attention import LabelWordClassifier, chooses, family_of
from .errors import UnsupportedModelError

logger = logging.getLogger(__name__)


def require_classifier(model: PreTrainedModel) -> None:
    """Refuse a model that has no trained classification head.

    Raises:
        UnsupportedModelError: no head, a head that was just initialised, or a head that does not
            choose one of several classes.
    """
    name = type(model).__name__
    head = "ForMultipleChoice" if chooses(model) else "ForSequenceClassification"
    if not any(c.__name__.endswith(head) for c in type(model).__mro__):
        raise UnsupportedModelError(
            f"{name} has no classification head; expected a ...ForSequenceClassification or a "
            "...ForMultipleChoice model, or a language model with a prompt"
        )
    if not chooses(model):
        _require_classes(model)
    saved_as = model.config.architectures or [name]
    trained = name in saved_as or any(head in saved for saved in saved_as)
    if not trained and _untrained(model):
        raise UnsupportedModelError(
            f"the checkpoint is a {saved_as[0]} without the head of a {name} (transformers made "
            "up a random one); expected a checkpoint fine-tuned for that"
        )


def require_language_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a model that cannot go on after a prompt.

    Raises:
        UnsupportedModelError: it is no causal and no seq2seq language model, or the tokenizer ends
            prompts with an end token, behind which a causal one would start anew.
    """
    causal = not model.config.is_encoder_decoder
    if not model.can_generate() or (causal and not _reads_the_last_token(model)):
        raise UnsupportedModelError(
            f"{type(model).__name__} does not go on after a prompt; expected a ...ForCausalLM or a "
            "...ForConditionalGeneration model"
        )
    if causal and tokenizer("a")["input_ids"][-1] == tokenizer.eos_token_id:
        raise UnsupportedModelError(
            "the tokenizer puts an end token behind every prompt; expected one that leaves it "
            "open: set add_eos_token=False"
        )


def _require_classes(model: PreTrainedModel) -> None:
    if model.config.num_labels < 2 or model.config.problem_type not in (
        None,
        "single_label_classification",
    ):
        raise UnsupportedModelError(
            f"expected a model that chooses one of at least 2 classes, got {type(model).__name__} "
            f"with {model.config.num_labels} outputs and problem type "
            f"{model.config.problem_type!r}"
        )


def require_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer without a padding token one, and tell the model, as transformers expects.

    Decoders come without; their classifiers find the last token of a text by its padding.

    Raises:
        UnsupportedModelError: there is no token that could be used, or the two disagree where the
            model looks for the last token.
    """
    expected = model.config.pad_token_id
    if tokenizer.pad_token_id is None:
        padding = tokenizer.eos_token_id if expected is None else expected
        if padding is None:
            raise UnsupportedModelError(
                "the tokenizer has no padding token; expected one: set tokenizer.pad_token"
            )
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding)
        logger.warning("the tokenizer has no padding token; %r is used", tokenizer.pad_token)
    if expected is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    elif expected != tokenizer.pad_token_id and _finds_the_last_token(model):
        raise UnsupportedModelError(
            f"the tokenizer pads with token {tokenizer.pad_token_id}, the model expects "
            f"{expected}; set model.config.pad_token_id, or take the model's own tokenizer"
        )


def _finds_the_last_token(model: PreTrainedModel) -> bool:
    """Whether a model reads the last token and finds it by the padding behind it."""
    return not isinstance(model, LabelWordClassifier) and _reads_the_last_token(model)


def _reads_the_last_token(model: PreTrainedModel) -> bool:
    return any(reach.after == 0 for reach in family_of(model).reach_of(model))


def _untrained(model: PreTrainedModel) -> bool:
    """Whether the last bias of the head is still all zero, as it is initialised."""
    outputs = 1 if chooses(model) else model.config.num_labels
    biases = [p for n, p in model.named_parameters() if n.endswith("bias")]
    last = [p for p in biases if p.shape == (outputs,)]
    return bool(last) and not last[-1].detach().any()
