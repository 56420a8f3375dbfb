"""Fingerprint: a short name for the weights of a model."""

from __future__ import annotations

import hashlib

import numpy as np
from transformers import PreTrainedModel


def fingerprint(model: PreTrainedModel) -> str:
    """Model type, and a hash of the names, the shapes and a sample of every weight."""
    digest = hashlib.blake2b(digest_size=8)
    for name, weight in model.state_dict().items():
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        sample = weight.detach().flatten()[:: max(1, weight.numel() // 64)][:64]
        digest.update(np.ascontiguousarray(sample.float().cpu().numpy()).tobytes())
    return f"{model.config.model_type}-{digest.hexdigest()}"
