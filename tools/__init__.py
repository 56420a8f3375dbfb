"""Measurements of the developers, and the distillation of the demo; they are not shipped."""
