"""The commands of the developers' command line, ``python -m tools``."""
