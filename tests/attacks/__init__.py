"""Tests `textattack_attend/attacks`."""
