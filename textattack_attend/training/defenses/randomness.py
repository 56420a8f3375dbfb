"""The same randomness again: one dropout mask for several passes."""

from __future__ import annotations

import torch


class Randomness:
    """Torch's generators as they are now.

    Args:
        device: where the model is; the CPU's generator is kept beside it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._on_cpu = torch.get_rng_state()
        self._on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def repeat(self) -> None:
        """Draw from here on what was drawn then."""
        torch.set_rng_state(self._on_cpu)
        if self._on_device is not None:
            torch.cuda.set_rng_state(self._on_device, self._device)
