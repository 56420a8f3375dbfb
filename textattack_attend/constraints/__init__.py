"""Constraints on texts that need no more than transformers."""

from .mean_pooled_encoder import MeanPooledEncoder

__all__ = ["MeanPooledEncoder"]
