"""Training rows that are read while they are trained on: never all in memory, never all on the disk."""
