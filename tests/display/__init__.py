"""Tests `textattack_attend/display`."""
