"""``textattack-attend``: what TextAttack's own command line does not have.

Attacks run through ``textattack attack --recipe hackattend``. Heavy imports happen inside the
commands, so ``--help`` is instant.
"""

from __future__ import annotations

from typing import Any

import click

from .. import __version__
from ..errors import AttendError
from ..interrupts import interruptible
from .attention import attention
from .benchmark import benchmark, validate
from .check import check
from .identity import identity
from .known import known
from .memory import memory
from .overhead import overhead
from .report import report
from .results import compare, results
from .robustness import robustness
from .speed import speed
from .strength import strength
from .train import train

COMMANDS = (
    benchmark,
    validate,
    results,
    report,
    compare,
    known,
    strength,
    robustness,
    check,
    identity,
    speed,
    memory,
    overhead,
    attention,
    train,
)


class _Group(click.Group):
    """Turns our errors, and interrupts, into one line and exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with interruptible():
                return super().invoke(context)
        except AttendError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:  # the commands that can go on have said so already
            raise click.ClickException("interrupted; the same command begins anew") from None


@click.group(cls=_Group, commands=COMMANDS)
@click.version_option(__version__)
def main() -> None:
    """Measure attacks on the self-attention of transformers, and train victims."""
