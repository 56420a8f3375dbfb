"""Plain re-implementations, written independently of the package, to compare it with in tests."""
