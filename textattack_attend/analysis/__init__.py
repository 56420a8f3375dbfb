"""Analyses of one victim: sanity checks, robustness curves, and shares of its attention."""
