"""The audit of one victim: checks, attacks, accuracy over the budget, and telling token pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from textattack.datasets import Dataset
from textattack.models.wrappers import ModelWrapper

from ..attacks.named import require_attack
from ..benchmark import Recipe, Results, Store, comparison, summary
from ..benchmark.metrics import are
from ..benchmark.running import Benchmark, Worker
from ..datasets import for_model
from ..errors import AttendError, require_whole_number
from ..host.quiet import quiet
from ..models.wrappers import AttentionModelWrapper, class_names_of
from ..process.temporary_files import temporary_folder
from .sanity import findings
from .telling_pairs import telling_pairs

ON_ATTENTION = {"HackAttend": "hackattend", "HackAttend+": "hackattend-plus"}
"""The attacks on attention of every audit, by their labels."""
OTHERS = ("deepwordbug",)
"""The attacks beside them; DeepWordBug changes letters and downloads nothing."""
STRONGEST = "HackAttend+"
"""The attack whose budget is varied, and whose successes are looked at."""
FRACTIONS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""The mask fractions at which the strongest attack runs; one of them is its own, 1%."""
SHOWN = ("attack", "ASR", "queries", "seconds")
"""The headings of the comparison that an audit repeats."""
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Audit:
    """The outcome of an audit.

    Args:
        warnings: a line for each sign that attacks on this victim cannot be trusted, see
            `sanity.findings`; empty if there is none.
        results: the rows of all attacks, for tables, figures and the report.
        run: the id of the run of these attacks in the store.
        budgets: the rows of HackAttend+ at every mask fraction.
        pairs: the most telling token pairs of a few successes of HackAttend+, see `telling_pairs`.
    """

    warnings: list[str]
    results: Results
    run: str
    budgets: Results
    pairs: pd.DataFrame

    @property
    def attacks(self) -> pd.DataFrame:
        """A row for each attack: its ASR with the 95% interval, and queries and seconds.

        Queries and seconds are means over the attacked examples. A number that an attack does not
        have is an empty text.
        """
        found = comparison(self.results)
        return found.reindex(columns=list(SHOWN), fill_value="")

    @property
    def curve(self) -> pd.DataFrame:
        """A row for each mask fraction, the smallest first: the accuracy under HackAttend+.

        Columns: ``mask_fraction``; ``accuracy``, the share of all examples on which the victim is
        still right; ``low`` and ``high``, the ends of its 95% interval.
        """
        measured = summary(self.budgets)
        robust = measured[measured["measure"] == "robust"].set_index("attack")
        recipe = self.budgets.recipes[-1]
        fractions = [attack.options["mask_fraction"] for attack in recipe.attacks.values()]
        found = robust.loc[list(recipe.attacks), ["mean", "low", "high"]]
        found.insert(0, "mask_fraction", fractions)
        return found.rename(columns={"mean": "accuracy"}).reset_index(drop=True)

    @property
    def sentence(self) -> str:
        """The sentence that sums up how many right predictions each attack flips."""
        rows = self.results.rows
        if not are("attacked", rows).any():
            examples = rows["position"].nunique()
            return f"No example was attacked: the victim has none of {examples} right."
        flipped = {
            attack: f"{are('succeeded', own).sum()} of {are('attacked', own).sum()}"
            for attack, own in rows.groupby("attack", sort=False)
        }
        first, second = (f"{label} flips {flipped.pop(label)}" for label in ON_ATTENTION)
        others = "".join(f"; {label} flips {count}" for label, count in flipped.items())
        return (
            f"{first} right predictions, and {second}, by masking at most 1% of each attention "
            f"matrix, or one unit where that is less{others}."
        )


def audit(
    victim: ModelWrapper,
    dataset: Dataset | Sequence[tuple[Any, int]],
    *,
    num_examples: int = 50,
    attacks: Sequence[str] = OTHERS,
    store: str | Path | None = None,
    checkpoint: str = "model in memory",
    data: str = "examples in memory",
    label_names: Sequence[str] = (),
    trust_remote_code: bool = False,
    command: str | None = None,
    say: Say = lambda step: None,
) -> Audit:
    """Audits a victim.

    The attacks are runs of the benchmark. With a store, an audit that was interrupted attacks only
    what is left; the checks and the effects of token pairs are computed again.

    Args:
        victim: the wrapper of the victim, of this package or TextAttack's for transformers.
        dataset: the examples, as a data set of TextAttack's or as pairs of a text and its class.
        num_examples: the number of examples, from the first on.
        attacks: the attacks beside HackAttend and HackAttend+, as ``--recipe`` takes them.
        store: the path of the store; None to keep the rows in memory alone.
        checkpoint: the folder or the name of the victim, which the store keeps.
        data: the name of the data, which the store keeps.
        label_names: the names of the victim's classes in its order; empty for its own.
        trust_remote_code: whether the victim runs code of its checkpoint, which the store keeps.
        command: the command line that asks for the audit, which the store keeps; None for Python.
        say: a function that takes the name of each step as it begins.

    Raises:
        InvalidInputError: the victim and the data do not fit, or there is no such attack.
        StoreError: the store cannot be written.
    """
    wrapper = AttentionModelWrapper.of(victim)
    examples = dataset if isinstance(dataset, Dataset) else Dataset(list(dataset))
    recipes = _recipes(
        attacks,
        num_examples,
        data=data,
        victims={Path(checkpoint).name: [checkpoint]},
        label_names=list(label_names),
        trust_remote_code=trust_remote_code,
    )
    with _opened(store) as opened:
        budgets, attacking = (
            Benchmark(recipe, opened, worker=Worker(recipe, examples, wrapper), command=command)
            for recipe in recipes
        )
        placed = for_model(examples, class_names_of(wrapper, label_names))
        warnings = _checked(wrapper, [placed[at] for at in range(attacking.size)], say)
        attacking.run()
        say(f"attacking with {STRONGEST} at {len(FRACTIONS)} budgets")
        budgets.run()
        results, curve = (Results.of(opened, [run.id]) for run in (attacking, budgets))
    say("looking for the most telling token pairs")
    pairs = telling_pairs(wrapper, placed, results.rows[results.rows["attack"] == STRONGEST])
    return Audit(warnings, results, attacking.id, curve, pairs)


def _recipes(others: Sequence[str], examples: int, **fields: Any) -> list[Recipe]:
    """Returns the recipe of the budgets, and that of the attacks.

    Other commands show the run that is begun last, which is that of the attacks.
    """
    require_whole_number("num_examples", examples)
    both = _budgets(), _attacks(others)
    return [Recipe(attacks=attacks, examples=examples, **fields) for attacks in both]


def _checked(
    wrapper: AttentionModelWrapper, examples: Sequence[tuple[Any, int]], say: Say
) -> list[str]:
    say(f"checking on {len(examples)} examples whether attacks can be trusted")
    with quiet():
        return list(findings(wrapper, examples))


def _attacks(others: Sequence[str]) -> dict[str, Any]:
    """Returns the attacks by their labels; a name that stands for none is refused."""
    for name in others:
        require_attack(name)
    return {**ON_ATTENTION, **{name: name for name in others}}


def _budgets() -> dict[str, Any]:
    recipe = ON_ATTENTION[STRONGEST]
    return {
        f"{STRONGEST} {100 * fraction:g}%": {
            "recipe": recipe,
            "options": {"mask_fraction": fraction},
        }
        for fraction in FRACTIONS
    }


@contextmanager
def _opened(path: str | Path | None) -> Iterator[Store]:
    """Opens a store, or a temporary one; a new store is deleted if nothing could be begun."""
    if path is None:
        with temporary_folder() as folder, closing(Store(folder / "audit.sqlite")) as store:
            yield store
        return
    with closing(Store(path)) as store:
        try:
            yield store
        except AttendError:
            store.delete_if_empty()
            raise
