"""Sources, readers, checks and batches: from where rows lie to tensors on the way to a model."""
