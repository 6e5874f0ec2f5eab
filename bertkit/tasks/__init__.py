"""What a task type means: its columns, its features, its loss, its predictions, its scores."""
