"""The command line of the developers: `python -m tools`."""
