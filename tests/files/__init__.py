"""Tests `textattack_attend/files`."""
