"""The command ``python -m tools strength``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from textattack_attend.commands.common import last, measured, prepare, require_attacked
from textattack_attend.commands.terminal import echo

if TYPE_CHECKING:
    from textattack_attend.attacks.attack import StructureAttack

FRACTIONS = (0.05, 0.01, 0.001, 0.0001)


@click.command()
@measured
def strength(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    trust_remote_code: bool,
    label_names: tuple[str, ...],
) -> None:
    """Print HackAttend beside HackAttend+ over the mask fraction.

    Both spare the row and the column of [CLS], or do not.
    """
    wrapper, examples = prepare(model, data, num_examples, threads, trust_remote_code, label_names)
    from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus

    from ..speed import Timing, time_attack

    recipes: dict[str, Callable[..., StructureAttack]] = {
        "hackattend": HackAttendLiong2024.build,
        "hackattend-plus": HackAttendPlus.build,
    }
    titles = "".join(f"{name:>26}{'matrices':>9}" for name in recipes)
    echo(f"{'alpha':>7}{'[CLS]':>12}{titles}")
    for spare in (True, False):
        for fraction in FRACTIONS:
            name = f"{fraction:.2%}"
            rows: list[Timing] = []
            for build in recipes.values():
                attack = build(wrapper, mask_fraction=fraction, spare_first_token=spare)
                rows.append(last(time_attack(attack, examples), len(examples), name))
                require_attacked(rows[-1].attacked, len(examples))
            columns = [
                f"{f'{r.successes} of {r.attacked}':>12}{r.success_rate:>8.1%}"
                f"{r.seconds_per_attack:>5.2f}s{r.matrices:>9.1f}"
                for r in rows
            ]
            echo(f"{name:>7}{'spared' if spare else 'attackable':>12}{''.join(columns)}")
