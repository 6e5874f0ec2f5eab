"""The run folder: each path in it named once, written atomically, found again."""
