"""The rights of an ordinary user, for tests of what may not be written that root may run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534
"""The user, and the group, that own nothing."""


@contextmanager
def unprivileged() -> Iterator[None]:
    """Inside, this process may not write what its permissions forbid, although root runs it."""
    if os.geteuid():
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
