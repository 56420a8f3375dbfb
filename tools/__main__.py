"""The command line of the developers: ``python -m tools``."""

from __future__ import annotations

from textattack_attend.commands.main import command_line

from .commands.families_page import families_page
from .commands.identity import identity
from .commands.in_turn import in_turn
from .commands.memory import memory
from .commands.metrics_page import metrics_page
from .commands.numbers import numbers
from .commands.overhead import overhead
from .commands.published import publish, published
from .commands.speed import speed
from .commands.strength import strength

main = command_line(
    "tools",
    "Measure the speed, the memory and the strength of the attacks, and write the docs.",
    (
        families_page,
        identity,
        in_turn,
        memory,
        metrics_page,
        numbers,
        overhead,
        publish,
        published,
        speed,
        strength,
    ),
)

if __name__ == "__main__":
    main()
