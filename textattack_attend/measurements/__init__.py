"""What the measuring commands print: reference tables, speed, memory, robustness, attention."""
