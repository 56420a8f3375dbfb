"""Shows how far a task is: as a bar in a terminal or a notebook, and as lines in a log.

All of it goes to standard error, so that standard output holds results alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.abc import MetaPathFinder
from typing import Any, Protocol, TextIO, TypeVar

from ..errors.printable import in_one_line

T = TypeVar("T")
SECONDS = 30.0
"""The seconds between two lines of a task in a log."""
HEAVY = ("pandas", "torch")
"""The packages whose import may take seconds, in which a user would see nothing."""
FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt}, {remaining} left{postfix}"


class Bar(Protocol):
    """A display of the progress of a task; its methods are those of tqdm's bars."""

    def update(self, n: int = 1) -> Any:
        """Notes that so many more items are done."""

    def set_description(self, desc: str) -> None:
        """Renames the task."""

    def set_postfix_str(self, s: str, refresh: bool = ...) -> None:
        """Sets what is shown beside the numbers."""

    def close(self) -> None:
        """Ends the task."""


class Lines:
    """Writes a line about a task when it begins, and then every `SECONDS` seconds.

    Args:
        total: the number of items.
        desc: the name of the task.
        initial: the number of items that were done before.
    """

    def __init__(self, total: int, desc: str = "attacked", initial: int = 0, **_: Any) -> None:
        self._name, self._total, self._done, self._before = desc, total, initial, initial
        self._note = ""
        self._file: TextIO | None = sys.stderr
        self._began = self._written = time.monotonic()
        self._write()

    def update(self, n: int = 1) -> None:
        """Notes that so many more items are done, and writes a line if it is time for one."""
        self._done += n
        if time.monotonic() - self._written >= SECONDS:
            self._write()

    def set_description(self, desc: str) -> None:
        """Renames the task."""
        self._name = desc

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Sets what is shown beside the numbers."""
        self._note = s

    def close(self) -> None:
        """Ends the task, about whose end whoever began it says more."""

    def _write(self) -> None:
        self._written = time.monotonic()
        said = (f"{self._done} of {self._total}", self._time_left(), self._note)
        line = in_one_line(f"{self._name}: {', '.join(filter(None, said))}")
        if self._file is not None:
            with suppress(OSError, ValueError):  # a full or closed log must not end the task
                self._file.write(f"{line}\n")
                self._file.flush()

    def _time_left(self) -> str:
        """Returns the time that the rest will take at the mean pace so far; nothing at first."""
        own = self._done - self._before
        if not own:
            return ""
        left = (self._written - self._began) / own * (self._total - self._done)
        return f"{spoken(left)} left"


def bar(name: str, total: int, done: int = 0) -> Bar:
    """Begins to show a task, and returns what shows it.

    Args:
        name: the name of the task.
        total: the number of items.
        done: the number of items that were done before.
    """
    shown: Bar = kind_of_bar()(
        total=total,
        desc=in_one_line(name),
        initial=done,
        leave=False,
        dynamic_ncols=True,
        smoothing=0,
        bar_format=FORMAT,
    )
    return shown


def watched(items: Iterable[T], total: int, name: str) -> Iterator[T]:
    """Yields the items of a task while it is shown.

    Args:
        items: the items, each of which is done once the next one is asked for.
        total: the number of items.
        name: the name of the task.
    """
    with closing(bar(name, total)) as shown:
        for item in items:
            yield item
            shown.update()


def say(line: str) -> None:
    """Writes a line to standard error, above the bars that are shown there."""
    from tqdm import tqdm

    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            tqdm.write(in_one_line(line), file=sys.stderr)
            sys.stderr.flush()


def spoken(seconds: float) -> str:
    """Returns a duration in its two largest units, as ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(int(seconds / 60 + 0.5), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@contextmanager
def announced_imports() -> Iterator[None]:
    """Says that the libraries are loaded if the code inside the context loads them."""
    announcer = _Announcer()
    sys.meta_path.insert(0, announcer)
    try:
        yield
    finally:
        announcer.leave()


class _Announcer(MetaPathFinder):
    """Sees the first import of a heavy package, and leaves the import to Python."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname in HEAVY:
            self.leave()
            say("loading the libraries")

    def leave(self) -> None:
        with suppress(ValueError):
            sys.meta_path.remove(self)


def kind_of_bar() -> Any:
    """Returns the class that shows progress where standard error goes."""
    if _in_notebook():
        from tqdm.auto import tqdm as of_notebooks

        return of_notebooks
    if sys.stderr is None or not sys.stderr.isatty():
        return Lines
    from tqdm import tqdm

    return tqdm


def _in_notebook() -> bool:
    """Returns whether this process is the kernel of a notebook."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    return shell is not None and "IPKernelApp" in shell.config
