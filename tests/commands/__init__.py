"""Tests `textattack_attend/commands`."""
