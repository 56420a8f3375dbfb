"""Masks attention units while a model runs: by structures, by tensors, or at random."""
