"""Rankings: which units of a matrix an attack masks first."""
