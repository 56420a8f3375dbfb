"""Benchmarks: the reference table, and the speed of the attack against a plain sequential run."""
