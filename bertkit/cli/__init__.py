"""What is typed and what is shown. No decisions, and no torch when it is imported."""
