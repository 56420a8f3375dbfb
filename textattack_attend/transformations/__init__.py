"""Transformations over structures."""

from .attention_unit_masking import AttentionUnitMasking

__all__ = ["AttentionUnitMasking"]
