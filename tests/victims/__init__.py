"""Tests `textattack_attend/victims`."""
