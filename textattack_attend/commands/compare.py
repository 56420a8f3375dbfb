"""The command ``textattack-attend compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import command
from .results import results_of
from .tables import show

if TYPE_CHECKING:
    from ..benchmark import Results


@command()
@click.argument("first", metavar="STORE", type=click.Path(exists=True, dir_okay=False))
@click.argument(
    "second", metavar="[SECOND]", required=False, type=click.Path(exists=True, dir_okay=False)
)
@click.option(
    "--victims",
    nargs=2,
    metavar="A B",
    help="Two victims of one run, by their names in its recipe, instead of two runs.",
)
@click.option(
    "--attacks",
    nargs=2,
    metavar="A B",
    help="Two attacks of one run, by their names in its tables, instead of two runs.",
)
@click.option(
    "--first-run", metavar="ID", help="The run of the first store.  [default: the one begun last]"
)
@click.option(
    "--second-run", metavar="ID", help="The run of the second store.  [default: the one begun last]"
)
def compare(
    first: str,
    second: str | None,
    victims: tuple[str, str] | None,
    attacks: tuple[str, str] | None,
    first_run: str | None,
    second_run: str | None,
) -> None:
    """Compare two runs, victims or attacks, example by example.

    With STORE and SECOND, robust accuracy is compared between two runs, of two stores or of one.
    Victims and attacks are matched by their labels.

    With STORE and --victims A B, the accuracy of two victims is compared before and after every
    attack; with STORE and --attacks A B, that of every victim after either attack. The difference
    is B's accuracy less A's. Intervals take in the choice of examples and, where there are several
    models a side, their training; p is corrected for the number of lines (Holm).
    """
    within = [name for name, pair in (("victims", victims), ("attacks", attacks)) if pair]
    if within and (second or second_run or len(within) > 1):
        raise click.UsageError(
            f"--{within[0]}: expected one store and at most --first-run beside it"
        )
    if not (within or second):
        raise click.UsageError(
            "expected a second store, or two victims or attacks of one run: --victims A B"
        )
    from ..benchmark import Store
    from ..benchmark.pairing import between_attacks, between_victims, differences

    def of(store: str, run: str | None) -> Results:
        return results_of([Store(store, new=False)], [run] if run else [])

    own = of(first, first_run)
    if second:
        show(differences(own, of(second, second_run)))
    elif victims:
        show(between_victims(own, *victims))
    else:
        assert attacks is not None
        show(between_attacks(own, *attacks))
