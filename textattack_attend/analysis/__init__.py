"""Analyses of one victim: sanity checks, robustness curves, where it looks."""
