"""The loop, its optimizer and its checkpoints. It knows no task, no terminal and no metric."""
