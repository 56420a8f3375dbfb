"""Silences TextAttack."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from textattack.shared.utils import logger


@contextmanager
def quiet() -> Iterator[None]:
    """Suppresses everything that TextAttack prints, and its progress bar, inside the context."""
    logger.setLevel(logging.WARNING)  # the attacker sets it back to INFO
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield
