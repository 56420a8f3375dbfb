"""Checks that a model with its tokenizer is a classifier that can be attacked."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..attention import LabelWordClassifier, family_of, is_compiled, is_multiple_choice, unwrapped
from ..attention.layer_parts import first_token
from ..errors import InvalidInputError, UnsupportedModelError
from .prompt import Prompt

logger = logging.getLogger(__name__)


def classifier_of(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, prompt: Prompt | None
) -> Any:
    """Returns the model without its wrappers, or the classifier that a prompt makes of it.

    Attacks use a `LabelWordClassifier` as they use a model of transformers.

    Raises:
        UnsupportedModelError: the model cannot be attacked, or is no classifier without a prompt.
        InvalidInputError: the prompt does not fit the tokenizer.
    """
    inside = unwrapped(model)
    require_computable(inside)
    if prompt is None:
        family_of(inside)
        require_classifier(inside)
        return inside
    require_language_model(inside, tokenizer)
    return LabelWordClassifier(inside, prompt.label_ids(tokenizer))


def require_computable(model: nn.Module) -> None:
    """Refuses a model whose logits have no gradient, or depend on the other texts of a batch.

    Raises:
        UnsupportedModelError: weights without values, weights made under ``inference_mode``, layers
            quantised by PyTorch, or parts that were compiled.
    """
    for name, weight in (*model.named_buffers(), *model.named_parameters()):
        if weight.is_meta:
            raise UnsupportedModelError(
                f"expected weights with values, got {name} on the meta device: load the model with "
                "from_pretrained, on a device that holds all of it"
            )
        # Models make some buffers anew in an evaluation; these do no harm.
        if weight.is_inference() and isinstance(weight, nn.Parameter):
            raise UnsupportedModelError(
                f"expected weights that gradients can be taken through, got {name} made under "
                "torch.inference_mode(): load the model outside of it"
            )
    for name, module in model.named_modules():
        kind = type(module)
        if ".quantized." in kind.__module__ and kind.__module__.startswith("torch."):
            raise UnsupportedModelError(
                f"expected layers that gradients can be taken through, got {name} quantised by "
                "PyTorch, whose result depends on the other texts of a batch, too: attack the "
                "model before its quantisation"
            )
        in_place = getattr(module, "_compiled_call_impl", None) is not None
        if in_place or is_compiled(module) or isinstance(module, torch.jit.ScriptModule):
            raise UnsupportedModelError(
                f"expected layers whose attention can be reached, got {name or 'a model'} compiled "
                "by itself: attack the model before its compilation"
            )


def require_classification_token(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Refuses a tokenizer without the token that the engine reads a classifier's answer from.

    Raises:
        UnsupportedModelError: the engine knows the model's family, and there is no such token.
    """
    parts = family_of(model).engine
    if parts and parts.reads is first_token and tokenizer.cls_token_id is None:
        raise UnsupportedModelError(
            "the tokenizer has no classification token; expected one that starts every text "
            "with it (tokenizer.cls_token, as [CLS] or <s>)"
        )


def require_fitting_tokenizer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuses a tokenizer that gives a model something that it cannot read.

    Raises:
        UnsupportedModelError: token ids without an embedding, inputs that the model does not take,
            or no end token for a model that reads its last one.
    """
    rows = embedding_rows(model)
    if len(tokenizer) > rows:
        raise UnsupportedModelError(
            f"expected a tokenizer of at most {rows} tokens, as many as the model has embeddings, "
            f"got one of {len(tokenizer)}: take the model's own tokenizer, or call "
            "model.resize_token_embeddings and train the new ones"
        )
    inside = model.language_model if isinstance(model, LabelWordClassifier) else model
    taken = inspect.signature(inside.forward).parameters
    named_all = any(own.kind is own.VAR_KEYWORD for own in taken.values())
    unknown = [name for name in tokenizer.model_input_names if name not in taken]
    if unknown and not named_all:
        raise UnsupportedModelError(
            f"expected inputs that a {type(inside).__name__} takes, got {', '.join(unknown)} from "
            "the tokenizer: set tokenizer.model_input_names to those that it takes"
        )
    if reads_the_last_end(model) and model.config.eos_token_id not in tokenizer("a")["input_ids"]:
        raise UnsupportedModelError(
            f"expected a tokenizer that ends every text with token {model.config.eos_token_id}, "
            f"which a {type(model).__name__} reads, got one that does not: take the model's own"
        )


def embedding_rows(model: PreTrainedModel) -> int:
    """Returns the number of tokens that a model has embeddings of."""
    base: Any = model.base_model
    embeddings: nn.Embedding = base.get_input_embeddings()
    return len(embeddings.weight)


def require_embedded(model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> None:
    """Refuses inputs that the model has no embeddings of.

    Args:
        model: the classifier.
        inputs: the rows, each (B, T).

    Raises:
        InvalidInputError: a token, or the type of a token, has no embedding.
    """
    limits = {
        "input_ids": embedding_rows(model),
        "token_type_ids": getattr(model.config, "type_vocab_size", 0),
    }
    for name, limit in limits.items():
        largest = int(inputs[name].max()) if limit and name in inputs else 0
        if limit and largest >= limit:
            raise InvalidInputError(
                f"{name}: expected numbers below {limit}, as many as the model has embeddings, "
                f"got {largest}: take the model's own tokenizer, or remove the example"
            )


def reads_the_last_end(model: PreTrainedModel) -> bool:
    """Returns whether a model reads the last end token of a text, as encoder-decoders do."""
    return family_of(model).decoder is not None


def require_classifier(model: PreTrainedModel) -> None:
    """Refuses a model that has no trained classification head.

    Raises:
        UnsupportedModelError: the model has no head, or one that was just initialised, or one that
            does not choose one of several classes.
    """
    name = type(model).__name__
    head = "ForMultipleChoice" if is_multiple_choice(model) else "ForSequenceClassification"
    if not any(c.__name__.endswith(head) for c in type(model).__mro__):
        raise UnsupportedModelError(
            f"{name} has no classification head; expected a ...ForSequenceClassification or a "
            "...ForMultipleChoice model, or a language model with a prompt"
        )
    if not is_multiple_choice(model):
        require_classes(model)
    elif family_of(model).feels_padding(model.config):
        raise UnsupportedModelError(
            f"expected a model that scores choices of different lengths apart, got a {name}, whose "
            "scores depend on the padding of the shorter ones"
        )
    saved_as = [str(saved) for saved in model.config.architectures or [name]]
    trained = name in saved_as or any(head in saved for saved in saved_as)
    if not trained and _untrained(model):
        raise UnsupportedModelError(
            f"the checkpoint is a {saved_as[0]} without the head of a {name} (transformers made "
            "up a random one); expected a checkpoint fine-tuned for that"
        )


def require_language_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuses a model that cannot go on after a prompt.

    Raises:
        UnsupportedModelError: the model is no causal and no seq2seq language model, or the
            tokenizer ends prompts with an end token, behind which a causal model starts anew.
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


def require_classes(model: PreTrainedModel) -> None:
    """Refuses a model that does not choose one of several classes.

    Raises:
        UnsupportedModelError: it has one output, or is trained for several labels or numbers.
    """
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
    """Gives a tokenizer without a padding token one, and tells the model, as transformers expects.

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
    """Returns whether a model reads the last token and finds it by the padding behind it."""
    return not isinstance(model, LabelWordClassifier) and _reads_the_last_token(model)


def _reads_the_last_token(model: PreTrainedModel) -> bool:
    return any(reach.after == 0 for reach in family_of(model).reach_of(model))


def _untrained(model: PreTrainedModel) -> bool:
    """Returns whether the last bias of the head is still all zero, as it is initialised."""
    outputs = 1 if is_multiple_choice(model) else model.config.num_labels
    biases = [p for n, p in model.named_parameters() if n.endswith("bias")]
    last = [p for p in biases if p.shape == (outputs,)]
    return bool(last) and not last[-1].detach().any()
