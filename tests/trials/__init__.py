"""Trials: what users of such tools have done and reported, each with the outcome that is right."""
