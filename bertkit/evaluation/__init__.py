"""Scores: from predictions and references to figures that can be trusted."""
