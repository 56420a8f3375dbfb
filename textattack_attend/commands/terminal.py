"""Prints for commands so that no text of data, files or libraries acts on the terminal.

Texts, labels, names and messages are a stranger's. An escape sequence in them would move the
cursor, change the window's title or write over what was printed, and controls of direction would
show letters in another order.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

from ..errors.printable import in_one_line, printable


def echo(*lines: str, err: bool = False) -> None:
    """Prints lines, with escapes for characters that would act, and for line breaks in a line.

    Args:
        lines: the lines, without line breaks at their ends.
        err: whether the lines go to standard error.
    """
    click.echo("\n".join(printable(line).replace("\n", r"\n") for line in lines), err=err)


def advise(*commands: str) -> None:
    """Says on standard error what can be done next.

    Args:
        commands: the commands, each with a comment that says what it does.
    """
    for number, one in enumerate(commands):
        echo(f"{'      ' if number else 'next: '}{one}", err=True)


def echo_document(document: str) -> None:
    """Prints a document: exactly into a file or a pipe, with escapes to a terminal."""
    watched = sys.stdout is not None and sys.stdout.isatty()
    # With colours, because click removes sequences of colours where nobody watches.
    click.echo(printable(document) if watched else document, color=True)


def show_logs() -> None:
    """Makes what is logged appear on standard error as `echo` prints it."""
    if logging.lastResort is not None:  # it writes where nobody has set up logging
        logging.lastResort.setFormatter(_Formatter())


class _Formatter(logging.Formatter):
    """Formats a record in one line, which the traceback of an error follows."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return in_one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return printable(super().formatException(ei))
