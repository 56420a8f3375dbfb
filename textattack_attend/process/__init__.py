"""The process of a command: its signals, its standard output, its temporary files, its end.

Nothing here imports TextAttack or torch, and nothing knows what an attack is.
"""
