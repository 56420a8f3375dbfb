"""The command line: ``textattack-attend``."""
