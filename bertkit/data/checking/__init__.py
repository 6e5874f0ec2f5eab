"""What looks wrong in data, before anything expensive begins."""
