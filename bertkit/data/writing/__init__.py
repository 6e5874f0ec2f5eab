"""Rows to files of another format, exactly, or with what is set aside told."""
