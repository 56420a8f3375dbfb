"""Tests `textattack_attend/checkpoints`."""
