"""Interrupts: each ends a command in one line, also where Python would drop it."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import textattack  # noqa: F401  # its import registers the plugin, which needs all of `host`

from textattack_attend.host.interrupt import uninterrupted
from textattack_attend.process.interrupts import SIGNALS, interruptible

both = pytest.mark.parametrize("number", SIGNALS)


@pytest.fixture(autouse=True)
def ordinary() -> Iterator[None]:
    """Handles signals as in a terminal, whatever the job of the tests does with them."""
    before = {one: signal.getsignal(one) for one in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


class Dying:
    """Gets a signal as it is deleted."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def delete_one(number: signal.Signals) -> None:
    """Deletes an object at once, where Python drops the exception, and goes on."""
    Dying(number)
    time.sleep(10)


@both
def test_an_interrupt_during_a_deletion_comes_again(number: signal.Signals) -> None:
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught, interruptible():
        delete_one(number)
    assert caught.value.args == (number,)
    assert time.monotonic() - begun < 5, "it has to wake a process that waits"


def test_other_errors_of_a_deletion_are_said_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: said.append(dropped.exc_type))

    class Failing:
        def __del__(self) -> None:
            raise ValueError

    with interruptible():
        Failing()
    assert said == [ValueError]


@both
def test_afterwards_all_is_as_before(number: signal.Signals) -> None:
    before = signal.getsignal(number), sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(number)
    assert (signal.getsignal(number), sys.unraisablehook) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible():
        signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_runs_without_handlers() -> None:
    ran: list[bool] = []

    def run() -> None:
        with interruptible():
            ran.append(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ran == [True]


@both
def test_an_interrupt_waits_until_a_log_is_written(number: signal.Signals) -> None:
    written: list[str] = []

    def log() -> None:
        signal.raise_signal(number)
        written.append("the whole row")

    with pytest.raises(KeyboardInterrupt), interruptible():
        uninterrupted(log)()
    assert written == ["the whole row"]
