"""Shows how far a run of the benchmark is: as a whole, and in the cell that is attacked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ...process.progress import bar, say, spoken
from ..records import Entry
from ..row import Row
from ..store import Store


class ShownRun:
    """The progress of a run on standard error.

    Args:
        store: the store that has the rows.
        entries: the cells of the run, with the names that the run gives them.
        size: the number of examples of each cell.
    """

    def __init__(self, store: Store, entries: Sequence[Entry], size: int) -> None:
        self._store, self._entries, self._size = store, entries, size
        self._missing = {entry.cell: len(store.missing(entry.cell, size)) for entry in entries}
        total = size * len(self._missing)
        done = total - sum(self._missing.values())
        if done:
            say(f"{done} of {total} rows are in the store")
        self._bar = bar("the whole run", total, done)

    def close(self) -> None:
        """Ends the display."""
        self._bar.close()

    @contextmanager
    def cell(self, entry: Entry, missing: int) -> Iterator[Callable[[Row], None]]:
        """Shows a cell, and yields a function that counts a row of it.

        Args:
            entry: the cell.
            missing: the number of its examples that are missing; another process may have attacked
                some since the run began.
        """
        self._count(entry, self._missing[entry.cell] - missing)
        if not missing:
            yield lambda row: None
            return
        name, began = self.name(entry), time.monotonic()
        outcomes = Counter(self._store.rows([entry.cell], self._size)["outcome"])
        with closing(bar(name, self._size, self._size - missing)) as shown:

            def count(row: Row) -> None:
                outcomes[row.outcome] += 1
                shown.set_postfix_str(_asr(outcomes), refresh=False)
                shown.update()
                self._count(entry, 1)

            yield count
        said = (f"{name}: {missing} examples", spoken(time.monotonic() - began), _asr(outcomes))
        say(", ".join(filter(None, said)))

    def name(self, entry: Entry) -> str:
        """Returns the names of a cell, and what tells it from others with the same names."""
        names = entry.victim, entry.attack
        same = [other for other in self._entries if (other.victim, other.attack) == names]
        name = f"{entry.attack} on {entry.victim}"
        if len({other.checkpoint for other in same}) > 1:
            name += f" ({Path(entry.checkpoint).name})"
        if len({other.seed for other in same}) > 1:
            name += f", seed {entry.seed}"
        return name

    def _count(self, entry: Entry, rows: int) -> None:
        self._missing[entry.cell] -= rows
        self._bar.update(rows)


def _asr(outcomes: Counter[str]) -> str:
    """Returns the share of successes among the attacked examples; nothing if there are none."""
    attacked = outcomes["succeeded"] + outcomes["failed"]
    return f"ASR {outcomes['succeeded'] / attacked:.1%}" if attacked else ""
