"""Tests `textattack_attend/rankings`."""
