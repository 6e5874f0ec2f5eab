"""Encoder, head and tokenizer: found, checked, loaded, saved."""
