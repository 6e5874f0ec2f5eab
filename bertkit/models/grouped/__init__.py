"""Attention over concatenated sequences, in groups of like length, and the masks of dropout.

Both the fused layers and the packed attention of other families are built on it.
"""
