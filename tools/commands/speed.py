"""The command ``python -m tools speed``."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import click

from textattack_attend.commands.common import last, measured, prepare, require_attacked
from textattack_attend.commands.terminal import echo

if TYPE_CHECKING:
    from textattack_attend.models.wrappers import AttentionModelWrapper


@click.command()
@measured
@click.option(
    "--word-attacks",
    type=click.Path(exists=True, dir_okay=False),
    help="Python file whose build(recipe, wrapper) makes TextAttack's textfooler and bert-attack, "
    "to time them on the same sentences.",
)
def speed(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    trust_remote_code: bool,
    label_names: tuple[str, ...],
    word_attacks: str | None,
) -> None:
    """Time HackAttend against a plain sequential run.

    Every decision of both is compared.
    """
    word_attack = _builder(word_attacks) if word_attacks else None
    wrapper, examples = prepare(model, data, num_examples, threads, trust_remote_code, label_names)
    from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
    from textattack_attend.attention.products import multiplies_in_onednn

    from ..memory import peak
    from ..speed import AT_A_TIME, compare, time_attack

    before = peak(wrapper.model.device)
    both = last(compare(wrapper, examples), ceil(len(examples) / AT_A_TIME), "both ways")
    require_attacked(both.attacked, len(examples))
    per_attack = 1 / both.attacked
    for name, value in {
        "threads": threads,
        "engine multiplies in": "oneDNN"
        if multiplies_in_onednn(wrapper.model)
        else "PyTorch's kernels",
        "examples attacked": f"{both.attacked} of {len(examples)}",
        "different decisions": both.differing,
        "hackattend, s per attack": f"{both.seconds * per_attack:.3f}",
        "sequential, s per attack": f"{both.sequential_seconds * per_attack:.3f}",
        "sequential / hackattend": f"{both.ratio:.1f}",
        "floor, s per attack": f"{both.floor.plain * per_attack:.3f} "
        f"(with the engine's kernels {both.floor.same_kernels * per_attack:.3f})",
        "hackattend / floor": f"{both.over_floor:.2f}",
        "token-layers per attack": f"{both.token_layers * per_attack:.0f}",
        "plain forward pass, s": f"{both.floor.forwards * per_attack:.4f}",
        "peak memory, MiB": f"{peak(wrapper.model.device) / 2**20:.0f} (libraries and model: "
        f"{before / 2**20:.0f})",
    }.items():
        echo(f"{name:30}{value}")
    attacks: dict[str, Callable[[AttentionModelWrapper], Any]] = {
        "hackattend": HackAttendLiong2024.build,
        "hackattend-plus": HackAttendPlus.build,
    }
    if word_attack:
        attacks |= {name: partial(word_attack, name) for name in ("textfooler", "bert-attack")}
    echo("", f"{'attack':20}{'successes':>12}{'ASR':>8}{'queries':>9}{'s per attack':>14}")
    for name, build in attacks.items():
        one = last(time_attack(build(wrapper), examples), len(examples), name)
        echo(
            f"{name:20}{f'{one.successes} of {one.attacked}':>12}"
            f"{one.success_rate:>8.1%}{one.queries:>9.1f}{one.seconds_per_attack:>14.3f}"
        )


def _builder(path: str) -> Callable[[str, AttentionModelWrapper], Any]:
    """Returns ``build`` of a Python file, which may change settings of TextAttack on import."""
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{path}: expected a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "build"):
        raise click.ClickException(f"{path}: expected a function build(recipe, wrapper), got none")
    build: Callable[[str, AttentionModelWrapper], Any] = module.build
    return build
