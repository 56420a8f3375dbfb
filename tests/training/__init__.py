"""Tests `textattack_attend/training`."""
