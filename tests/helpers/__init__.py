"""Makes models, files, stores and processes for the tests."""
