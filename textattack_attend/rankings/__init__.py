"""Rankings, by which an attack chooses the units of a matrix, and candidate masks."""
