"""Takes away the rights of root, for tests of files that an ordinary user may not write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534
"""The user, and the group, that own nothing."""


@contextmanager
def unprivileged() -> Iterator[None]:
    """Makes this process obey permissions inside the context, although root runs it."""
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
