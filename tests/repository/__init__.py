"""Tests the demo, the examples and the licences that the repository ships."""
