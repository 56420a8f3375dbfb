"""The device on which a benchmark attacks its victims."""

from __future__ import annotations

import platform

import torch


def device() -> str:
    """Returns the device, as torch names it: the GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_in_words() -> str:
    """Returns the device as people name it."""
    if device() == "cuda":
        return f"{torch.cuda.get_device_name()} (cuda)"
    threads = torch.get_num_threads()
    return f"CPU ({platform.machine()}, {threads} thread{'' if threads == 1 else 's'} of torch)"
