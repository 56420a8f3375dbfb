"""Makes the embedded victim `attend-demo`."""
