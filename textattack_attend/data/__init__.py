"""Reads examples from files and from the hub, without TextAttack."""
