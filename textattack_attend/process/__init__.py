"""Looks after the process of a command: signals, standard output, temporary files, its end.

These modules import neither TextAttack nor torch, and know nothing about attacks.
"""
