"""Attacks one sentence for the command ``attack``, and shows what was found."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AttendError, InvalidInputError, reason_of
from ..process.progress import say
from .found import Found, lines_of, record_of
from .terminal import echo, echo_document

if TYPE_CHECKING:
    from ..attacks.attack import StructureAttack
    from ..models.wrappers import AttentionModelWrapper

FIGURES = (".png", ".svg", ".pdf")
COLUMNS = {1: ("text",), 2: ("premise", "hypothesis")}
"""The columns of a sentence and of a pair; more texts are a question with its choices."""


def attack_sentence(
    texts: tuple[str, ...],
    model: str | None,
    recipe: str,
    options: dict[str, Any],
    *,
    label: str | None,
    save: str | None,
    plot: str | None,
    output_format: str | None,
    label_names: Sequence[str],
    trust_remote_code: bool,
) -> None:
    """Attacks a sentence, and prints, saves and draws what was found.

    Args:
        texts: the sentence; or the two of a pair; or a context, a question, and its choices.
        model: the name or the folder of the victim.
        recipe: the name of the attack.
        options: the options of the attack.
        label: the name or the number of the class of the sentence; None for the model's.
        save: the file for the structure of a success.
        plot: the file for the figure of a success.
        output_format: "json" for one JSON object.
        label_names: the names of the model's classes; empty for the model's own.
        trust_remote_code: whether to run the code that the checkpoint brings along.

    Raises:
        InvalidInputError: something is missing, or the sentence cannot be attacked.
    """
    require_quoted(texts)
    _require_figure(plot)
    if model is None:
        raise InvalidInputError(
            "--model: expected the victim of the attack, got none; --model attend-demo is embedded"
        )
    say(f"loading {model}")  # before the imports, which take seconds
    wrapper, attack = _prepared(model, recipe, options, trust_remote_code)
    found = _attacked(wrapper, attack, texts, label, label_names)
    if found.succeeded:
        _keep(found, wrapper, save, plot)
    if output_format == "json":
        echo_document(json.dumps(record_of(found, saved=save, drawn=plot), indent=2))
    else:
        echo(*lines_of(found, model, recipe, options, saved=save, drawn=plot))


def require_quoted(texts: Sequence[str]) -> None:
    """Refuses words that stand alone, which were meant as one sentence.

    Raises:
        InvalidInputError: there are several texts, and each is a single word.
    """
    if len(texts) > 1 and all(len(text.split()) == 1 for text in texts):
        raise InvalidInputError(
            f"expected a sentence in quotation marks, got {len(texts)} words: write "
            '"a fine film" instead of a fine film'
        )


def columns_of(texts: tuple[str, ...]) -> OrderedDict[str, str]:
    """Returns texts by the names of their columns."""
    choices = [f"choice {number}" for number in range(len(texts) - 2)]
    names = COLUMNS.get(len(texts), ("context", "question", *choices))
    return OrderedDict(zip(names, texts, strict=True))


def require_fitting(wrapper: AttentionModelWrapper, texts: Sequence[str]) -> None:
    """Refuses texts of another number than the victim reads.

    Raises:
        InvalidInputError: a classifier gets more than two texts.
    """
    from ..attention import is_multiple_choice

    if is_multiple_choice(wrapper.victim.model):
        if len(texts) < 4:
            raise InvalidInputError(
                "expected a context, a question and at least two choices, each in quotation marks, "
                f"as the model scores choices, got {len(texts)} of them"
            )
    elif len(texts) > 2:
        raise InvalidInputError(
            "expected one sentence in quotation marks, or the two of a pair, got "
            f"{len(texts)} texts; only models that score choices read more"
        )


def loaded(model: str, trust_remote_code: bool) -> AttentionModelWrapper:
    """Loads a victim for a command on a single text, on the GPU if there is one."""
    import logging

    import torch
    from textattack.shared.utils import logger

    from ..host import register
    from ..models.wrappers import wrapper_for

    register.register()  # it knows the embedded victim
    logger.setLevel(logging.WARNING)  # it says that models are compatible
    wrapper = wrapper_for(model, trust_remote_code)
    wrapper.model.to("cuda" if torch.cuda.is_available() else "cpu")
    return wrapper


def _prepared(
    model: str, recipe: str, options: dict[str, Any], trust_remote_code: bool
) -> tuple[AttentionModelWrapper, StructureAttack]:
    """Loads the victim, and builds the attack on it."""
    from ..checkpoints.places import require_possible

    require_possible(model)  # said before seconds of imports
    from ..attacks.attack import StructureAttack
    from ..attacks.named import build_attack, require_attack
    from ..host import register

    register.register()
    require_attack(recipe, **options)
    wrapper = loaded(model, trust_remote_code)
    try:
        attack = build_attack(recipe, wrapper, **options)
    except AttendError:
        raise
    except Exception as error:  # an attack on words may need a network, or any other library
        raise InvalidInputError(
            f"--recipe {recipe}: expected an attack that can be built on this model, as hackattend "
            f"or hackattend-plus ({type(error).__name__}: {reason_of(error)})"
        ) from error
    if not isinstance(attack, StructureAttack):
        raise InvalidInputError(
            f"--recipe {recipe}: expected an attack on attention for a sentence, as hackattend or "
            "hackattend-plus, got one on words; textattack attack --interactive takes it"
        )
    return wrapper, attack


def _attacked(
    wrapper: AttentionModelWrapper,
    attack: StructureAttack,
    texts: tuple[str, ...],
    label: str | None,
    label_names: Sequence[str],
) -> Found:
    from .classes import class_named, names_of_classes

    require_fitting(wrapper, texts)
    text = texts[0] if len(texts) == 1 else texts
    names = names_of_classes(wrapper.victim, text, label_names)
    number = int(wrapper([text]).argmax()) if label is None else class_named(label, names)
    result = attack.attack(columns_of(texts), number)
    return Found(texts, result, names)


def _keep(found: Found, wrapper: AttentionModelWrapper, save: str | None, plot: str | None) -> None:
    """Saves and draws the structure of a success."""
    if save is not None:
        wrapper.victim.save_structure(save, found.result.text, found.result.structure)
    if plot is not None:
        from ..files import write_whole

        write_whole(plot, _drawn(wrapper, found, Path(plot).suffix[1:].lower()))


def _drawn(wrapper: AttentionModelWrapper, found: Found, kind: str) -> bytes:
    """Draws the attention of the matrix with the largest effect, before and after."""
    from io import BytesIO

    from ..display.attention_map import plot_attention
    from ..victims.head_attention import attention_of_head

    first = found.pairs.iloc[0]
    matrix = int(first["layer"]), int(first["head"])
    where = f"{found.before} becomes {found.after}"
    shown = attention_of_head(
        wrapper.victim, found.result.text, found.result.structure, matrix, where
    )
    drawn = BytesIO()
    plot_attention(shown).savefig(
        drawn, format=kind, bbox_inches="tight", facecolor="white", dpi=150
    )
    return drawn.getvalue()


def _require_figure(path: str | None) -> None:
    if path is not None and Path(path).suffix.lower() not in FIGURES:
        raise InvalidInputError(
            f"--plot: expected a file that ends in {', '.join(FIGURES)}, got {path}"
        )
