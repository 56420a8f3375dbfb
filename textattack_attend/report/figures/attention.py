"""The figure of one head's attention before and after an attack."""

from ...display.attention_map import plot_attention

__all__ = ["plot_attention"]
