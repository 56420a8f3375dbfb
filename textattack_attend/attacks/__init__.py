"""Attacks on attention: TextAttack's attack, goals, searches and transformations on structures."""
