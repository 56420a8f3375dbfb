"""Plain re-implementations, written independently of the package, that tests compare it with."""
