"""Training: what a run starts from, and what can be learned from its data."""
