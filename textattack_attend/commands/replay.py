"""The command ``textattack-attend replay``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import InvalidInputError
from ..process.progress import say
from .classes import Prediction, names_of_classes, prediction_of
from .common import command, label_names_option, trust_option
from .found import EFFECTS, pair_lines, pair_records
from .sentence import loaded, require_fitting, require_quoted
from .terminal import echo, echo_document

if TYPE_CHECKING:
    import pandas as pd

    from ..victims.replay import Replay


@command()
@click.argument("file", type=click.Path())
@click.argument("text", nargs=-1)
@click.option(
    "--model",
    help="The folder of the model, or its name on the hub; attend-demo comes with the package.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output: lines for people, or one JSON object.",
)
@label_names_option
@trust_option
def replay(
    file: str,
    text: tuple[str, ...],
    model: str | None,
    output_format: str,
    label_names: Sequence[str],
    trust_remote_code: bool,
) -> None:
    """Mask the units of a structure FILE again, on any model.

    FILE is what `attack --save` and Victim.save_structure write. A TEXT of the same number of
    tokens may stand in place of the text in the file. The command prints the prediction without the
    structure and under it, and the token pairs on which most depends in this model. On another
    model than that of the file, it says whether the structure transfers. The exit code is 0 whether
    the prediction flips or not, and 1 if the file does not fit the model.
    """
    require_quoted(text)
    if model is None:
        raise InvalidInputError(
            "--model: expected the model that is to read the text under the structure, got none"
        )
    from ..checkpoints.places import require_possible

    require_possible(model)  # said before seconds of imports
    from ..structures import load

    texts = _parts(text if text else load(file).text)
    say(f"loading {model}")  # before the imports, which take seconds
    wrapper = loaded(model, trust_remote_code)
    require_fitting(wrapper, texts)
    read = texts[0] if len(texts) == 1 else texts
    done = wrapper.victim.replay(file, any_model=True, text=read)
    names = names_of_classes(wrapper.victim, read, label_names)
    before, after = (
        prediction_of(logits.double().softmax(-1), names)
        for logits in (done.clean_logits, done.logits)
    )
    from ..attacks.effects import pairs_by_effect

    pairs = pairs_by_effect(wrapper.victim, read, done.structure, before.number, EFFECTS)
    if output_format == "json":
        echo_document(json.dumps(_record(done, before, after, pairs), indent=2))
    else:
        echo(*_lines(done, before, after, pairs))


def _parts(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _lines(
    done: Replay, before: Prediction, after: Prediction, pairs: pd.DataFrame
) -> Iterator[str]:
    from ..structures import summarize

    for part in _parts(done.text):
        yield f"text:   {part}"
    yield f"before: {before}"
    yield f"after:  {after}"
    yield summarize(done.structure)
    yield _origin(done)
    yield _verdict(done)
    if not pairs.empty:
        yield from pair_lines(pairs)


def _origin(done: Replay) -> str:
    if done.found_on is None:
        return "made on: unknown (a file of version 1 does not name its whole model)"
    if done.is_transfer:
        return (
            f"made on another model ({done.found_on.name}), which differs in "
            f"{', '.join(done.differing)}: this is a transfer"
        )
    if done.differing:
        return f"made on this model with other settings ({', '.join(done.differing)})"
    return "made on this model"


def _verdict(done: Replay) -> str:
    if not done.is_transfer:
        return f"the structure {'flips the prediction' if done.flips else 'flips nothing'}"
    if done.flips:
        return "the structure transfers: it flips the prediction of this model, too"
    return "the structure does not transfer: the prediction of this model stays"


def _record(
    done: Replay, before: Prediction, after: Prediction, pairs: pd.DataFrame
) -> dict[str, Any]:
    return {
        "text": done.text if isinstance(done.text, str) else list(done.text),
        "found_on": None if done.found_on is None else done.found_on.name,
        "differing": list(done.differing),
        "transfer": done.is_transfer,
        "flips": done.flips,
        "before": before._asdict(),
        "after": after._asdict(),
        "units": len(done.structure),
        "matrices": len(done.structure.matrices),
        "pairs": pair_records(pairs),
    }
