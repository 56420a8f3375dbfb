"""Victims: a model with its tokenizer, as an attack queries it. They need no TextAttack."""
