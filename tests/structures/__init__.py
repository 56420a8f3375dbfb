"""Tests `textattack_attend/structures`."""
