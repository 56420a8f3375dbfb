"""Runs commands in processes of their own, which begin at once, to be killed and interrupted.

Importing everything takes seconds. So one process does it, and is forked for every command.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tests.conftest",
        "matplotlib.figure",
        "textattack.commands.textattack_cli",
        "textattack_attend.benchmark.running",
        "textattack_attend.commands.main",
        "textattack_attend.training.fine_tuning",
        "textattack_attend.report",
        "transformers.models.bert.modeling_bert",
    ]
)
SECONDS = 400
"""The seconds that a call may take on a busy machine; most take one or two."""
POLL_SECONDS = 0.0005
TRACEBACK = "Traceback (most recent call last)"
Moment = Callable[["Running"], None]
"""A function that waits for a moment of a command, or for its end."""
Setup = Callable[[], None]
"""A function that prepares the process of a command."""


@dataclass(frozen=True)
class Ended:
    """The end of a command.

    Args:
        code: the exit code, or the negative number of the signal that ended it.
        output: the text that it printed on the standard output.
        error: the text that it printed on the standard error.
    """

    code: int
    output: str
    error: str

    @property
    def tracebacks(self) -> int:
        """The number of tracebacks that it printed."""
        return (self.output + self.error).count(TRACEBACK)

    @property
    def lines(self) -> list[str]:
        """The lines of its errors, in front of which a progress bar may stand."""
        marks = ("Error: ", "textattack: error: ", "textattack: interrupted ")
        found = [line.rpartition("\r")[2] for line in self.error.splitlines()]
        return [line[line.index(m) :] for line in found for m in marks if m in line]


class Running:
    """A call in a process of its own.

    Args:
        call: a function of a module.
        arguments: the arguments of the call.
        folder: the folder that it runs in.
        setup: prepares the process; a function of a module, or a partial one.
    """

    def __init__(
        self,
        call: Callable[..., None],
        *arguments: str,
        folder: Path,
        setup: Setup | None = None,
    ) -> None:
        self.folder = folder
        ready, says_so = _FORKS.Pipe(duplex=False)
        self._output, output = _FORKS.Pipe(duplex=False)
        self._error, error = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(
            target=_run,
            args=(says_so, output, error, setup, call, arguments, str(folder)),
            daemon=True,
        )
        self._process.start()
        for end in (says_so, output, error):
            end.close()
        self._reading = ThreadPoolExecutor(2)  # a full pipe would hold up the command
        self._said = [self._reading.submit(_read, end) for end in (self._output, self._error)]
        ready.recv()  # from here on a signal meets the call, not what comes before it

    @property
    def is_running(self) -> bool:
        """Returns whether the call has not ended yet."""
        return self._process.is_alive()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, if it still runs."""
        assert self._process.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def ended(self) -> Ended:
        """Waits for the end."""
        self._process.join(SECONDS)
        assert self._process.exitcode is not None, f"it still runs after {SECONDS} seconds"
        output, error = (said.result(SECONDS) for said in self._said)
        self._reading.shutdown()
        return Ended(self._process.exitcode, output, error)


def attend(*arguments: str) -> None:
    """Runs ``textattack-attend`` as its console script does."""
    from textattack_attend.commands.main import main

    sys.argv = ["textattack-attend", *arguments]
    sys.exit(main())


def textattack(*arguments: str) -> None:
    """Runs ``textattack`` as its console script does."""
    from textattack.commands.textattack_cli import main

    sys.argv = ["textattack", *arguments]
    sys.exit(main())


def after(seconds: float) -> Moment:
    """Returns the moment after some seconds."""

    def wait(running: Running) -> None:
        end = time.monotonic() + seconds
        while running.is_running and time.monotonic() < end:
            time.sleep(POLL_SECONDS)

    return wait


def once_there(pattern: str, seconds: float) -> Moment:
    """Returns the moment some seconds after there is a path that fits a pattern."""

    def wait(running: Running) -> None:
        while running.is_running and not any(running.folder.glob(pattern)):
            time.sleep(POLL_SECONDS)
        after(seconds)(running)

    return wait


def full_disk(size: int) -> Setup:
    """Makes writing beyond a size of a file, in bytes, fail, as on a full disk."""
    return partial(_limit_files, size, signal.SIG_IGN)


def death_in_writing(size: int) -> Setup:
    """Ends the process as it writes beyond a size of a file, in bytes, without a last word."""
    return partial(_limit_files, size, signal.SIG_DFL)


def _limit_files(size: int, action: signal.Handlers) -> None:
    signal.signal(signal.SIGXFSZ, action)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _read(end: Connection) -> str:
    with end:
        parts = iter(partial(os.read, end.fileno(), 65_536), b"")
        return b"".join(parts).decode(errors="replace")


def _run(
    ready: Connection,
    output: Connection,
    error: Connection,
    setup: Setup | None,
    call: Callable[..., None],
    arguments: tuple[str, ...],
    folder: str,
) -> None:
    multiprocessing.set_start_method("fork", force=True)  # as in a program that a user starts
    os.chdir(folder)
    os.dup2(output.fileno(), 1)
    os.dup2(error.fileno(), 2)
    output.close()
    error.close()
    # A job in the background of a shell has switched SIGINT off, and passes this on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if setup is not None:
        setup()
    ready.send(None)
    call(*arguments)
