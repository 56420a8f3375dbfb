"""The limits that tests of hostile files rely on."""

from __future__ import annotations

import contextlib
import resource

import numpy as np
import pytest

from ..helpers.limits import TooMuchTimeError, limits


def test_what_stays_within_the_limits_passes() -> None:
    with limits(seconds=5, mebibytes=100):
        assert np.ones(2**20).sum() == 2**20


def test_too_much_memory_is_an_error_and_the_limit_ends_with_the_block() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), limits(seconds=5, mebibytes=100):
        np.ones(2**28)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_too_much_time_is_an_error_that_no_code_catches() -> None:
    def endless() -> None:
        while True:
            with contextlib.suppress(Exception):
                sum(range(1000))

    with pytest.raises(TooMuchTimeError), limits(seconds=0.05, mebibytes=100):
        endless()
