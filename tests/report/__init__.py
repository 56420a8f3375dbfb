"""Tests `textattack_attend/report`."""
