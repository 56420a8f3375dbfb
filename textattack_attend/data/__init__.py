"""Data: how examples are read from files and from the hub, without TextAttack."""
