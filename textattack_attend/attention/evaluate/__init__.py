"""Evaluates a model under many structures, with the engine or by whole forward passes."""
