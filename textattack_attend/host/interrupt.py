"""Ends an interrupted ``textattack attack`` with a summary, and says how to go on."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import Namespace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from textattack import Attacker

from ..errors.printable import in_one_line
from ..process.interrupts import SIGNALS

CODE = 128
"""The exit code of a program that a signal ended, as shells define it, less the signal's number."""
ENDING = ".ta.chkpt"


def conclude(interrupt: KeyboardInterrupt, args: Namespace) -> NoReturn:
    """Prints the summary of the examples attacked so far, writes the logs, and exits.

    Args:
        interrupt: the interrupt, on which `note` may have noted the attacker.
        args: the arguments of the command.

    Raises:
        SystemExit: always.
    """
    attacker: Attacker | None = getattr(interrupt, "attacker", None)
    done = _done(attacker)
    if attacker is not None and done:
        _summarize(attacker)
    after = f"after {done} examples" if done else "before an example was attacked"
    sys.stderr.write(f"\ntextattack: interrupted {after}; {_how_to_go_on(attacker, args)}\n")
    raise SystemExit(CODE + (interrupt.args[0] if interrupt.args else signal.SIGINT))


def note(interrupt: KeyboardInterrupt, attacker: Attacker) -> None:
    """Stores, on an interrupt, the attacker that it stopped, for `conclude`."""
    interrupt.attacker = attacker  # type: ignore[attr-defined]


def uninterrupted(original: Any) -> Any:
    """Makes an interrupt wait until a call is done, instead of cutting the call in half.

    Thus every log has every result, and every checkpoint is whole.
    """

    def call(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return original(*arguments, **options)  # Python handles signals only in the main thread
        handlers = {one: signal.getsignal(one) for one in SIGNALS}
        before = {one: handler for one, handler in handlers.items() if callable(handler)}
        arrived: list[tuple[int, FrameType | None]] = []
        for number in before:
            signal.signal(number, lambda *given: arrived.append(given))
        try:
            done = original(*arguments, **options)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        for sent, frame in arrived[:1]:
            before[signal.Signals(sent)](sent, frame)
        return done

    return call


def _done(attacker: Attacker | None) -> int:
    manager = attacker and attacker.attack_log_manager
    return len(manager.results) if manager else 0


def _summarize(attacker: Attacker) -> None:
    """Prints and writes the summary, as TextAttack does at the end of a run."""
    manager, args = attacker.attack_log_manager, attacker.attack_args
    if args.disable_stdout and not args.silent:
        manager.enable_stdout()
    manager.log_summary()
    manager.flush()


def _how_to_go_on(attacker: Attacker | None, args: Namespace) -> str:
    checkpoint = _last_checkpoint(attacker) or getattr(args, "checkpoint_file", None)
    if checkpoint:
        file = in_one_line(str(checkpoint))
        return f"`textattack attack-resume --checkpoint-file {file}` goes on from there"
    if attacker is None or not _done(attacker):
        return "the same command begins anew"
    given = attacker.attack_args
    if given.shuffle or given.attack_n or given.num_successful_examples or given.parallel:
        return "with --checkpoint-interval N a run can be resumed"
    size, offset, done = len(attacker.dataset), given.num_examples_offset, _done(attacker)
    stop = size if given.num_examples == -1 else min(size, offset + given.num_examples)
    return (
        f"--num-examples-offset {offset + done} --num-examples {stop - offset - done} attacks the "
        "rest; with --checkpoint-interval N a run can be resumed"
    )


def _last_checkpoint(attacker: Attacker | None) -> Path | None:
    """Returns the newest checkpoint that this run wrote; the names are times in milliseconds."""
    if attacker is None or not attacker.attack_args.checkpoint_interval:
        return None
    begun = getattr(attacker, "begun", 0.0)
    saved = Path(attacker.attack_args.checkpoint_dir).glob(f"[0-9]*{ENDING}")
    times = {int(path.name.removesuffix(ENDING)): path for path in saved}
    own = [time for time in times if time >= int(begun * 1000)]
    return times[max(own)] if own else None
