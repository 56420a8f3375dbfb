"""Repeats random draws, so that several passes have one dropout mask."""

from __future__ import annotations

import torch


class Randomness:
    """The states that torch's random generators have when the object is made.

    Args:
        device: the device of the model; the state of the CPU's generator is kept as well.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._on_cpu = torch.get_rng_state()
        self._on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def repeat(self) -> None:
        """Sets the generators back, so that all later draws repeat."""
        torch.set_rng_state(self._on_cpu)
        if self._on_device is not None:
            torch.cuda.set_rng_state(self._on_device, self._device)


class FreshRandomness(Randomness):
    """Repeats nothing, so that every pass has a dropout mask of its own."""

    def repeat(self) -> None:
        """Leaves the generators as they are."""
