"""Checkpoints: their configurations, their cards, and how they are loaded."""
