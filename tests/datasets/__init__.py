"""Tests `textattack_attend/datasets`."""
